"""Points to heatmaps and back.

Frame: the continuous plane of heatmap cells. Cell i covers [i, i + 1) and has its centre at i + 1/2, so a point of the
network's input enters scaled by heatmap size / input size, and nothing is rounded.

B batch, K keypoints, h and w the heatmap's height and width.
"""

import tensorflow as tf

METHODS = ("argmax", "quarter", "dark", "expectation")

_EXPECTATION_RADIUS = 2
_SMALLEST = 1e-10


def encode(points, size, sigma):
    """Draws a Gaussian of peak 1 at every point, exact to a fraction of a cell.

    Args:
        points: [B, K, 2] float32, (x, y) in the plane of cells.
        size: (h, w) in cells.
        sigma: standard deviation, in cells.

    Returns:
        [B, h, w, K] float32.
    """
    height, width = size
    across = _gaussian(points[..., 0], width, sigma)  # [B, w, K]
    down = _gaussian(points[..., 1], height, sigma)  # [B, h, K]
    return down[:, :, tf.newaxis, :] * across[:, tf.newaxis, :, :]


def _gaussian(centers, length, sigma):
    cells = tf.range(length, dtype=tf.float32) + 0.5
    return tf.exp(-tf.square((cells[:, tf.newaxis] - centers[:, tf.newaxis, :]) / sigma) / 2)


def decode(heatmaps, method="dark"):
    """Finds the point of each heatmap.

    Args:
        heatmaps: [B, h, w, K] float32, at least 3 cells high and wide.
        method: `argmax`, the centre of the highest cell; `quarter`, moved a quarter cell toward the higher neighbour
            on each axis (arXiv 1603.06937, section 3.3); `dark`, the maximum of the parabola through the logarithm of the
            cells around (arXiv 1910.06278, section 3.2); `expectation`, the mean place of a window around the cell.

    Returns:
        points: [B, K, 2] float32, (x, y) in the plane of cells.
        scores: [B, K] float32, the height of the highest cell.
    """
    if method not in METHODS:
        raise ValueError(f"decode method {method!r}: one of {', '.join(METHODS)} is needed")
    shape = tf.shape(heatmaps)
    height, width = shape[1], shape[2]
    maps = tf.reshape(tf.transpose(heatmaps, [0, 3, 1, 2]), [-1, height * width])  # [B K, h w]
    peak = tf.argmax(maps, axis=1, output_type=tf.int32)
    column, row = peak % width, peak // width
    if method == "argmax":
        place = tf.cast(tf.stack([column, row], axis=-1), tf.float32)
    elif method == "expectation":
        place = _expectation(maps, column, row, height, width)
    else:
        place = (_quarter if method == "quarter" else _dark)(maps, column, row, height, width)
    points = tf.reshape(place + 0.5, [shape[0], shape[3], 2])
    scores = tf.reshape(tf.reduce_max(maps, axis=1), [shape[0], shape[3]])
    static = heatmaps.shape
    points.set_shape([static[0], static[3], 2])
    scores.set_shape([static[0], static[3]])
    return points, scores


def _window(maps, column, row, radius, width):
    """Returns the cells around (column, row), [B K, 2 radius + 1, 2 radius + 1]; they must lie inside the map."""
    offsets = tf.range(-radius, radius + 1)
    indices = (row[:, tf.newaxis, tf.newaxis] + offsets[:, tf.newaxis]) * width
    indices += column[:, tf.newaxis, tf.newaxis] + offsets[tf.newaxis, :]
    return tf.gather(maps, indices, batch_dims=1)


def _inside(index, length, radius):
    return tf.clip_by_value(index, radius, length - 1 - radius)


def _quarter(maps, column, row, height, width):
    def toward_higher(index, length, stride):
        flat = row * width + column
        before = tf.gather(maps, flat - tf.where(index > 0, stride, 0), batch_dims=1)
        after = tf.gather(maps, flat + tf.where(index < length - 1, stride, 0), batch_dims=1)
        return tf.cast(index, tf.float32) + 0.25 * tf.sign(after - before)

    return tf.stack([toward_higher(column, width, 1), toward_higher(row, height, width)], axis=-1)


def _dark(maps, column, row, height, width):
    # On the border the parabola is laid around the nearest inner cell: for a Gaussian it is the same one.
    column, row = _inside(column, width, 1), _inside(row, height, 1)
    cells = tf.math.log(tf.maximum(_window(maps, column, row, 1, width), _SMALLEST))
    slope_x = (cells[:, 1, 2] - cells[:, 1, 0]) / 2
    slope_y = (cells[:, 2, 1] - cells[:, 0, 1]) / 2
    bend_x = cells[:, 1, 2] - 2 * cells[:, 1, 1] + cells[:, 1, 0]
    bend_y = cells[:, 2, 1] - 2 * cells[:, 1, 1] + cells[:, 0, 1]
    twist = (cells[:, 2, 2] - cells[:, 2, 0] - cells[:, 0, 2] + cells[:, 0, 0]) / 4
    determinant = bend_x * bend_y - twist * twist
    is_peak = (determinant > _SMALLEST) & (bend_x < 0)
    safe = tf.where(is_peak, determinant, tf.ones_like(determinant))
    offset_x = (twist * slope_y - bend_y * slope_x) / safe
    offset_y = (twist * slope_x - bend_x * slope_y) / safe
    offset = tf.stack([offset_x, offset_y], axis=-1)
    offset = tf.where(is_peak[:, tf.newaxis], tf.clip_by_value(offset, -1.5, 1.5), tf.zeros_like(offset))
    return tf.cast(tf.stack([column, row], axis=-1), tf.float32) + offset


def _expectation(maps, column, row, height, width):
    radius = _EXPECTATION_RADIUS
    column, row = _inside(column, width, radius), _inside(row, height, radius)
    weights = tf.maximum(_window(maps, column, row, radius, width), _SMALLEST)
    weights /= tf.reduce_sum(weights, axis=[1, 2], keepdims=True)
    offsets = tf.range(-radius, radius + 1, dtype=tf.float32)
    mean_x = tf.reduce_sum(weights * offsets[tf.newaxis, tf.newaxis, :], axis=[1, 2])
    mean_y = tf.reduce_sum(weights * offsets[tf.newaxis, :, tf.newaxis], axis=[1, 2])
    return tf.cast(tf.stack([column, row], axis=-1), tf.float32) + tf.stack([mean_x, mean_y], axis=-1)
