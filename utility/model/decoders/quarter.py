"""The highest cell, moved a quarter cell toward the higher neighbour on each axis (arXiv 1603.06937, section 3.3)."""

import tensorflow as tf

from utility.model.decoders._cells import inside, logarithm, peaks, window


def find(maps, sigma):
    """Returns the points [N, 2] of maps [N, h, w]."""
    del sigma
    column, row = peaks(maps)
    # On the border a neighbour is missing. The peak's side follows from the parabola around the nearest inner cell:
    # for a Gaussian it is the same one.
    inner_column, inner_row = inside(maps, column, row, 1)
    cells = logarithm(window(maps, inner_column, inner_row, 1))
    place = []
    for index, inner, line in (
        (column, inner_column, _take_row(cells, row - inner_row)),
        (row, inner_row, _take_row(tf.transpose(cells, [0, 2, 1]), column - inner_column)),
    ):
        slope = (line[:, 2] - line[:, 0]) / 2
        bend = line[:, 2] - 2 * line[:, 1] + line[:, 0]
        shift = tf.cast(index - inner, tf.float32)
        place.append(tf.cast(index, tf.float32) + 0.25 * tf.sign(slope + shift * bend))
    return tf.stack(place, axis=-1)


def _take_row(cells, offset):
    """Returns row `offset` from the middle of [N, 3, 3] windows: [N, 3]."""
    return tf.gather(cells, 1 + offset, batch_dims=1)
