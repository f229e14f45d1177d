"""Renders decoded photos as the network's input: one compiled program samples, recolours and unpacks several."""

import functools
import os

import tensorflow as tf

from base import stderr
from base.geometry import invert
from preprocessing.input import color, packed_pixels

# XLA compiles for fixed shapes: images are padded to the first of these numbers of pixels that holds them.
CAPACITIES = (384 * 384, 512 * 512, 1024 * 1024)

# In these releases of TensorFlow, XLA's new way to fuse loops gathers a value anew for each use of it, which takes
# three times as long. Others may not know the flag for the old way, and an unknown flag would end the process.
_GATHERS_TWICE = ("2.16", "2.17", "2.18", "2.19", "2.20", "2.21")
_FUSE_AS_BEFORE = "--xla_cpu_use_fusion_emitters=false"


def compiled(function):
    """Returns `function` of tensors as one that XLA compiles when it is first run; shapes must be known by then."""
    _set_options()
    return tf.function(function, jit_compile=True, autograph=False)


@functools.cache
def _set_options():
    """Sets XLA's options, which it reads when it compiles for the first time in a process.

    They change the last bit of some numbers: were they set later in one process than in another, a training that is
    resumed would not end with the same weights.
    """
    former = os.environ.get("XLA_FLAGS", "")
    if tf.__version__.rpartition(".")[0] in _GATHERS_TWICE and _FUSE_AS_BEFORE not in former:
        os.environ["XLA_FLAGS"] = f"{former} {_FUSE_AS_BEFORE}".strip()


@functools.cache
def start_compiler():
    """Compiles something small with stderr closed, once a process.

    XLA tells of the first thing that it compiles, past TensorFlow's log level; it is of no use to anybody.
    """
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})  # a GPU's memory is for the training
    with stderr.quiet(), tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        pixel = tf.compat.v1.placeholder(tf.int32, [1, 1])  # a constant would be folded, and nothing compiled
        session.run(compiled(packed_pixels.to_image)(pixel), {pixel: [[0]]})


def render(rows, shapes, to_input, input_size, amounts, order):
    """Samples images through affine matrices, bilinearly and once, and distorts their colours.

    Args:
        rows: uint8 [N, bytes], each image's pixels row by row, RGB, then padding; of at most CAPACITIES[-1] pixels, or
            as many as the input has.
        shapes: int32 [N, 2], (height, width) of each image.
        to_input: float32 [N, 2, 3], from each image's plane to the input's.
        input_size: height and width of the input.
        amounts: {name: float32 [N]}; see `color.distort`.
        order: int32 [N]; see `color.distort`.

    Returns:
        uint8 [N, input_size, input_size, 3], black where the input sees past the image.
    """
    from_input = invert(to_input)
    length = tf.shape(rows)[1]
    # An image that was resized before has the input's size.
    capacities = (*CAPACITIES, input_size**2) if input_size**2 > CAPACITIES[-1] else CAPACITIES

    def padded_to(capacity):
        flat = tf.pad(rows, [[0, 0], [0, 3 * capacity - length]])
        return _program(tf.ensure_shape(flat, [None, 3 * capacity]), shapes, from_input, input_size, amounts, order)

    fitting = tf.reduce_sum(tf.cast(length > tf.constant([3 * capacity for capacity in capacities[:-1]]), tf.int32))
    return tf.switch_case(fitting, [lambda capacity=capacity: padded_to(capacity) for capacity in capacities])


@compiled
def _program(flat, shapes, from_input, input_size, amounts, order):
    def one(example):
        flat, shape, from_input, amounts, order = example
        packed = _quickly_compiled(_computed_once(lambda: packed_pixels.pack(tf.reshape(flat, [-1, 3])), order))
        sampled = packed_pixels.sample(packed, shape, from_input, input_size)
        return _quickly_compiled(color.distort(sampled, amounts, order))

    rendered = tf.TensorSpec([input_size, input_size], tf.int32)
    examples = (flat, shapes, from_input, amounts, order)
    return packed_pixels.to_image(tf.map_fn(one, examples, fn_output_signature=rendered))


def _computed_once(compute, branch):
    """Returns what `compute` returns, put into memory.

    XLA merges loops: each of a pixel's readers would put its word together anew, byte by byte. It merges nothing across
    the borders of a conditional, nor removes one of three branches, of which `branch` may choose any.
    """
    return tf.switch_case(branch, [compute] * 3)


def _quickly_compiled(result):
    """Keeps the compiler from asking whether what goes into a conditional is constant; it takes seconds to say no.

    Args:
        result: what `tf.switch_case` returned: the identity of the conditional's output.
    """
    conditional = result.op.inputs[0].op
    conditional._set_attr("_xla_propagate_compile_time_consts", tf.compat.v1.AttrValue(b=False))
    return result
