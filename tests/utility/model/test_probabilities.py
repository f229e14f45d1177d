"""Maps as chances: the softmax and its loss against sums written out in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from utility.model import heatmaps, losses

SIZE = (9, 12)


@pytest.fixture
def random():
    return np.random.default_rng(4)


def run(tensor):
    with tf.compat.v1.Session(graph=tensor.graph) as session:
        return session.run(tensor)


def softmax(logits):
    """[B, h, w, K] -> the same, each map with the sum 1."""
    powers = np.exp(logits - logits.max(axis=(1, 2), keepdims=True))
    return powers / powers.sum(axis=(1, 2), keepdims=True)


def test_divergence_is_the_sum_over_cells(random):
    logits = random.normal(0, 3, [2, *SIZE, 3]).astype(np.float32)
    targets = random.uniform(0.1, 1, [2, *SIZE, 3]).astype(np.float32)
    wanted, found = targets / targets.sum(axis=(1, 2), keepdims=True), softmax(logits)
    expected = (wanted * np.log(wanted / found)).sum(axis=(1, 2))
    with tf.Graph().as_default():
        divergences = run(losses.keypoint_divergences(tf.constant(logits), tf.constant(targets)))
    np.testing.assert_allclose(divergences, expected, rtol=1e-4)


def test_divergence_is_0_for_the_targets_own_logits_and_without_target():
    with tf.Graph().as_default():
        targets = heatmaps.encode(tf.constant([[[3.2, 5.1], [6.0, 4.4]]]), SIZE, 1.5)
        matched = run(losses.keypoint_divergences(tf.math.log(targets), 7.0 * targets))
        without = run(losses.keypoint_divergences(tf.math.log(targets), tf.zeros_like(targets)))
    np.testing.assert_allclose(matched, [[0, 0]], atol=1e-5)
    np.testing.assert_array_equal(without, [[0, 0]])


def test_divergence_of_huge_logits_has_a_finite_gradient():
    with tf.Graph().as_default():
        logits = tf.constant(np.linspace(-1e4, 1e4, 9 * 12, dtype=np.float32).reshape([1, *SIZE, 1]))
        targets = heatmaps.encode(tf.constant([[[3.2, 5.1]]]), SIZE, 1.0)
        gradient = run(tf.gradients(losses.keypoint_divergences(logits, targets), logits)[0])
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0.5


def test_probabilities_are_the_softmax_in_the_height_of_the_targets(random):
    logits = random.normal(0, 2, [2, *SIZE, 3]).astype(np.float32)
    with tf.Graph().as_default():
        maps = run(heatmaps.probabilities(tf.constant(logits), 1.5))
    np.testing.assert_allclose(maps, softmax(logits) * 2 * np.pi * 1.5**2, rtol=1e-4)


def test_probabilities_of_the_targets_logits_decode_to_the_point():
    points = np.array([[[3.2, 5.1], [7.7, 4.4]]], np.float32)
    with tf.Graph().as_default():
        maps = heatmaps.probabilities(tf.math.log(heatmaps.encode(tf.constant(points), SIZE, 1.0)) + 30.0, 1.0)
        with tf.compat.v1.Session() as session:
            decoded, highest = session.run((heatmaps.decode(maps, "dark", 1.0), tf.reduce_max(maps, axis=[1, 2])))
    np.testing.assert_allclose(decoded, points, atol=0.05)
    np.testing.assert_allclose(highest, 1, atol=0.25)  # the peak lies between the centres of cells
