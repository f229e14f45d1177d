"""The order in which records are read: shuffled by seed and epoch, numbered by position, resumed anywhere.

An example's position is its number since the start of the training. It follows from the seed alone, so a training
that starts at position S meets exactly what an undisturbed one meets from there on: whole epochs are left out, and
within the first epoch the records before S are read but not decoded.
"""

import tensorflow as tf


def in_order(shards):
    """Returns a dataset of serialised records, each once, in the order of the files [list of names]."""
    return tf.data.TFRecordDataset(shards)


def shuffled(shards, counts, seed, num_readers, buffer_size, start=0, epochs=None):
    """Returns a dataset of (position int64, serialised record string), epoch after epoch, each in its own order.

    Args:
        shards: a list of file names for each category.
        counts: the number of records of each category.
        seed: int, the run's seed.
        num_readers: how many files of a category are read at a time.
        buffer_size: the number of records that the shuffling holds.
        start: the position to start at.
        epochs: the number of epochs, counted from position 0; None for no end.
    """
    total = sum(counts)
    first = start // total

    def epoch_records(epoch):
        records = _one_epoch(shards, counts, seed, epoch, num_readers, buffer_size)
        records = records.enumerate(epoch * total)
        # `==` between tensors compares their identity where a graph is built outside eager mode, as Estimators do.
        return records.skip(tf.where(tf.equal(epoch, first), tf.constant(start % total, tf.int64), 0))

    last = tf.int64.max if epochs is None else max(epochs, first)
    return tf.data.Dataset.range(first, last).flat_map(epoch_records)


def _one_epoch(shards, counts, seed, epoch, num_readers, buffer_size):
    """Returns every record once: shards in random order, interleaved, categories mixed evenly, then a buffer."""
    categories = []
    for number, files in enumerate(shards):
        key = tf.stack([tf.constant(seed, tf.int64), epoch * len(shards) + number])
        order = tf.random.experimental.stateless_shuffle(tf.constant(sorted(files)), seed=key)
        categories.append(
            tf.data.Dataset.from_tensor_slices(order).interleave(
                tf.data.TFRecordDataset, cycle_length=num_readers, block_length=1
            )
        )
    records = categories[0]
    if len(categories) > 1:
        turns = tf.data.Dataset.from_tensor_slices(_even_turns(counts, seed, epoch))
        records = tf.data.Dataset.choose_from_datasets(categories, turns, stop_on_empty_dataset=False)
    return records.shuffle(buffer_size, seed=_shuffle_seed(seed, epoch), reshuffle_each_iteration=False)


def _even_turns(counts, seed, epoch):
    """Returns int64 [sum of counts]: whose turn it is, every category spread evenly over the epoch."""
    places, owners = [], []
    for category, count in enumerate(counts):
        jitter = tf.random.stateless_uniform([count], seed=tf.stack([seed + category + 1, epoch]))
        places.append((tf.range(count, dtype=tf.float32) + jitter) / count)
        owners.append(tf.fill([count], tf.constant(category, tf.int64)))
    return tf.gather(tf.concat(owners, 0), tf.argsort(tf.concat(places, 0)))


def _shuffle_seed(seed, epoch):
    return tf.random.stateless_uniform(
        [], seed=tf.stack([tf.constant(seed, tf.int64), epoch]), maxval=tf.int64.max, dtype=tf.int64
    )
