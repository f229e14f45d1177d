"""EfficientNet-Lite0, the EfficientNet-B0 (arXiv 1905.11946) for small devices: ReLU6, no squeeze-and-excitation."""

from base import late_tensorflow as tf
from net.declarations import Backbone

NAME = "efficientnet_lite0"
# blocks, kernel size, strides of the first block, expansion, channels: table 1 of the paper.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_LEVELS = (2, 3, 5, 7)  # the stages that end at strides 4, 8, 16, 32


def inverted_bottleneck(layers, inputs, kernel_size, strides, expansion, channels, name):
    """A mobile inverted bottleneck: wide inside, narrow and without activation outside (arXiv 1801.04381, section 3.3).

    Args:
      layers: the net's `Layers`.
      inputs: [B, h, w, C] or [B, C, h, w].
      kernel_size: of the depthwise convolution.
      strides: of the depthwise convolution.
      expansion: width inside, in C.
      channels: of the result.
      name: variable scope.

    Returns:
      [B, h / strides, w / strides, channels], or the same with channels first.
    """
    width = layers.channels(inputs)
    with tf.compat.v1.variable_scope(name):
        features = inputs
        if expansion > 1:
            features = layers.conv_norm(features, expansion * width, 1, "expand", tf.nn.relu6)
        features = layers.depthwise_norm(features, kernel_size, "depthwise", tf.nn.relu6, strides)
        features = layers.conv_norm(features, channels, 1, "project", activation=None)
        return features + inputs if strides == 1 and width == channels else features


def build(layers, images, options):
    """Builds EfficientNet-Lite0 without its classifier.

    Args:
      layers: the net's `Layers`.
      images: [B, H, W, 3] or [B, 3, H, W] float32, normalised as the weights expect it.
      options: none.

    Returns:
      Features of 24, 40, 112, 320 channels at strides 4, 8, 16, 32.
    """
    del options
    levels = []
    with tf.compat.v1.variable_scope(NAME):
        features = layers.conv_norm(images, 32, 3, "stem", tf.nn.relu6, strides=2)
        for stage, (blocks, kernel_size, strides, expansion, channels) in enumerate(STAGES, start=1):
            for block in range(1, blocks + 1):
                name = f"stage{stage}/block{block}"
                step = strides if block == 1 else 1
                features = inverted_bottleneck(layers, features, kernel_size, step, expansion, channels, name)
            if stage in _LEVELS:
                levels.append(features)
    return levels


BACKBONES = {NAME: Backbone(build)}
