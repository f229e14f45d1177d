"""The normalised error inside a graph, accumulated over a whole evaluation."""

import tensorflow as tf


def point_distances(predicted, true):
    """Returns the Euclidean distances, [B, K], between two [B, K, 2] of the same plane."""
    return tf.norm(predicted - true, axis=-1)


def mean_metric(values, weights, name):
    """A weighted mean over all batches, summed in float64 so that tens of thousands of points lose nothing.

    Args:
        values: float32 of any shape.
        weights: float32 of the same shape.
        name: names the metric's variables.

    Returns:
        (value, update_op), as `EstimatorSpec.eval_metric_ops` takes them.
    """
    collections = [tf.compat.v1.GraphKeys.LOCAL_VARIABLES, tf.compat.v1.GraphKeys.METRIC_VARIABLES]

    def accumulator(part):
        return tf.compat.v1.get_variable(
            f"{name}/{part}",
            shape=[],
            dtype=tf.float64,
            initializer=tf.compat.v1.zeros_initializer(),
            trainable=False,
            collections=collections,
        )

    total, count = accumulator("total"), accumulator("count")
    weights = tf.cast(weights, tf.float64)
    new_total = total.assign_add(tf.reduce_sum(tf.cast(values, tf.float64) * weights), read_value=True)
    new_count = count.assign_add(tf.reduce_sum(weights), read_value=True)
    return tf.math.divide_no_nan(total, count), tf.math.divide_no_nan(new_total, new_count)
