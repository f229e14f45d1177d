"""Points to heatmaps and back.

Frame: the continuous plane of heatmap cells. Cell i covers [i, i + 1) and has its centre at i + 1/2, so a point of the
network's input enters scaled by heatmap size / input size, and nothing is rounded.

B batch, K keypoints, h and w the heatmap's height and width.
"""

import math

import tensorflow as tf

from utility.model import decoders
from utility.model.decoders._cells import peaks, window


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


def probabilities(logits, sigma):
    """Turns logits into probability heatmaps, by a softmax over the cells.

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
        method: one of `decoders.METHODS`.
        sigma: standard deviation of the Gaussians that the maps were trained for, in cells.

    Returns:
        points: [B, K, 2] float32, (x, y) in the plane of cells.

    Raises:
        ValueError: there is no such method.
    """
    places = decoders.load(method).find(_maps(heatmaps), sigma)
    batch, _, _, keypoints = heatmaps.shape
    points = tf.reshape(places + 0.5, [tf.shape(heatmaps)[0], tf.shape(heatmaps)[3], 2])
    return tf.ensure_shape(points, [batch, keypoints, 2])


def confidence(heatmaps, sigma, is_probability):
    """Returns how sure each heatmap is of its highest cell, from 0 to 1: [B, K] float32.

    Args:
        heatmaps: [B, h, w, K] float32, of peak 1 where they are as the targets.
        sigma: standard deviation of the targets' Gaussians, in cells.
        is_probability: whether the maps are of `probabilities`: then it is the probability that the keypoint is within
            two sigma, in whole cells, of the highest cell along each axis; else that cell's height.
    """
    if not is_probability:
        return tf.clip_by_value(tf.reduce_max(heatmaps, axis=[1, 2]), 0.0, 1.0)
    radius = math.ceil(2 * sigma)
    padded = tf.pad(heatmaps, [[0, 0], [radius] * 2, [radius] * 2, [0, 0]])
    column, row = peaks(_maps(heatmaps))
    around = window(_maps(padded), column + radius, row + radius, radius)
    probability = tf.reduce_sum(around, axis=[1, 2]) / (2 * math.pi * sigma**2)
    return tf.clip_by_value(tf.reshape(probability, [tf.shape(heatmaps)[0], heatmaps.shape[3]]), 0.0, 1.0)


def _maps(heatmaps):
    """Returns [B K, h, w] of [B, h, w, K]."""
    shape = tf.shape(heatmaps)
    return tf.reshape(tf.transpose(heatmaps, [0, 3, 1, 2]), [-1, shape[1], shape[2]])
