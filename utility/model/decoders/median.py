"""The point of least mean distance to all cells: it minimises the expected Euclidean error.

Where a map has several peaks, or a long tail, it errs less than the highest cell. Near the border it leans inwards.
"""

import tensorflow as tf

from utility.model.decoders._cells import SMALLEST, mean_place, places

NEEDS_PROBABILITIES = True
_STEPS = 30
_CELL_RADIUS = 0.5  # a cell is an area: the distance to it is that to a point half a cell above its centre


def find(maps, sigma):
    """Returns the points [N, 2] of maps [N, h, w], by Weiszfeld's steps from their means (Tohoku Math. J. 43)."""
    del sigma
    height, width = tf.unstack(tf.shape(maps)[1:])
    cells = places(height * width, width)
    weights = tf.maximum(tf.reshape(maps, [-1, height * width]), SMALLEST)
    place = mean_place(weights, cells)
    for _ in range(_STEPS):
        squares = tf.reduce_sum(tf.math.squared_difference(place[:, tf.newaxis], cells), axis=-1)
        place = mean_place(weights * tf.math.rsqrt(squares + _CELL_RADIUS**2), cells)
    return place
