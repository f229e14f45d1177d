"""The accumulated mean against NumPy."""

import numpy as np
import tensorflow as tf

from utility.model import metrics

v1 = tf.compat.v1


def test_distances_are_euclidean():
    predicted = np.float32([[[0, 0], [3, 4]], [[1, 1], [2, 2]]])
    true = np.float32([[[3, 4], [3, 4]], [[1, 2], [2, 0]]])
    np.testing.assert_allclose(metrics.point_distances(predicted, true), [[5, 0], [1, 2]])


def test_mean_runs_over_all_batches_and_weights():
    random = np.random.RandomState(1)
    batches = [(random.rand(size, 3).astype(np.float32), random.randint(0, 2, [size, 3])) for size in (4, 4, 1)]
    with tf.Graph().as_default(), v1.Session() as session:
        values, weights = v1.placeholder(tf.float32, [None, 3]), v1.placeholder(tf.float32, [None, 3])
        value, update = metrics.mean_metric(values, weights, "ne")
        session.run(v1.local_variables_initializer())
        updates = [session.run(update, {values: batch, weights: weight}) for batch, weight in batches]
        mean = session.run(value)
    total = sum((batch.astype(float) * weight).sum() for batch, weight in batches)
    expected = total / sum(weight.sum() for _, weight in batches)
    np.testing.assert_allclose([mean, updates[-1]], expected, rtol=1e-7)


def test_mean_of_nothing_is_zero():
    with tf.Graph().as_default(), v1.Session() as session:
        value, _ = metrics.mean_metric(tf.constant([1.0]), tf.constant([0.0]), "ne")
        session.run(v1.local_variables_initializer())
        assert session.run(value) == 0.0
