"""The mean place of a window around the highest cell."""

import tensorflow as tf

from utility.model.decoders._cells import SMALLEST, as_place, inside, mean_place, peaks, places, window

_RADIUS = 2  # cells


def find(maps, sigma):
    """Returns the points [N, 2] of maps [N, h, w]."""
    del sigma
    column, row = peaks(maps)
    column, row = inside(maps, column, row, _RADIUS)
    size = 2 * _RADIUS + 1
    weights = tf.reshape(window(maps, column, row, _RADIUS), [-1, size**2])
    mean = mean_place(tf.maximum(weights, SMALLEST), places(size**2, size))
    return as_place(column, row) + mean - _RADIUS
