"""How wide heatmaps are about their points.

Frame: the continuous plane of heatmap cells, as in `utility.model.heatmaps`. B batch, K keypoints, h and w the map's
height and width.
"""

import tensorflow as tf

_LOWEST_PEAK = 1e-30
_LOWEST_SHARE = 1e-5  # of the peak: a map that is nowhere above 0 is as good as flat
_CELL_VARIANCE = 1 / 12  # of a place that is only known to lie in a cell


def second_moments(heatmaps, points):
    """Returns the second moments of squared heatmaps about points: covariances [B, K, 2, 2] float32, positive definite.

    Squared: a map's far and faint parts, which are many, would else outweigh its peak.

    Args:
        heatmaps: [B, h, w, K] float32, of any scale; what is negative counts as 0.
        points: [B, K, 2] float32, (x, y) in the plane of cells.
    """
    maps = tf.transpose(heatmaps, [0, 3, 1, 2])  # [B, K, h, w]
    peaks = tf.reduce_max(maps, axis=[2, 3], keepdims=True)
    weights = tf.square(tf.maximum(maps / tf.maximum(peaks, _LOWEST_PEAK), _LOWEST_SHARE))
    weights /= tf.reduce_sum(weights, axis=[2, 3], keepdims=True)
    shape = tf.shape(weights)
    across = _offsets(shape[3], points[..., 0])  # [B, K, w]
    down = _offsets(shape[2], points[..., 1])  # [B, K, h]
    by_row = tf.reduce_sum(weights * across[:, :, tf.newaxis, :], axis=3)
    xx = tf.reduce_sum(tf.reduce_sum(weights, axis=2) * tf.square(across), axis=2) + _CELL_VARIANCE
    yy = tf.reduce_sum(tf.reduce_sum(weights, axis=3) * tf.square(down), axis=2) + _CELL_VARIANCE
    xy = tf.reduce_sum(by_row * down, axis=2)
    return tf.stack([tf.stack([xx, xy], axis=-1), tf.stack([xy, yy], axis=-1)], axis=-1)


def _offsets(length, places):
    """Returns how far the centres of `length` cells are from places [B, K]: [B, K, length]."""
    return tf.range(tf.cast(length, tf.float32)) + 0.5 - places[..., tf.newaxis]
