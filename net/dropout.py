"""Dropout whose masks follow from the seed and the step: a training that was killed goes on with the same.

The masks of the whole batch are drawn, and each replica takes its rows: shared or not, a training drops the same.
"""

import zlib

from base import late_tensorflow as tf


def dropout(features, rate, name):
    """Drops a share of the channels of each image, and scales up the others.

    Args:
        features: [B, ...] float32.
        rate: the share, from 0 to 1, without 1.
        name: of the layer; layers of different names drop independently of each other.

    Returns:
        [B, ...] float32.
    """
    if not rate:
        return features
    context = tf.distribute.get_replica_context()
    replicas, replica = (context.num_replicas_in_sync, context.replica_id_in_sync_group) if context else (1, 0)
    count = tf.shape(features)[0]
    shape = tf.concat([[replicas * count], tf.shape(features)[1:]], 0)
    # The raw operation draws the same under XLA, as `preprocessing.input.streams` says of its own.
    drawn = tf.raw_ops.StatelessRandomUniform(shape=shape, seed=_key(name))
    mask = tf.cast(drawn[replica * count : (replica + 1) * count] >= rate, features.dtype)
    return features * tf.ensure_shape(mask, features.shape) / (1 - rate)


def _key(name):
    """Returns the key, int64 [2], of a layer's draws at the step under way."""
    graph = tf.compat.v1.get_default_graph()
    stream = zlib.crc32(f"dropout {graph.seed or 0} {name}".encode())
    step = tf.compat.v1.train.get_global_step()
    return tf.stack(
        [tf.constant(stream, tf.int64), tf.zeros([], tf.int64) if step is None else tf.cast(step, tf.int64)]
    )
