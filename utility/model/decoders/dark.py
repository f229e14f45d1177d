"""The maximum of the parabola through the logarithm of the smoothed cells around the peak (arXiv 1910.06278, 3.2)."""

import math

import tensorflow as tf

from utility.model.decoders._cells import SMALLEST, as_place, inside, logarithm, peaks, window


def find(maps, sigma):
    """Returns the points [N, 2] of maps [N, h, w]."""
    column, row = peaks(maps)
    # On the border the parabola is laid around the nearest inner cell: for a Gaussian it is the same one.
    inner_column, inner_row = inside(maps, column, row, 1)
    cells = window(maps, inner_column, inner_row, 1)
    offset = _parabola_peak(logarithm(_smoothed(maps, cells, column, row, sigma)))
    place = as_place(inner_column, inner_row) + offset
    highest = as_place(column, row)
    height, width = tf.unstack(tf.shape(maps)[1:])
    border = tf.cast(tf.stack([width, height]), tf.float32) - 0.5
    return tf.clip_by_value(place, tf.maximum(highest - 1, -0.5), tf.minimum(highest + 1, border))


def _smoothed(maps, cells, column, row, sigma):
    """Returns `cells`, the windows [N, 3, 3] around the peaks, smoothed where the kernel lies inside the map.

    Beyond the border nothing is known: what is clipped there would pull the peak inwards.
    """
    radius = math.ceil(3 * sigma)
    taps = [math.exp(-((step / sigma) ** 2) / 2) for step in range(-radius, radius + 1)]
    kernel = tf.constant(taps, tf.float32) / sum(taps)
    padded = tf.pad(maps, [[0, 0], [radius + 1] * 2, [radius + 1] * 2])
    wide = window(padded, column + radius + 1, row + radius + 1, radius + 1)  # [N, 2 radius + 3, 2 radius + 3]
    down = tf.add_n([tap * wide[:, step : step + 3, :] for step, tap in enumerate(tf.unstack(kernel))])
    smooth = tf.add_n([tap * down[:, :, step : step + 3] for step, tap in enumerate(tf.unstack(kernel))])
    inner_column, inner_row = inside(maps, column, row, radius + 1)
    whole = tf.equal(inner_column, column) & tf.equal(inner_row, row)
    return tf.where(whole[:, tf.newaxis, tf.newaxis], smooth, cells)


def _parabola_peak(cells):
    """Returns the maximum of the parabola through [N, 3, 3] cells, (x, y) from the middle; 0 where it has none."""
    slope_x = (cells[:, 1, 2] - cells[:, 1, 0]) / 2
    slope_y = (cells[:, 2, 1] - cells[:, 0, 1]) / 2
    bend_x = cells[:, 1, 2] - 2 * cells[:, 1, 1] + cells[:, 1, 0]
    bend_y = cells[:, 2, 1] - 2 * cells[:, 1, 1] + cells[:, 0, 1]
    twist = (cells[:, 2, 2] - cells[:, 2, 0] - cells[:, 0, 2] + cells[:, 0, 0]) / 4
    determinant = bend_x * bend_y - twist * twist
    is_peak = (determinant > SMALLEST) & (bend_x < 0)
    safe = tf.where(is_peak, determinant, tf.ones_like(determinant))
    offset_x = (twist * slope_y - bend_y * slope_x) / safe
    offset_y = (twist * slope_x - bend_x * slope_y) / safe
    return tf.where(is_peak[:, tf.newaxis], tf.stack([offset_x, offset_y], axis=-1), 0.0)
