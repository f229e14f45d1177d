"""Decodes the part of a photo that the network's input shows, at no higher resolution than it takes."""

import tensorflow as tf

from preprocessing import geometry, rendering

_RATIOS = (1, 2, 4, 8)  # libjpeg decodes at a half, a quarter and an eighth of the size for less time


def decode_window(encoded, photo_size, to_input, input_size):
    """Decodes at least the box of a photo that an affine matrix brings into the input.

    A photo of up to `rendering.CAPACITIES[0]` pixels is decoded whole, which takes no longer than finding the box; a
    box of more than `rendering.CAPACITIES[-1]` pixels at a half, a quarter or an eighth of its size.

    Args:
        encoded: scalar string, a JPEG.
        photo_size: int32 [2] (width, height).
        to_input: float32 [2, 3], from the photo's plane to the input's.
        input_size: height and width of the input.

    Returns:
        window: uint8 [h, w, 3] RGB.
        to_input: float32 [2, 3], from the window's plane to the input's.
    """
    return tf.cond(
        tf.reduce_prod(photo_size) <= rendering.CAPACITIES[0],
        lambda: (tf.io.decode_jpeg(encoded, channels=3), to_input),
        lambda: _decode_box(encoded, photo_size, to_input, input_size),
    )


def _decode_box(encoded, photo_size, to_input, input_size):
    low, high = _seen(photo_size, to_input, input_size)
    pixels = tf.reduce_prod(high - low)
    fitting = tf.reduce_sum([tf.cast(pixels > ratio**2 * rendering.CAPACITIES[-1], tf.int32) for ratio in _RATIOS[:-1]])
    ratio = tf.gather(tf.constant(_RATIOS), fitting)
    low, high = low // ratio, -(-high // ratio)
    left, top = tf.unstack(low)
    width, height = tf.unstack(high - low)

    def decode(ratio):
        return tf.io.decode_and_crop_jpeg(encoded, [top, left, height, width], channels=3, ratio=ratio)

    window = tf.switch_case(fitting, [lambda ratio=ratio: decode(ratio) for ratio in _RATIOS])
    ratio = tf.cast(ratio, tf.float32)
    offset = geometry.translation(tf.cast(left, tf.float32), tf.cast(top, tf.float32))
    return window, geometry.compose(offset, geometry.scaling(ratio, ratio), to_input)


def _seen(photo_size, to_input, input_size):
    """Returns the corners, int32 [2] (x, y) each, of the box of whole photo pixels that sampling the input looks at."""
    size = float(input_size)
    corners = tf.constant([[0.0, 0.0], [0.0, size], [size, 0.0], [size, size]])
    corners = geometry.apply(geometry.invert(to_input), corners)
    margin = 1.0  # a sample at the edge looks at the pixel beyond it
    low = tf.cast(tf.floor(tf.reduce_min(corners, 0) - margin), tf.int32)
    high = tf.cast(tf.math.ceil(tf.reduce_max(corners, 0) + margin), tf.int32)
    low = tf.clip_by_value(low, 0, photo_size - 1)
    return low, tf.clip_by_value(high, low + 1, photo_size)
