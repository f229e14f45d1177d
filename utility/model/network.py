"""A model's net in the current graph, by its description: photos to heatmaps, heatmaps to points.

B batch, K keypoints, H and W the input's height and width, h and w the heatmap's.
"""

import contextlib

import tensorflow as tf

from base import geometry
from net import recomputation
from net.registry import get_net
from utility.model import codec


def forward(images, model, is_training, data_format=None):
    """Returns the heatmaps of photos: [B, h, w, K] float32 with peaks of about target_scale, coarse to final.

    The arguments are those of `run_net`.
    """
    return [as_heatmaps(maps, model) for maps in run_net(images, model, is_training, data_format)]


def run_net(images, model, is_training, data_format=None):
    """Runs the model's net on photos.

    Args:
        images: [B, H, W, 3] of any numeric dtype, RGB from 0 to 255.
        model: the description of `model_directory.read`.
        is_training: whether batch norm takes the batch's statistics.
        data_format: of the net's inside; None for the device's best.

    Returns:
        A list of [B, h, w, K] float32, coarse to final: what the model's heatmap_loss compares with the targets.
    """
    mean, scale = (tf.constant(model["normalisation"][key], tf.float32) for key in ("mean", "scale"))
    size = model["heatmap_size"]
    with recomputation.recomputing() if is_training else contextlib.nullcontext():
        return get_net(model["net"]).build(
            (tf.cast(images, tf.float32) - mean) * scale,
            len(model["keypoints"]),
            is_training,
            data_format=data_format or best_data_format(),
            heatmap_size=(size, size),
            **model["net_options"],
        )


def as_heatmaps(outputs, model):
    """Returns one output of `run_net` as heatmaps with peaks of about the model's target_scale."""
    if not learns_chances(model):
        return outputs
    return model["target_scale"] * codec.chances(outputs, model["heatmap_sigma"])


def learns_chances(model):
    """Returns whether a model's maps, by its description, are chances: else they are heights of Gaussians."""
    return model.get("heatmap_loss", "mse") == "softmax"


def best_data_format():
    """Returns the order of axes that the machine's device is fastest with."""
    return "channels_first" if tf.config.list_physical_devices("GPU") else "channels_last"


def locate(heatmaps, to_input, model, method=None):
    """Decodes heatmaps into points of the photo.

    Args:
        heatmaps: [B, h, w, K] float32.
        to_input: [B, 2, 3] float32, the matrices from the photos to the network's input.
        model: the description of `model_directory.read`.
        method: how to decode; the model's own when not given.

    Returns:
        points: [B, K, 2] float32 in the photo's continuous plane.
        scores: [B, K] float32, about 1 for a map as high as the training's targets.
    """
    cells, scores = codec.decode(heatmaps, method or model["decode"], model["heatmap_sigma"])
    stride = model["train_image_size"] / model["heatmap_size"]
    points = geometry.apply(geometry.invert(to_input), cells * stride)
    return points, scores / model["target_scale"]
