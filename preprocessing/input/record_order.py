"""The order in which records are read: shuffled by seed and epoch, numbered by position, resumed anywhere.

An example's position is its number since the start of the training. It follows from the seed alone, so a training
that starts at position S meets exactly what an undisturbed one meets from there on: whole epochs are left out, and
within the first epoch the records before S are read but not decoded.
"""

import tensorflow as tf

from preprocessing.input import streams
from preprocessing.input.streams import Stream
from preprocessing.input.tracing import as_written

# Shards of a category that are read in turn. A constant, for the order of the records depends on it.
_SHARDS_IN_TURN = 4


def in_order(shards):
    """Returns a dataset of serialised records, each once, in the order of the files [list of names]."""
    return tf.data.TFRecordDataset(shards)


def shuffled(shards, seed, buffer_size, start=0, epochs=None):
    """Returns a dataset of (position int64, serialised record string), epoch after epoch, each in its own order.

    Args:
        shards: {file name: number of records} for each category, a list.
        seed: int, the run's seed.
        buffer_size: the number of records that the shuffling holds.
        start: the position to start at.
        epochs: the number of epochs, counted from position 0; None for no end.
    """
    total = sum(sum(files.values()) for files in shards)
    first = start // total

    @as_written
    def epoch_records(epoch):
        records = _one_epoch(shards, seed, epoch, buffer_size)
        records = records.enumerate(epoch * total)
        # `==` between tensors compares their identity where a graph is built outside eager mode, as Estimators do.
        return records.skip(tf.where(tf.equal(epoch, first), tf.constant(start % total, tf.int64), 0))

    last = tf.int64.max if epochs is None else max(epochs, first)
    return tf.data.Dataset.range(first, last).flat_map(epoch_records)


def _one_epoch(shards, seed, epoch, buffer_size):
    """Returns every record once: each category's shuffled, the categories mixed evenly, then a buffer."""
    categories = [_one_category(files, seed, epoch, number) for number, files in enumerate(shards)]
    records = categories[0]
    if len(categories) > 1:
        turns = _even_turns([sum(files.values()) for files in shards], seed, epoch)
        turns = tf.data.Dataset.from_tensor_slices(turns)
        records = tf.data.Dataset.choose_from_datasets(categories, turns, stop_on_empty_dataset=False)
    # The buffer's generator is seeded by the first half of a key alone: folding in a 0 makes that depend on all of it.
    buffer_seed = streams.key(seed, Stream.BUFFER, epoch, 0)[0]
    return records.shuffle(buffer_size, seed=buffer_seed, reshuffle_each_iteration=False)


def _one_category(files, seed, epoch, number):
    """Returns every record of a category once: shards in random order, each from a random record on, interleaved.

    Were a shard always read from its first record on, that record would come early in every epoch.
    """
    names, counts = (tf.constant(column) for column in zip(*sorted(files.items())))
    order = streams.permutation(streams.key(seed, Stream.SHARDS, epoch, number), len(files))
    shares = streams.uniforms(streams.key(seed, Stream.SHARD_STARTS, epoch, number), [len(files)])
    counts = tf.cast(counts, tf.int64)
    starts = tf.minimum(tf.cast(shares * tf.cast(counts, tf.float32), tf.int64), tf.maximum(counts - 1, 0))

    @as_written
    def from_start_on(name, start):
        records = tf.data.TFRecordDataset(name)
        return records.skip(start).concatenate(records.take(start))

    shards = tf.data.Dataset.from_tensor_slices((tf.gather(names, order), tf.gather(starts, order)))
    return shards.interleave(from_start_on, cycle_length=_SHARDS_IN_TURN, block_length=1)


def _even_turns(counts, seed, epoch):
    """Returns int64 [sum of counts]: whose turn it is, every category spread evenly over the epoch."""
    places, owners = [], []
    for category, count in enumerate(counts):
        jitter = streams.uniforms(streams.key(seed, Stream.CATEGORIES, epoch, category), [count])
        places.append((tf.range(count, dtype=tf.float32) + jitter) / count)
        owners.append(tf.fill([count], tf.constant(category, tf.int64)))
    return tf.gather(tf.concat(owners, 0), tf.argsort(tf.concat(places, 0)))
