"""A model's net in the current graph, by its description.

B images, H and W the input's height and width.
"""

import contextlib

import tensorflow as tf

from net import recomputation
from net.registry import get_net
from utility.model import codec


def run_net(images, model, is_training, data_format=None):
    """Runs the model's net on photos.

    Args:
        images: [B, H, W, 3] of any numeric dtype, RGB from 0 to 255.
        model: the description of `model_directory.read`.
        is_training: whether batch norm takes the batch's statistics.
        data_format: of the net's inside; None for the device's best.

    Returns:
        A list of what each stage gives, coarse to final, as the model's codec reads it.
    """
    mean, scale = (tf.constant(model["normalisation"][key], tf.float32) for key in ("mean", "scale"))
    # Only the backward pass of a training has activations to compute again.
    with recomputation.recomputing() if is_training else contextlib.nullcontext():
        return get_net(model["net"]).build(
            (tf.cast(images, tf.float32) - mean) * scale,
            len(model["keypoints"]),
            is_training,
            data_format=data_format or best_data_format(),
            **codec.of(model).build_arguments(),
            **model["net_options"],
        )


def best_data_format():
    """Returns the order of axes that the machine's device is fastest with."""
    return "channels_first" if tf.config.list_physical_devices("GPU") else "channels_last"
