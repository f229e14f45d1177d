"""Batch norm over the whole batch of a training that several devices share."""

import tensorflow as tf

v1 = tf.compat.v1


def is_needed(is_training):
    """Returns whether the graph under construction holds a part of a batch only."""
    return is_training and tf.distribute.get_strategy().num_replicas_in_sync > 1


def synchronised_norm(inputs, axis, momentum, epsilon, name):
    """Normalises by the mean and variance over the batches of all replicas, as one device would the whole batch.

    The variables are those of `tf.compat.v1.layers.batch_normalization`; the operations that move the statistics go to
    UPDATE_OPS.

    Args:
        inputs: [B, ...] with C channels along `axis`.
        axis: 1 or 3.
        momentum: share of the moving statistics that a step keeps.
        epsilon: added to the variance.
        name: scope of the variables.
    """
    channels = inputs.shape[axis]
    others = [other for other in range(inputs.shape.rank) if other != axis]
    shape = [channels if other == axis else 1 for other in range(inputs.shape.rank)]
    with v1.variable_scope(name):
        gamma = v1.get_variable("gamma", [channels], initializer=v1.ones_initializer())
        beta = v1.get_variable("beta", [channels], initializer=v1.zeros_initializer())
        moving_mean = _statistic("moving_mean", channels, v1.zeros_initializer())
        moving_variance = _statistic("moving_variance", channels, v1.ones_initializer())
    floats = tf.cast(inputs, tf.float32)
    replicas = tf.distribute.get_replica_context()
    mean, square, count = replicas.all_reduce(
        tf.distribute.ReduceOp.SUM,
        [
            tf.reduce_sum(floats, others),
            tf.reduce_sum(tf.square(floats), others),
            tf.cast(tf.size(inputs) // channels, tf.float32),
        ],
    )
    mean, square = mean / count, square / count
    variance = tf.maximum(square - tf.square(mean), 0.0)
    for moving, value in ((moving_mean, mean), (moving_variance, variance * count / (count - 1))):
        v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, moving.assign_sub((1 - momentum) * (moving - value)))
    scale = gamma * tf.math.rsqrt(variance + epsilon)
    outputs = floats * tf.reshape(scale, shape) + tf.reshape(beta - mean * scale, shape)
    return tf.cast(outputs, inputs.dtype)


def _statistic(name, channels, initializer):
    # All replicas hold the same statistics, so that the first one's stand for all.
    aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return v1.get_variable(name, [channels], initializer=initializer, trainable=False, aggregation=aggregation)
