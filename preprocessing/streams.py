"""Independent streams of random numbers: every consumer draws from one of its own.

Two consumers that use the same key get the same numbers, for a stateless operation knows nothing but its key. So the
consumers are listed here, and a consumer's key is folded from the seed, its number in the list, and the position of the
example (or the epoch, …) that it draws for: no consumer can meet the key of another, nor of another seed.
"""

import enum

import tensorflow as tf


class Stream(enum.IntEnum):
    """Who draws. The numbers are part of what a seed means: never give one to another consumer."""

    # Once per example, keyed by its position.
    FLIP = 0
    ROTATE = 1
    DEGREES = 2
    CROP = 3
    BOX = 4
    COLOR = 5
    BRIGHTNESS = 6
    SATURATION = 7
    HUE = 8
    CONTRAST = 9
    ORDER = 10
    METHOD = 11
    # Once per epoch, keyed by its number and, where there is one, that of the category.
    SHARDS = 12
    SHARD_STARTS = 13
    CATEGORIES = 14
    BUFFER = 15


def key(seed, stream, *indices):
    """Returns the key, int64 [2], of a draw: what the stateless operations of TensorFlow call their seed.

    Args:
        seed: int, the seed of the run.
        stream: the Stream of the consumer.
        *indices: which of the consumer's draws, at least one: scalars that are not negative (int64 tensors or ints).
    """
    result = tf.constant([seed, stream], tf.int64)
    for index in indices:
        result = tf.random.experimental.stateless_fold_in(result, tf.cast(index, tf.int64))
    return result


def keys(seed, stream, positions):
    """Returns a list of N keys, int64 [2], those that `key` has for each of the positions [N]; N must be known."""
    first = key(seed, stream, 0)[0]  # the half of a key that does not depend on what is folded in last
    positions = tf.cast(positions, tf.int64)
    return tf.unstack(tf.stack([tf.fill(tf.shape(positions), first), positions], axis=1))


def uniform(seed, stream, positions):
    """Returns a number of the stream for each of the positions [N], float32 [N] in [0, 1); N must be known."""
    # One node of the graph for each number: `tf.random.stateless_uniform` would make ten.
    return tf.stack([tf.raw_ops.StatelessRandomUniform(shape=[], seed=key) for key in keys(seed, stream, positions)])
