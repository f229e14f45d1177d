"""Pseudo-labels (arXiv 1608.03049, section 3): which cluster the way from the points so far to the truth belongs to.

In the first stage the way begins in the input's middle, so that its clusters are those of whole configurations. The
clusters are of k-means; keypoints that are absent count neither for a distance nor for a centre.

N samples, B images, K keypoints, C clusters.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

_TEMPERATURE = 20.0  # of the soft labels: weights exp(-20 distance)
_ROUNDS = 30


class Clusters(NamedTuple):
    """What the pseudo-labels of a stage are made of.

    Attributes:
        centres: an array [C, K, 2] float32 for each of the stage's networks, in the unit of the input's side.
        is_soft: whether each label is a share, as in the first stage; else the nearest cluster is the label.
        median: of the mean distance that the way has; samples of a longer one are hard.
        states: the shares of visible, occluded and absent among the keypoints of the training photos.
    """

    centres: tuple
    is_soft: bool
    median: float
    states: tuple


def shares(raw, truth):
    """Returns, for each network of a stage, which images it learns from: [B] float32 each, 1 or 0.

    With two networks, one learns the easy images, the other the hard ones; without clusters both learn all.
    """
    everything = tf.ones_like(truth.points[:, 0, 0])
    if len(raw.heads) == 1 or truth.clusters is None:
        return [everything for _ in raw.heads]
    hard = tf.cast(
        lengths(truth.points - raw.heads[0].previous, truth.visibility >= 0) > truth.clusters.median, tf.float32
    )
    return [everything - hard, hard]


def targets(head, truth, centres, is_soft):
    """Returns the labels of a batch, [B, C] float32: shares of sum 1.

    Args:
        head: the `net.coordinates.Head`.
        truth: the `codec.Truth`.
        centres: [C, K, 2].
        is_soft: see `Clusters`.
    """
    present = tf.cast(truth.visibility >= 0, tf.float32)[:, tf.newaxis, :, tf.newaxis]
    ways = (truth.points - head.previous)[:, tf.newaxis]
    distances = tf.sqrt(tf.reduce_sum(tf.math.squared_difference(ways, centres) * present, [2, 3]))
    if is_soft:
        return tf.nn.softmax(-_TEMPERATURE * distances)
    return tf.one_hot(tf.argmin(distances, 1), len(centres))


def lengths(ways, present):
    """Returns the mean distance [N] that the points of ways [N, K, 2] have to go, of those that are present, [N, K]."""
    distances = (ways[..., 0] ** 2 + ways[..., 1] ** 2) ** 0.5
    if not tf.is_tensor(ways):
        return np.sum(distances * present, 1) / np.maximum(np.sum(present, 1), 1)
    weights = tf.cast(present, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(distances * weights, 1), tf.reduce_sum(weights, 1))


def find_centres(ways, present, count, seed):
    """Returns the centres of k-means, [count, K, 2] float32; what no sample has is 0 in them.

    Args:
        ways: [N, K, 2] float32.
        present: [N, K] bool.
        count: C; with fewer samples some centres are the same.
        seed: of the first centres: samples drawn by k-means++.
    """
    random = np.random.default_rng(seed)
    weights = np.repeat(present, 2, axis=1).astype(np.float64)
    values = ways.reshape(len(ways), -1).astype(np.float64) * weights
    centres = _first_centres(values, weights, count, random)
    for _ in range(_ROUNDS):
        nearest = _distances(values, weights, centres).argmin(1)
        members = np.eye(count)[nearest].T
        seen = members @ weights
        moved = np.where(seen > 0, (members @ values) / np.maximum(seen, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres.reshape(count, -1, 2).astype(np.float32)


def _first_centres(values, weights, count, random):
    """Draws samples, each with a probability by its squared distance to the nearest one drawn (k-means++)."""
    chosen = [int(random.integers(len(values)))]
    while len(chosen) < count:
        nearest = _distances(values, weights, values[chosen]).min(1)
        total = nearest.sum()
        shares = nearest / total if total > 0 else None
        chosen.append(int(random.choice(len(values), p=shares)))
    return values[chosen]


def _distances(values, weights, centres):
    """Returns the mean squared distances [N, C] over what each sample has, so that samples of few keypoints count."""
    squares = values**2 @ np.ones(values.shape[1])
    cross = values @ centres.T
    own = weights @ (centres**2).T
    return np.maximum(squares[:, None] - 2 * cross + own, 0) / np.maximum(weights.sum(1, keepdims=True), 1)
