"""The layers that every net is built of.

Shapes: B batch, H x W image, h x w feature map, C channels. A net's inside is [B, h, w, C] (channels_last) or
[B, C, h, w] (channels_first); the variables have the same names and shapes in both, so that weights move between them.
"""

import dataclasses
import functools
from typing import NamedTuple

from base import late_tensorflow as tf
from base.options import option
from net import synchronised_norm


def _normal(scale, mode="fan_in"):
    return tf.compat.v1.variance_scaling_initializer(scale=scale, mode=mode, distribution="truncated_normal")


def _he():
    return _normal(2.0)


def _he_depthwise():
    # A depthwise output sees one channel, not all of its kernel's: what TensorFlow calls the fan-out counts them right.
    return _normal(2.0, "fan_out")


def _near_zero():
    # Heatmaps are nearly 0 everywhere: heads that start near 0 do not spend the first steps on unlearning noise.
    return _normal(0.01)


def _glorot():
    return tf.compat.v1.glorot_uniform_initializer()


# name -> function without arguments that makes the initializer.
KERNEL_INITIALIZERS = {"he": _he, "glorot": _glorot}


def relu(features):
    """Returns max(features, 0)."""
    return tf.nn.relu(features)


@dataclasses.dataclass(frozen=True)
class LayerOptions:
    """The options that every net has: those of its layers; a net derives its own from them.

    Attributes:
      padding: "symmetric" (PyTorch's, and Keras Applications') or "same" (TensorFlow's: where strides leave
        an odd number of pixels to pad, one more goes to the right and the bottom).
      bn_momentum: share of the moving statistics that a step keeps.
      bn_epsilon: what batch norm adds to the variance.
      initializer: what the convolutions' kernels start from, a key of KERNEL_INITIALIZERS: "he" (arXiv 1502.01852) or
        "glorot" (uniform, the default of TensorFlow's own layers). Depthwise ones and heads have their own.
    """

    padding: str = option(
        "symmetric",
        "Where strided convolutions pad: on both sides (PyTorch, Keras Applications) or as TensorFlow does (same); "
        "imported weights bring theirs.",
        choices=("symmetric", "same"),
        of_weights=True,
    )
    bn_momentum: float = option(
        0.97,
        "Decay of the batch-norm moving averages: they settle within about 1 / (1 - bn_momentum) steps.",
        low=0,
        high=0.9999,
    )
    bn_epsilon: float = option(
        1e-5,
        "What batch norm adds to the variance; imported weights bring theirs.",
        low=1e-12,
        high=1,
        of_weights=True,
    )
    initializer: str = option(
        "he",
        "What convolution kernels start from: He's normal distribution, or Glorot's uniform one.",
        choices=tuple(KERNEL_INITIALIZERS),
    )


class Resized(NamedTuple):
    """Features that are resized to one size and joined along the channels; `Layers.conv` takes them as its inputs.

    Attributes:
      parts: a list of features.
      size: (height, width).
    """

    parts: list
    size: tuple


@dataclasses.dataclass(frozen=True)
class Layers:
    """The settings that hold for all layers of one net, and the layers themselves.

    Attributes:
      is_training: whether batch norm takes the batch's statistics (and moves its own toward them) or its own.
      data_format: "channels_last" or "channels_first", inside the net.
      options: the net's options, of which the layers read theirs.
    """

    is_training: bool
    data_format: str = "channels_last"
    options: LayerOptions = LayerOptions()

    @property
    def channel_axis(self):
        return 3 if self.data_format == "channels_last" else 1

    @property
    def spatial_axes(self):
        return (1, 2) if self.data_format == "channels_last" else (2, 3)

    def enter(self, images):
        """Takes [B, H, W, C] at the net's boundary to the format of its inside."""
        return images if self.data_format == "channels_last" else tf.transpose(images, [0, 3, 1, 2])

    def leave(self, features):
        """Takes a tensor in the format of the net's inside to [B, h, w, C]."""
        return features if self.data_format == "channels_last" else tf.transpose(features, [0, 2, 3, 1])

    def size(self, features):
        """Returns the static (height, width) of `features`."""
        return tuple(features.shape[axis] for axis in self.spatial_axes)

    def channels(self, features):
        """Returns the static number of channels of `features`."""
        return features.shape[self.channel_axis]

    def _pad_for(self, inputs, size, strides, value=0.0):
        """Returns the inputs of a window of `size` that moves by `strides`, and the padding that it still needs."""
        if strides == 1 or size <= strides or self.options.padding == "same":
            return inputs, "SAME"
        paddings = [[size // 2, size // 2] if axis in self.spatial_axes else [0, 0] for axis in range(4)]
        return tf.pad(inputs, paddings, constant_values=value), "VALID"

    @property
    def _initializer(self):
        return KERNEL_INITIALIZERS[self.options.initializer]()

    @property
    def _axes(self):
        return "NHWC" if self.data_format == "channels_last" else "NCHW"

    def conv(self, inputs, filters, kernel_size, name, strides=1, dilation=1, use_bias=False, initializer=None):
        """Convolves, with variables in the scope `name`; the output has 1/strides of the input's size, rounded up.

        The kernel starts from `initializer`; None: the net's own.
        """
        if isinstance(inputs, Resized):
            if self.is_training:
                return self._conv_then_resize(inputs, filters, kernel_size, name)
            inputs = tf.concat([self.resize(part, inputs.size) for part in inputs.parts], self.channel_axis)
        inputs, padding = self._pad_for(inputs, kernel_size, strides)
        with tf.compat.v1.variable_scope(name):
            shape = [kernel_size, kernel_size, self.channels(inputs), filters]
            kernel = tf.compat.v1.get_variable("kernel", shape, initializer=initializer or self._initializer)
            outputs = tf.nn.convolution(inputs, kernel, strides, padding, self._axes, dilation)
            if use_bias:
                bias = tf.compat.v1.get_variable("bias", [filters], initializer=tf.compat.v1.zeros_initializer())
                outputs = tf.nn.bias_add(outputs, bias, self._axes)
            return outputs

    def _conv_then_resize(self, inputs, filters, kernel_size, name):
        """Convolves `Resized` features part by part and resizes the results, which is the same for a 1x1 kernel.

        What training keeps for the gradients is then small: neither resized nor joined features are among it.
        """
        assert kernel_size == 1
        channels = [self.channels(part) for part in inputs.parts]
        with tf.compat.v1.variable_scope(name):
            kernel = tf.compat.v1.get_variable("kernel", [1, 1, sum(channels), filters], initializer=self._initializer)
            outputs = [
                self.resize(tf.nn.convolution(part, share, 1, "SAME", self._axes), inputs.size)
                for part, share in zip(inputs.parts, tf.split(kernel, channels, 2))
            ]
            return functools.reduce(tf.add, outputs)

    def norm(self, inputs, name="norm"):
        """Batch norm; in training its moving statistics are moved by the ops of UPDATE_OPS."""
        if synchronised_norm.is_needed(self.is_training):
            return synchronised_norm.synchronised_norm(
                inputs, self.channel_axis, self.options.bn_momentum, self.options.bn_epsilon, name
            )
        shape = [self.channels(inputs)]
        ones, zeros = tf.compat.v1.ones_initializer(), tf.compat.v1.zeros_initializer()
        with tf.compat.v1.variable_scope(name):
            gamma = tf.compat.v1.get_variable("gamma", shape, initializer=ones)
            beta = tf.compat.v1.get_variable("beta", shape, initializer=zeros)
            mean = tf.compat.v1.get_variable("moving_mean", shape, initializer=zeros, trainable=False)
            variance = tf.compat.v1.get_variable("moving_variance", shape, initializer=ones, trainable=False)
            settings = {"epsilon": self.options.bn_epsilon, "data_format": self._axes}
            norm = tf.compat.v1.nn.fused_batch_norm
            if not self.is_training:
                return norm(inputs, gamma, beta, mean, variance, is_training=False, **settings)[0]
            outputs, batch_mean, batch_variance = norm(inputs, gamma, beta, is_training=True, **settings)
            for statistic, value in ((mean, batch_mean), (variance, batch_variance)):
                update = statistic.assign_sub((statistic - value) * (1 - self.options.bn_momentum))
                tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.UPDATE_OPS, update)
            return outputs

    def conv_norm(self, inputs, filters, kernel_size, name, activation=relu, **conv_options):
        """Convolution without bias, batch norm, activation (None: none), in the scope `name`."""
        with tf.compat.v1.variable_scope(name):
            outputs = self.norm(self.conv(inputs, filters, kernel_size, "conv", **conv_options))
            return outputs if activation is None else activation(outputs)

    def depthwise_norm(self, inputs, kernel_size, name, activation, strides=1):
        """Depthwise convolution (each channel by itself), batch norm, activation, in the scope `name`."""
        shape = [kernel_size, kernel_size, self.channels(inputs), 1]
        inputs, padding = self._pad_for(inputs, kernel_size, strides)
        with tf.compat.v1.variable_scope(name):
            kernel = tf.compat.v1.get_variable("depthwise_kernel", shape, initializer=_he_depthwise())
            steps = [strides if axis in self.spatial_axes else 1 for axis in range(4)]
            outputs = tf.compat.v1.nn.depthwise_conv2d_native(inputs, kernel, steps, padding, self._axes)
            return activation(self.norm(outputs))

    def heatmaps(self, inputs, num_keypoints, kernel_size, name):
        """Convolves to one map a keypoint, near 0 before training."""
        return self.conv(inputs, num_keypoints, kernel_size, name, use_bias=True, initializer=_near_zero())

    def max_pool(self, inputs, size, strides):
        """Max pooling to 1/strides of the size; what is padded never wins."""
        inputs, padding = self._pad_for(inputs, size, strides, inputs.dtype.min)
        return tf.nn.max_pool2d(inputs, size, strides, padding, self._axes)

    def resize(self, inputs, size):
        """Bilinear resize to `size` (height, width), by the rule that pixel i covers [i, i + 1)."""
        if self.size(inputs) == tuple(size):
            return inputs
        resized = tf.compat.v1.image.resize_bilinear(self.leave(inputs), size, half_pixel_centers=True)
        return self.enter(resized)

    def repeat(self, inputs, size):
        """Doubles the size by repeating every cell, then cuts to `size` (height, width)."""
        for axis, length in zip(self.spatial_axes, size):
            inputs = tf.repeat(inputs, 2, axis=axis)
            inputs = tf.gather(inputs, tf.range(length), axis=axis) if inputs.shape[axis] != length else inputs
        return inputs
