"""What the methods share: peaks, and the cells around them. N maps, h and w their height and width."""

import tensorflow as tf

SMALLEST = 1e-10
_LOWEST_SHARE = 1e-6  # of the peak: what is lower, or negative, is the net's noise, and its logarithm would rule DARK


def peaks(maps):
    """Returns (column, row) of the highest cell of each map [N, h, w]: two [N] int32."""
    height, width = tf.unstack(tf.shape(maps)[1:])
    peak = tf.argmax(tf.reshape(maps, [-1, height * width]), axis=1, output_type=tf.int32)
    return peak % width, peak // width


def as_place(column, row):
    """Returns [N, 2] float32 of two [N] int32."""
    return tf.cast(tf.stack([column, row], axis=-1), tf.float32)


def window(maps, column, row, radius):
    """Returns the cells around (column, row), [N, 2 radius + 1, 2 radius + 1]; they must lie inside the map."""
    width = tf.shape(maps)[2]
    offsets = tf.range(-radius, radius + 1)
    indices = (row[:, tf.newaxis, tf.newaxis] + offsets[:, tf.newaxis]) * width
    indices += column[:, tf.newaxis, tf.newaxis] + offsets[tf.newaxis, :]
    return tf.gather(tf.reshape(maps, [tf.shape(maps)[0], -1]), indices, batch_dims=1)


def inside(maps, column, row, radius):
    """Returns the nearest (column, row) whose window of `radius` lies inside the map."""
    height, width = tf.unstack(tf.shape(maps)[1:])
    return tf.clip_by_value(column, radius, width - 1 - radius), tf.clip_by_value(row, radius, height - 1 - radius)


def logarithm(cells):
    """Returns the logarithm of windows [N, n, n], from which noise far below their peak is cut off."""
    peak = tf.reduce_max(cells, axis=[1, 2], keepdims=True)
    return tf.math.log(tf.maximum(cells, tf.maximum(peak * _LOWEST_SHARE, SMALLEST)))


def places(count, width):
    """Returns (column, row) of the first `count` cells of a map, row by row: [count, 2] float32."""
    return tf.cast(tf.stack([tf.range(count) % width, tf.range(count) // width], axis=-1), tf.float32)


def mean_place(weights, cells):
    return tf.matmul(weights, cells) / tf.reduce_sum(weights, axis=1, keepdims=True)
