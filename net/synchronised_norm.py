"""Batch norm over the whole batch of a training that several devices share."""

import functools

from base import late_tensorflow as tf


def is_needed(is_training):
    """Returns whether the graph under construction holds a part of a batch only."""
    return is_training and tf.distribute.get_strategy().num_replicas_in_sync > 1


def synchronised_norm(inputs, axis, momentum, epsilon, name):
    """Normalises by the mean and variance over the batches of all replicas, as one device would the whole batch.

    The variables are those of `Layers.norm`; the operations that move the statistics go to UPDATE_OPS.

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
    with tf.compat.v1.variable_scope(name):
        gamma = tf.compat.v1.get_variable("gamma", [channels], initializer=tf.compat.v1.ones_initializer())
        beta = tf.compat.v1.get_variable("beta", [channels], initializer=tf.compat.v1.zeros_initializer())
        moving_mean = _statistic("moving_mean", channels, tf.compat.v1.zeros_initializer())
        moving_variance = _statistic("moving_variance", channels, tf.compat.v1.ones_initializer())
    floats = tf.cast(inputs, tf.float32)
    means = [tf.reduce_mean(floats, others), tf.reduce_mean(tf.square(floats), others)]
    mean, square = tf.unstack(_mean_over_replicas(tf.stack(means)))
    variance = tf.maximum(square - tf.square(mean), 0.0)
    count = tf.cast(tf.size(inputs) // channels * tf.distribute.get_strategy().num_replicas_in_sync, tf.float32)
    for moving, value in ((moving_mean, mean), (moving_variance, variance * count / (count - 1))):
        tf.compat.v1.add_to_collection(
            tf.compat.v1.GraphKeys.UPDATE_OPS, moving.assign_sub((1 - momentum) * (moving - value))
        )
    scale = gamma * tf.math.rsqrt(variance + epsilon)
    outputs = floats * tf.reshape(scale, shape) + tf.reshape(beta - mean * scale, shape)
    return tf.cast(outputs, inputs.dtype)


def _statistic(name, channels, initializer):
    # All replicas hold the same statistics, so that the first one's stand for all.
    aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.compat.v1.get_variable(
        name, [channels], initializer=initializer, trainable=False, aggregation=aggregation
    )


def _mean_over_replicas(value):
    """Averages a tensor over the replicas, which hold parts of one size; the gradient is averaged as well.

    `ReplicaContext.all_reduce` has that gradient too, but walks back through the other replicas' graph to build it.
    """
    _register()
    with tf.compat.v1.get_default_graph().gradient_override_map({"Identity": "MeanOverReplicas"}):
        own = tf.identity(value)
    return own + tf.stop_gradient(_reduce(own) - own)


@functools.cache  # TensorFlow takes each name once
def _register():
    tf.RegisterGradient("MeanOverReplicas")(_mean_over_replicas_gradient)


def _mean_over_replicas_gradient(op, gradient):
    del op
    return _reduce(gradient)


def _reduce(value):
    def merge(strategy, values):
        return strategy.extended.reduce_to(tf.distribute.ReduceOp.MEAN, values, destinations=values)

    return tf.distribute.get_replica_context().merge_call(merge, args=(value,))
