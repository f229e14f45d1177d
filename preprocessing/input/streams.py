"""Independent streams of random numbers: every consumer draws from one of its own.

Two consumers that use the same key get the same numbers, for a stateless operation knows nothing but its key. So the
consumers are listed here, and a consumer's key is folded from the seed, its number in the list, and the position of the
example (or the epoch, …) that it draws for: no consumer can meet the key of another, nor of another seed.

Where XLA compiles the graph (`--xla`, TensorFlow 2.16 to 2.21), `tf.random.stateless_uniform` and what is built on it
draw other numbers. The older raw operations draw the same as those do without XLA, and XLA has no kernel for their
keys of 64 bits, so that it leaves them alone: they are used here.
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
        mixed = tf.raw_ops.StatelessRandomUniformFullInt(shape=[], seed=result, dtype=tf.int64)
        result = tf.stack([mixed, tf.cast(index, tf.int64)])
    return result


def keys(seed, stream, positions):
    """Returns a list of N keys, int64 [2], those that `key` has for each of the positions [N]; N must be known."""
    first = key(seed, stream, 0)[0]  # the half of a key that does not depend on what is folded in last
    positions = tf.cast(positions, tf.int64)
    return tf.unstack(tf.stack([tf.fill(tf.shape(positions), first), positions], axis=1))


def uniform(seed, stream, positions):
    """Returns a number of the stream for each of the positions [N], float32 [N] in [0, 1); N must be known."""
    return tf.stack([uniforms(key, []) for key in keys(seed, stream, positions)])


def uniforms(key, shape):
    """Returns numbers drawn with one key (int64 [2], as `key` gives), float32 of the shape, in [0, 1)."""
    return tf.raw_ops.StatelessRandomUniform(shape=shape, seed=key)


def permutation(key, count):
    """Returns the numbers 0 to `count` - 1 in an order drawn with the key (int64 [2]), int32 [count]."""
    return tf.argsort(uniforms(key, [count]), stable=True)
