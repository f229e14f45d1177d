"""The Cascaded Pyramid Network (arXiv 1711.07319) on any backbone of `net/backbones/`."""

import dataclasses

from base import late_tensorflow as tf
from base.options import option
from net import backbones
from net.backbones import BackboneOptions
from net.backbones.resnet import bottleneck
from net.declarations import Net, Stage
from net.layers import Layers, Resized
from net.recomputation import keep

# Bottlenecks of RefineNet on P5, P4, P3, P2 (figure 1): the coarser the level, the more.
_REFINE_BLOCKS = (3, 2, 1, 0)


@dataclasses.dataclass(frozen=True)
class Options(BackboneOptions):
    """The options of CPN: its backbone, those of its layers, and

    Attributes:
      head_channels: width of GlobalNet and RefineNet (256 in the paper).
    """

    head_channels: int = option(256, "Width of CPN's pyramid and RefineNet.", low=8, high=1024)


def global_net(layers, pyramid, num_keypoints, channels):
    """GlobalNet (section 3.2.1): a feature pyramid with heatmaps on every level.

    Args:
      layers: the net's `Layers`.
      pyramid: features of the backbone from fine to coarse.
      num_keypoints: K.
      channels: width of every level.

    Returns:
      (levels, heatmaps), lists from coarse to fine: features of `channels`, and maps of K, at each level's own size.
    """
    levels, heatmaps = [], []
    for number, features in reversed(list(enumerate(pyramid, start=2))):
        with tf.compat.v1.variable_scope(f"level{number}"):
            level = layers.conv_norm(features, channels, 1, "lateral")
            if levels:
                above = Resized([levels[-1]], layers.size(level))
                level += layers.conv(above, channels, 1, "top_down")
            level = keep(level)
            levels.append(level)
            heatmaps.append(layers.heatmaps(layers.conv_norm(level, channels, 1, "head"), num_keypoints, 3, "heatmaps"))
    return levels, heatmaps


def refine_net(layers, levels, num_keypoints, channels, size):
    """RefineNet (section 3.2.2): all levels at one size, joined.

    Args:
      layers: the net's `Layers`.
      levels: features of GlobalNet from coarse to fine.
      num_keypoints: K.
      channels: width of every level.
      size: (height, width) of the result.

    Returns:
      Heatmaps [B, height, width, K], or the same with channels first.
    """
    joined = []
    for features, blocks, number in zip(levels, _REFINE_BLOCKS, (5, 4, 3, 2)):
        for block in range(1, blocks + 1):
            name = f"level{number}/block{block}"
            features = bottleneck(layers, features, channels // 2, channels, name)
        joined.append(features)
    joined = bottleneck(layers, Resized(joined, size), channels // 2, channels, "joined", project=True)
    return layers.heatmaps(joined, num_keypoints, 3, "heatmaps")


def build(images, num_keypoints, is_training, data_format, options, heatmap_size=None):
    """Builds CPN: GlobalNet for the easy keypoints, RefineNet, trained on each photo's hard ones.

    Args:
      images: [B, H, W, 3] float32, normalised as the backbone's weights expect it.
      num_keypoints: K.
      is_training: see `Layers`.
      data_format: of the inside; see `Layers`.
      options: an `Options`.
      heatmap_size: (height, width) of every heatmap; None: a quarter of the image's.

    Returns:
      [P5, P4, P3, P2, refined], each [B, height, width, K]: GlobalNet's heatmaps from coarse to fine, then RefineNet's.
    """
    layers = Layers(is_training, data_format, options)
    size = heatmap_size or (-(-images.shape[1] // 4), -(-images.shape[2] // 4))
    pyramid = backbones.build(options.backbone, layers, layers.enter(images), options.backbone_options)
    with tf.compat.v1.variable_scope("cpn"):
        with tf.compat.v1.variable_scope("global"):
            levels, heatmaps = global_net(layers, pyramid, num_keypoints, options.head_channels)
        heatmaps = [layers.resize(maps, size) for maps in heatmaps]
        with tf.compat.v1.variable_scope("refine"):
            heatmaps.append(refine_net(layers, levels, num_keypoints, options.head_channels, size))
    return [layers.leave(maps) for maps in heatmaps]


def _stages(options):
    """GlobalNet against widened targets, the coarsest widest; RefineNet on the hard keypoints (section 3.2)."""
    del options  # the same for all
    return [Stage("mse", 0.5, sigma) for sigma in (2.4, 1.73, 1.37, 1.0)] + [Stage("ohkm", 1.0, 0.0)]


NET = Net(
    build=build,
    options=Options,
    stages=_stages,
    keypoint_outputs=r"cpn/(global/level\d|refine)/heatmaps/",
    training={
        "train_image_size": 384,
        "heatmap_size": 96,
        "train_epochs": 28,
        "batch_size": 10,
        "learning_rate": 1e-4,
    },
)
