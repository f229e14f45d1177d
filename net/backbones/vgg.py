"""VGG-16 (arXiv 1409.1556, table 1, configuration D) without its fully connected layers."""

from base import late_tensorflow as tf
from net.declarations import Backbone

NAME = "vgg16"
STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # convolutions, channels; a pooling ends each


def build(layers, images, options):
    """Builds VGG-16 up to its last pooling.

    Args:
      layers: the net's `Layers`.
      images: [B, H, W, 3] or [B, 3, H, W] float32, normalised as the weights expect it.
      options: none.

    Returns:
      Features of 128, 256, 512, 512 channels at strides 4, 8, 16, 32: what poolings 2 to 5 give.
    """
    del options
    levels, features = [], images
    with tf.compat.v1.variable_scope(NAME):
        for stage, (convolutions, channels) in enumerate(STAGES, start=1):
            for number in range(1, convolutions + 1):
                features = tf.nn.relu(layers.conv(features, channels, 3, f"conv{stage}_{number}", use_bias=True))
            features = layers.max_pool(features, 2, 2)
            levels.append(features)
    return levels[1:]


BACKBONES = {NAME: Backbone(build)}
