"""Activations that the backward pass computes again in place of keeping them: a sixth of a training step's memory.

Gradients of convolutions need their inputs, those of ReLUs their outputs. Where these are ReLUs of batch norm, or of
the sum that ends a residual block, they follow in a few passes over memory from the outputs of convolutions, which
batch norm's gradient needs anyway. Convolutions are never computed again.
"""

import functools

from base import late_tensorflow as tf

_AGAIN = "recomputed_activations"  # the graph's collection of (tensor, what stands for it in the backward pass)


def recomputing():
    """Returns a context for building a net, whose gradients then compute such activations again."""
    _register()
    gradients = {"Conv2D": "RecomputingConv2D", "Relu": "RecomputingRelu"}
    return tf.compat.v1.get_default_graph().gradient_override_map(gradients)


@functools.cache  # TensorFlow takes each name once
def _register():
    tf.RegisterGradient("RecomputingConv2D")(_conv2d_gradient)
    tf.RegisterGradient("RecomputingRelu")(_relu_gradient)


def keep(tensor):
    """Marks an activation that stays in memory: one that many read, or from which a long chain follows."""
    return tf.identity(tensor, "kept")


def _conv2d_gradient(op, gradient):
    inputs, kernel = op.inputs
    names = ("strides", "padding", "explicit_paddings", "use_cudnn_on_gpu", "data_format", "dilations")
    options = {name: op.get_attr(name) for name in names}
    return (
        tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(inputs), filter=kernel, out_backprop=gradient, **options),
        tf.raw_ops.Conv2DBackpropFilter(
            input=_again(inputs, gradient), filter_sizes=tf.shape(kernel), out_backprop=gradient, **options
        ),
    )


def _relu_gradient(op, gradient):
    return tf.raw_ops.ReluGrad(gradients=gradient, features=_again(op.outputs[0], gradient))


def _again(tensor, after):
    """Returns a tensor's value as computed once `after` is there; the tensor itself where it has to be kept."""
    if not _is_cheap(tensor):
        return tensor
    done = tf.compat.v1.get_collection_ref(_AGAIN)
    for former, value in done:
        if former is tensor:
            return value
    with tf.control_dependencies([after]):
        value = _compute(tensor, after)
    done.append((tensor, value))
    return value


def _is_cheap(tensor):
    """Returns whether a tensor is the ReLU of a batch norm, or of the sum of one and another such tensor."""
    if tensor.op.type != "Relu" or any(reader.type == "Identity" for reader in tensor.consumers()):
        return False
    (inputs,) = tensor.op.inputs
    if inputs.op.type == "AddV2":
        return all(_is_norm(term) or _is_cheap(term) or _is_kept(term) for term in inputs.op.inputs)
    return _is_norm(inputs)


def _is_norm(tensor):
    return tensor.op.type == "FusedBatchNormV3" and tensor.op.get_attr("is_training")


def _is_kept(tensor):
    return tensor.op.type == "Identity"


def _compute(tensor, after):
    (inputs,) = tensor.op.inputs
    terms = inputs.op.inputs if inputs.op.type == "AddV2" else [inputs]
    values = [_normalised(term.op) if _is_norm(term) else _again(term, after) for term in terms]
    return tf.nn.relu(values[0] + values[1] if len(values) > 1 else values[0])


def _normalised(op):
    """Repeats a batch norm with the statistics that it found: one pass over its inputs."""
    inputs, gamma, beta = op.inputs[:3]
    mean, variance = op.outputs[1:3]
    count = tf.cast(tf.size(inputs) // tf.size(mean), tf.float32)
    options = {name: op.get_attr(name) for name in ("epsilon", "data_format")}
    return tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=gamma,
        offset=beta,
        mean=mean,
        variance=variance * (count - 1) / count,
        is_training=False,
        **options,
    ).y
