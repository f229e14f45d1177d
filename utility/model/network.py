"""A model's net in the current graph, by its description.

B images, H and W the input's height and width.
"""

import contextlib

import tensorflow as tf

from net import recomputation, registry
from utility.model import codec


def run_net(images, model, is_training, data_format=None, trained=None):
    """Runs the model's net on photos.

    Args:
        images: [B, H, W, 3] of any numeric dtype, RGB from 0 to 255.
        model: its ModelDescription.
        is_training: whether batch norm takes the batch's statistics.
        data_format: of the net's inside; None for the device's best.
        trained: the numbers of the stages that are trained, of a net with phases; None: all.

    Returns:
        A list of what each stage gives, coarse to final, as the model's codec reads it.
    """
    mean = tf.constant(model.normalisation.mean, tf.float32)
    scale = tf.constant(model.normalisation.scale, tf.float32)
    # Only the backward pass of a training has activations to compute again.
    with recomputation.recomputing() if is_training else contextlib.nullcontext():
        return registry.build(
            model.net,
            (tf.cast(images, tf.float32) - mean) * scale,
            len(model.keypoints),
            is_training,
            model.net_options,
            data_format=data_format or best_data_format(),
            **codec.of(model).build_arguments(),
            **({} if trained is None else {"trained": trained}),
        )


def best_data_format():
    """Returns the order of axes that the machine's device is fastest with."""
    return "channels_first" if tf.config.list_physical_devices("GPU") else "channels_last"
