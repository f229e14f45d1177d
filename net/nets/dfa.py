"""Deep fashion alignment: coordinates, corrected from stage to stage (arXiv 1608.03049), on any backbone.

From the paper's released networks: VGG-16 of its own in every stage, its fully connected layers of 4096, dropout of
0.5; the first stage finds the points, the others what is to be taken from them, in fifths of the input's side, from the
photo and an embedding of 512 numbers of the points so far; stage 3 has a network for easy and one for hard samples,
whose mean counts; every network also tells the visibility of each keypoint (three states) and a pseudo-label, the
cluster of what it is to find. Ours: other backbones, whose last level may be averaged over its cells; the shares of the
training; the convolutions and fc6 of a later stage start from the former stage's.

B images, K keypoints, C channels.
"""

import dataclasses

from base import late_tensorflow as tf
from base.options import option, other_default
from net import backbones
from net.backbones import BackboneOptions, vgg
from net.coordinates import Estimate, Head
from net.declarations import Net, Phase, Stage
from net.dropout import dropout
from net.layers import Layers

_EMBEDDING = 512  # numbers of the points so far
_OFFSET_UNIT = 0.2  # of the input's side: what stages 2 and 3 count in
_STATES = ("visible", "occluded", "absent")
# The networks of the stages.
_NETWORKS = (("stage1",), ("stage2",), ("stage3_easy", "stage3_hard"))


@dataclasses.dataclass(frozen=True)
class Options(BackboneOptions):
    """The options of DFA: its backbone, those of its layers, and

    Attributes:
      num_stages: see the module.
      fc_channels: width of the two fully connected layers (4096 in the paper).
      fc_input: what the first of them sees of the backbone's last level: its cells, as the paper, or their mean.
      dropout: share of their channels that a training drops (0.5 in the paper).
      pseudo_labels: clusters of stages 1, 2, 3 easy and 3 hard; as the paper's networks for the upper body have them.
      stage_shares: of the training's steps that each stage gets.
    """

    backbone: str = other_default(BackboneOptions, "backbone", vgg.NAME)
    num_stages: int = option(3, "Stages of DFA, trained one after the other.", low=1, high=3)
    fc_channels: int = option(4096, "Width of DFA's fully connected layers.", low=8, high=8192)
    fc_input: str = option(
        "cells",
        "What these see of the backbone's last level: each of its cells (the paper), or their mean.",
        choices=("cells", "mean"),
    )
    dropout: float = option(0.5, "Share of these layers' channels that a training step drops.", low=0, high=0.95)
    pseudo_labels: tuple[int, ...] = option(
        (20, 20, 20, 20), "Pseudo-labels of DFA's networks: stages 1, 2, 3 easy, 3 hard.", low=2, high=1024
    )
    stage_shares: tuple[float, ...] = option(
        (0.5, 0.25, 0.25), "Shares of a training that DFA's stages get.", low=0.001, high=1
    )


def _check(options):
    """Raises ValueError where a list has too few values for the stages."""
    for name, least in (("pseudo_labels", sum(map(len, _NETWORKS))), ("stage_shares", len(_NETWORKS))):
        if len(getattr(options, name)) != least:
            raise ValueError(f"{name}: expected {least} numbers, got {len(getattr(options, name))}")


def build(images, num_keypoints, is_training, data_format, options, trained=None):
    """Builds DFA.

    Args:
      images: [B, H, W, 3] float32, normalised as the backbone's weights expect it.
      num_keypoints: K.
      is_training: see `Layers`.
      data_format: of the inside; see `Layers`.
      options: an `Options`.
      trained: the numbers, from 0, of the stages that are trained; None: all.

    Returns:
      An `Estimate` for each stage.
    """
    _check(options)
    points = tf.fill(tf.stack([tf.shape(images)[0], num_keypoints, 2]), 0.5)
    counts = iter(options.pseudo_labels)
    estimates = []
    with tf.compat.v1.variable_scope("dfa"):
        for stage, networks in enumerate(_NETWORKS[: options.num_stages]):
            layers = Layers(is_training and (trained is None or stage in trained), data_format, options)
            heads = tuple(_network(layers, images, points, next(counts), stage, name) for name in networks)
            points = tf.add_n([head.points for head in heads]) / len(heads)
            estimates.append(Estimate(points, tf.add_n([head.visibility for head in heads]), heads))
    return estimates


def _network(layers, images, previous, num_labels, stage, name):
    """Returns the `Head` of a network that starts from `previous` [B, K, 2]."""
    num_keypoints = previous.shape[1]
    previous = tf.stop_gradient(previous)
    with tf.compat.v1.variable_scope(name):
        features = _dropped(layers, _embed(layers, images, previous, stage), f"{name}/fc6")
        features = _dropped(
            layers, layers.conv(features, layers.options.fc_channels, 1, "fc7", use_bias=True), f"{name}/fc7"
        )
        way = tf.stack([_head(layers, features, num_keypoints, axis, _first_offsets(stage)) for axis in "xy"], -1)
        visibility = tf.stack([_head(layers, features, num_keypoints, state) for state in _STATES], -1)
        labels = _head(layers, features, num_labels, "pseudo_label")
    unit = _OFFSET_UNIT if stage else 1.0
    return Head(previous, previous + way if not stage else previous - unit * way, visibility, labels, unit)


def _first_offsets(stage):
    """Returns what the kernels of the points start from: near 0 in later stages, which then change next to nothing."""
    scale = 1e-6 if stage else 0.01
    return tf.compat.v1.variance_scaling_initializer(scale, mode="fan_in", distribution="truncated_normal")


def _embed(layers, images, previous, stage):
    """Returns fc6, before its activation; in later stages joined with the embedding of the points so far."""
    options = layers.options
    level = backbones.build(options.backbone, layers, layers.enter(images), options.backbone_options)[-1]
    features = layers.conv(_flat(layers, level), options.fc_channels, 1, "fc6", use_bias=True)
    if not stage:
        return features
    with tf.compat.v1.variable_scope("embedding"):
        parts = [
            layers.conv(layers.enter(coordinate[:, None, None]), _EMBEDDING, 1, name, use_bias=name == "x")
            for name, coordinate in zip("xy", tf.unstack(previous - 0.5, axis=-1))
        ]
    return tf.concat([features, tf.add_n(parts)], layers.channel_axis)


def _flat(layers, level):
    """Returns a level as one cell, with the channels of all of its own, or their means."""
    if layers.options.fc_input == "mean":
        return tf.reduce_mean(level, layers.spatial_axes, keepdims=True)
    cells = layers.leave(level)
    height, width, channels = cells.shape[1:]
    return layers.enter(tf.reshape(cells, [-1, 1, 1, height * width * channels]))


def _dropped(layers, features, name):
    features = tf.nn.relu(features)
    return dropout(features, layers.options.dropout, name) if layers.is_training else features


def _head(layers, features, channels, name, initializer=None):
    """Returns a fully connected layer's outputs [B, channels]."""
    with tf.compat.v1.variable_scope("head"):
        outputs = layers.leave(layers.conv(features, channels, 1, name, use_bias=True, initializer=initializer))
    return outputs[:, 0, 0]


def stages(options):
    """Returns a `Stage` for each item of what `build` returns."""
    return [Stage("coordinates", 1.0, 0.0)] * options.num_stages


def phases(options):
    """Returns the `Phase` of each stage: the former ones are frozen, and lend it the weights that it starts from."""
    _check(options)
    counts, found = iter(options.pseudo_labels), []
    total = sum(options.stage_shares[: options.num_stages])
    for stage, networks in enumerate(_NETWORKS[: options.num_stages]):
        copies = {
            f"dfa/{name}/{part}/": f"dfa/{former}/{part}/"
            for former in (_NETWORKS[stage - 1][:1] if stage else ())
            for name in networks
            for part in (options.backbone, "fc6")
        }
        labels = tuple(next(counts) for _ in networks)
        variables, until = f"dfa/({'|'.join(networks)})/", {"num_stages": stage + 1}
        found.append(Phase(options.stage_shares[stage] / total, stage, variables, copies, labels, until))
    return found


NET = Net(
    build=build,
    options=Options,
    stages=stages,
    phases=phases,
    keypoint_outputs=rf"dfa/[^/]+/head/(x|y|{'|'.join(_STATES)})/",
    keypoint_inputs=r"dfa/[^/]+/embedding/[xy]/kernel",
    codec="coordinates",
    keep_aspect=True,
    backbone_scopes=r"dfa/[^/]+/",
    training={
        "train_image_size": 224,
        "batch_size": 20,
        "learning_rate": 5e-4,
        "weight_decay": 2.5e-4,
    },
)
