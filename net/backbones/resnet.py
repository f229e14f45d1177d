"""ResNet (arXiv 1512.03385), the deeper bottleneck versions of its table 1, as a backbone."""

import dataclasses
import functools

from base import late_tensorflow as tf
from base.options import option
from net.declarations import Backbone
from net.recomputation import keep

# Bottlenecks in stages 2 to 5 (the paper's conv2_x to conv5_x), which end at strides 4, 8, 16 and 32.
BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3), "resnet152": (3, 8, 36, 3)}


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of ResNets.

    Attributes:
      resnet_stride: see `bottleneck`.
    """

    resnet_stride: str = option(
        "1x1",
        "The convolution of a ResNet's block that halves the size: 1x1 (the paper, Keras) or 3x3 (PyTorch); imported "
        "weights bring theirs.",
        choices=("1x1", "3x3"),
        of_weights=True,
    )


def bottleneck(layers, inputs, inner, outer, name, strides=1, dilation=1, resnet_stride="1x1", project=None):
    """A 1x1, 3x3, 1x1 residual block with the activation after the sum (section 4.1, figure 5 right).

    Args:
      layers: the net's `Layers`.
      inputs: [B, h, w, C] or [B, C, h, w].
      inner: channels inside.
      outer: channels of the result.
      name: variable scope.
      strides: of the whole block.
      dilation: of the 3x3 convolution.
      resnet_stride: the convolution that has the stride, "1x1" (the paper) or "3x3" (PyTorch's ResNets).
      project: whether the shortcut is a 1x1 convolution; None: only where the shapes need it.

    Returns:
      [B, h / strides, w / strides, outer], or the same with channels first.
    """
    first, second = (strides, 1) if resnet_stride == "1x1" else (1, strides)
    if project is None:
        project = strides > 1 or layers.channels(inputs) != outer
    with tf.compat.v1.variable_scope(name):
        shortcut = inputs
        if project:
            shortcut = layers.conv_norm(inputs, outer, 1, "shortcut", activation=None, strides=strides)
        features = layers.conv_norm(inputs, inner, 1, "conv1", strides=first)
        features = layers.conv_norm(features, inner, 3, "conv2", strides=second, dilation=dilation)
        features = layers.conv_norm(features, outer, 1, "conv3", activation=None)
        return tf.nn.relu(features + shortcut)


def stem(layers, images):
    """7x7 convolution, batch norm, ReLU and 3x3 pooling: [B, H, W, 3] -> [B, H/4, W/4, 64]."""
    return layers.max_pool(layers.conv_norm(images, 64, 7, "stem", strides=2), 3, 2)


def stages(layers, images, blocks, resnet_stride):
    """Yields the features after each stage of `blocks` bottlenecks, at strides 4, 8, 16, 32, from [B, H, W, 3]."""
    features = stem(layers, images)
    for stage, num_blocks in enumerate(blocks, start=2):
        inner = 64 * 2 ** (stage - 2)
        for block in range(1, num_blocks + 1):
            strides = 2 if block == 1 and stage > 2 else 1
            name = f"stage{stage}/block{block}"
            features = bottleneck(layers, features, inner, 4 * inner, name, strides, resnet_stride=resnet_stride)
        features = keep(features)  # the next stage reads it, and what is built on the backbone
        yield features


def build(name, layers, images, options):
    """Builds the ResNet `name` of BLOCKS.

    Args:
      name: a key of BLOCKS; also the variable scope.
      layers: the net's `Layers`.
      images: [B, H, W, 3] or [B, 3, H, W] float32, normalised as the weights expect it.
      options: an `Options`.

    Returns:
      [C2, C3, C4, C5] with 256, 512, 1024, 2048 channels at strides 4, 8, 16, 32.
    """
    with tf.compat.v1.variable_scope(name):
        return list(stages(layers, images, BLOCKS[name], options.resnet_stride))


BACKBONES = {name: Backbone(functools.partial(build, name), Options) for name in BLOCKS}
