"""The stacked hourglass (arXiv 1603.06937)."""

import dataclasses

from base import late_tensorflow as tf
from base.options import option
from net.declarations import Net, Stage
from net.layers import LayerOptions, Layers

_DEPTH = 4  # halvings inside an hourglass (figure 3)


@dataclasses.dataclass(frozen=True)
class Options(LayerOptions):
    """The options of the hourglass: those of its layers, and

    Attributes:
      num_stacks: hourglasses one after the other.
      num_modules: residuals at each place of an hourglass.
      feats_channels: width of the features.
    """

    num_stacks: int = option(8, "Number of stacked hourglasses.", low=1, high=32)
    num_modules: int = option(1, "Residual modules at each place of an hourglass.", low=1, high=16)
    feats_channels: int = option(256, "Channels per hourglass.", low=8, high=2048, aliases=("feats_channals",))


def residual(layers, inputs, channels, name):
    """A pre-activation bottleneck (figure 4 left): [B, h, w, C] -> [B, h, w, channels]."""
    with tf.compat.v1.variable_scope(name):
        shortcut = inputs
        if layers.channels(inputs) != channels:
            shortcut = layers.conv(inputs, channels, 1, "shortcut")
        features = inputs
        widths = ((channels // 2, 1), (channels // 2, 3), (channels, 1))
        for number, (width, kernel_size) in enumerate(widths, start=1):
            features = tf.nn.relu(layers.norm(features, f"norm{number}"))
            features = layers.conv(features, width, kernel_size, f"conv{number}")
        return features + shortcut


def _residuals(layers, features, channels, num_modules, name):
    for module in range(1, num_modules + 1):
        features = residual(layers, features, channels, f"{name}{module}")
    return features


def hourglass(layers, inputs, channels, num_modules, depth=_DEPTH):
    """One hourglass (section 3.1): halves `depth` times, doubles as often, and adds a branch at every size."""
    with tf.compat.v1.variable_scope(f"depth{depth}"):
        branch = _residuals(layers, inputs, channels, num_modules, "branch")
        lower = layers.max_pool(inputs, 2, 2)
        lower = _residuals(layers, lower, channels, num_modules, "down")
        if depth > 1:
            lower = hourglass(layers, lower, channels, num_modules, depth - 1)
        else:
            lower = _residuals(layers, lower, channels, num_modules, "bottom")
        lower = _residuals(layers, lower, channels, num_modules, "up")
        return branch + layers.repeat(lower, layers.size(branch))


def _stem(layers, images, channels):
    """[B, H, W, 3] -> [B, H/4, W/4, channels] (section 3.2)."""
    features = layers.conv_norm(images, 64, 7, "stem", strides=2)
    features = layers.max_pool(residual(layers, features, 128, "residual1"), 2, 2)
    return residual(layers, residual(layers, features, 128, "residual2"), channels, "residual3")


def build(images, num_keypoints, is_training, data_format, options, heatmap_size=None):
    """Builds the stacked hourglass with intermediate supervision (section 3.3).

    Args:
      images: [B, H, W, 3] float32, normalised.
      num_keypoints: K.
      is_training: see `Layers`.
      data_format: of the inside; see `Layers`.
      options: an `Options`.
      heatmap_size: (height, width) of the heatmaps: a quarter of the image's, which None stands for.

    Returns:
      One [B, h, w, K] per stack, the last the best.

    Raises:
      ValueError: when the heatmaps do not come out at `heatmap_size`.
    """
    layers = Layers(is_training, data_format, options)
    channels, modules = options.feats_channels, options.num_modules
    heatmaps = []
    with tf.compat.v1.variable_scope("hourglass"):
        features = _stem(layers, layers.enter(images), channels)
        _check_size(layers.size(features), heatmap_size)
        for stack in range(1, options.num_stacks + 1):
            with tf.compat.v1.variable_scope(f"stack{stack}"):
                inner = hourglass(layers, features, channels, modules)
                inner = _residuals(layers, inner, channels, modules, "residual")
                inner = layers.conv_norm(inner, channels, 1, "linear")
                heatmaps.append(layers.heatmaps(inner, num_keypoints, 1, "heatmaps"))
                if stack < options.num_stacks:
                    features += layers.conv(inner, channels, 1, "remap_features")
                    features += layers.conv(heatmaps[-1], channels, 1, "remap_heatmaps")
    return [layers.leave(maps) for maps in heatmaps]


def _check_size(size, heatmap_size):
    if heatmap_size is not None and tuple(heatmap_size) != size:
        given, own = ("x".join(map(str, reversed(pair))) for pair in (heatmap_size, size))
        raise ValueError(f"heatmaps of {given} do not fit the hourglass, whose heatmaps of these images are {own}")


def _stages(options):
    return [Stage("mse", 1.0, 0.0)] * options.num_stacks


NET = Net(
    build=build,
    options=Options,
    stages=_stages,
    keypoint_outputs=r"hourglass/stack\d+/heatmaps/",
    keypoint_inputs=r"hourglass/stack\d+/remap_heatmaps/",
    output_stride=4,
)
