"""Points to heatmaps and back.

Frame: the continuous plane of heatmap cells. Cell i covers [i, i + 1) and has its centre at i + 1/2, so a point of the
network's input enters scaled by heatmap size / input size, and nothing is rounded.

B batch, K keypoints, h and w the heatmap's height and width.
"""

import math

import tensorflow as tf

METHODS = ("argmax", "quarter", "dark", "expectation", "median")

_EXPECTATION_RADIUS = 2
_MEDIAN_STEPS = 30
_CELL_RADIUS = 0.5  # a cell is an area: the distance to it is that to a point half a cell above its centre
_SMALLEST = 1e-10
_LOWEST_SHARE = 1e-6  # of the peak: what is lower, or negative, is the net's noise, and its logarithm would rule DARK


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


def chances(logits, sigma):
    """Turns logits into maps of the chance that the keypoint is in a cell: a softmax over the cells.

    Args:
        logits: [B, h, w, K] float32.
        sigma: standard deviation of the targets' Gaussians, in cells.

    Returns:
        [B, h, w, K] float32, scaled so that a map like the target has the target's peak, about 1.
    """
    shape = tf.shape(logits)
    flat = tf.reshape(logits, [shape[0], shape[1] * shape[2], shape[3]])
    maps = tf.reshape(tf.nn.softmax(flat, axis=1), shape) * (2 * math.pi * sigma**2)
    maps.set_shape(logits.shape)
    return maps


def decode(heatmaps, method="dark", sigma=1.0):
    """Finds the point of each heatmap.

    Args:
        heatmaps: [B, h, w, K] float32, at least 5 cells high and wide.
        method: `argmax`, the centre of the highest cell; `quarter`, moved a quarter cell toward the higher neighbour on
            each axis (arXiv 1603.06937, section 3.3); `dark`, the maximum of the parabola through the logarithm of the
            smoothed cells around (arXiv 1910.06278, section 3.2); `expectation`, the mean place of a window around it;
            `median`, the point of least mean distance to all cells, for maps that are chances (`chances`): where a map
            has several peaks, or a long tail, it errs least on average. Near the border it leans inwards.
        sigma: standard deviation of the Gaussians that the maps were trained for, in cells: `dark` smooths by it.

    Returns:
        points: [B, K, 2] float32, (x, y) in the plane of cells.
        scores: [B, K] float32, the height of the highest cell.
    """
    if method not in METHODS:
        raise ValueError(f"decode method {method!r}: one of {', '.join(METHODS)} is needed")
    shape = tf.shape(heatmaps)
    height, width = shape[1], shape[2]
    maps = tf.reshape(tf.transpose(heatmaps, [0, 3, 1, 2]), [-1, height, width])  # [B K, h, w]
    flat = tf.reshape(maps, [-1, height * width])
    peak = tf.argmax(flat, axis=1, output_type=tf.int32)
    column, row = peak % width, peak // width
    if method == "argmax":
        place = tf.cast(tf.stack([column, row], axis=-1), tf.float32)
    elif method == "quarter":
        place = _quarter(maps, column, row)
    elif method == "dark":
        place = _dark(maps, column, row, sigma)
    elif method == "expectation":
        place = _expectation(maps, column, row)
    else:
        place = _median(flat, width)
    points = tf.reshape(place + 0.5, [shape[0], shape[3], 2])
    scores = tf.reshape(tf.reduce_max(flat, axis=1), [shape[0], shape[3]])
    static = heatmaps.shape
    points.set_shape([static[0], static[3], 2])
    scores.set_shape([static[0], static[3]])
    return points, scores


def confidence(heatmaps, sigma, chances):
    """Returns how sure each heatmap is of its highest cell, from 0 to 1: [B, K] float32.

    Args:
        heatmaps: [B, h, w, K] float32, of peak 1 where they are as the targets.
        sigma: standard deviation of the targets' Gaussians, in cells.
        chances: whether the maps are of `chances`: then it is the chance that the keypoint is within two sigma, in
            whole cells, of the highest cell along each axis; else that cell's height.
    """
    if not chances:
        return tf.clip_by_value(tf.reduce_max(heatmaps, axis=[1, 2]), 0.0, 1.0)
    radius = math.ceil(2 * sigma)
    padded = tf.pad(heatmaps, [[0, 0], [radius] * 2, [radius] * 2, [0, 0]])
    shape = tf.shape(heatmaps)
    maps = tf.reshape(tf.transpose(padded, [0, 3, 1, 2]), [-1, shape[1] + 2 * radius, shape[2] + 2 * radius])
    peak = tf.argmax(tf.reshape(tf.transpose(heatmaps, [0, 3, 1, 2]), [-1, shape[1] * shape[2]]), 1, tf.int32)
    around = _window(maps, peak % shape[2] + radius, peak // shape[2] + radius, radius)
    chance = tf.reduce_sum(around, axis=[1, 2]) / (2 * math.pi * sigma**2)
    return tf.clip_by_value(tf.reshape(chance, [shape[0], heatmaps.shape[3]]), 0.0, 1.0)


def _window(maps, column, row, radius):
    """Returns the cells around (column, row), [B K, 2 radius + 1, 2 radius + 1]; they must lie inside the map."""
    width = tf.shape(maps)[2]
    offsets = tf.range(-radius, radius + 1)
    indices = (row[:, tf.newaxis, tf.newaxis] + offsets[:, tf.newaxis]) * width
    indices += column[:, tf.newaxis, tf.newaxis] + offsets[tf.newaxis, :]
    return tf.gather(tf.reshape(maps, [tf.shape(maps)[0], -1]), indices, batch_dims=1)


def _inside(maps, column, row, radius):
    """Returns the nearest (column, row) whose window of `radius` lies inside the map."""
    height, width = tf.unstack(tf.shape(maps)[1:])
    return tf.clip_by_value(column, radius, width - 1 - radius), tf.clip_by_value(row, radius, height - 1 - radius)


def _logarithm(cells):
    """Returns the logarithm of windows [B K, n, n], from which noise far below their peak is cut off."""
    peak = tf.reduce_max(cells, axis=[1, 2], keepdims=True)
    return tf.math.log(tf.maximum(cells, tf.maximum(peak * _LOWEST_SHARE, _SMALLEST)))


def _quarter(maps, column, row):
    # On the border a neighbour is missing. The peak's side follows from the parabola around the nearest inner cell:
    # for a Gaussian it is the same one.
    inner_column, inner_row = _inside(maps, column, row, 1)
    cells = _logarithm(_window(maps, inner_column, inner_row, 1))
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
    """Returns row `offset` from the middle of [B K, 3, 3] windows: [B K, 3]."""
    return tf.gather(cells, 1 + offset, batch_dims=1)


def _dark(maps, column, row, sigma):
    # On the border the parabola is laid around the nearest inner cell: for a Gaussian it is the same one.
    inner_column, inner_row = _inside(maps, column, row, 1)
    cells = _window(maps, inner_column, inner_row, 1)
    offset = _parabola_peak(_logarithm(_smoothed(maps, cells, column, row, sigma)))
    place = tf.cast(tf.stack([inner_column, inner_row], axis=-1), tf.float32) + offset
    highest = tf.cast(tf.stack([column, row], axis=-1), tf.float32)
    height, width = tf.unstack(tf.shape(maps)[1:])
    border = tf.cast(tf.stack([width, height]), tf.float32) - 0.5
    return tf.clip_by_value(place, tf.maximum(highest - 1, -0.5), tf.minimum(highest + 1, border))


def _smoothed(maps, cells, column, row, sigma):
    """Returns `cells`, the windows [B K, 3, 3] around the peaks, smoothed where the kernel lies inside the map.

    Beyond the border nothing is known: what is clipped there would pull the peak inwards.
    """
    radius = math.ceil(3 * sigma)
    taps = [math.exp(-((step / sigma) ** 2) / 2) for step in range(-radius, radius + 1)]
    kernel = tf.constant(taps, tf.float32) / sum(taps)
    padded = tf.pad(maps, [[0, 0], [radius + 1] * 2, [radius + 1] * 2])
    wide = _window(padded, column + radius + 1, row + radius + 1, radius + 1)  # [B K, 2 radius + 3, 2 radius + 3]
    down = tf.add_n([tap * wide[:, step : step + 3, :] for step, tap in enumerate(tf.unstack(kernel))])
    smooth = tf.add_n([tap * down[:, :, step : step + 3] for step, tap in enumerate(tf.unstack(kernel))])
    inner_column, inner_row = _inside(maps, column, row, radius + 1)
    whole = tf.equal(inner_column, column) & tf.equal(inner_row, row)
    return tf.where(whole[:, tf.newaxis, tf.newaxis], smooth, cells)


def _parabola_peak(cells):
    """Returns the maximum of the parabola through [B K, 3, 3] cells, (x, y) from the middle; 0 where it has none."""
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
    return tf.where(is_peak[:, tf.newaxis], tf.stack([offset_x, offset_y], axis=-1), 0.0)


def _expectation(maps, column, row):
    radius = _EXPECTATION_RADIUS
    column, row = _inside(maps, column, row, radius)
    size = 2 * radius + 1
    weights = tf.reshape(_window(maps, column, row, radius), [-1, size**2])
    mean = _mean_place(tf.maximum(weights, _SMALLEST), _places(size**2, size))
    return tf.cast(tf.stack([column, row], axis=-1), tf.float32) + mean - radius


def _median(maps, width):
    """Returns the geometric medians of [B K, h w] maps by Weiszfeld's steps from their means (Tohoku Math. J. 43)."""
    cells = _places(tf.shape(maps)[1], width)
    weights = tf.maximum(maps, _SMALLEST)
    place = _mean_place(weights, cells)
    for _ in range(_MEDIAN_STEPS):
        squares = tf.reduce_sum(tf.math.squared_difference(place[:, tf.newaxis], cells), axis=-1)
        place = _mean_place(weights * tf.math.rsqrt(squares + _CELL_RADIUS**2), cells)
    return place


def _places(count, width):
    """Returns (column, row) of the first `count` cells of a map, row by row: [count, 2] float32."""
    return tf.cast(tf.stack([tf.range(count) % width, tf.range(count) // width], axis=-1), tf.float32)


def _mean_place(weights, cells):
    return tf.matmul(weights, cells) / tf.reduce_sum(weights, axis=1, keepdims=True)
