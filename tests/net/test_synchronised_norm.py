"""Batch norm over two replicas against batch norm of the whole batch."""

import numpy as np
import tensorflow as tf

from net import synchronised_norm
from net.layers import LayerOptions, Layers

v1 = tf.compat.v1


def build(images, weights_name):
    """Returns the sum of cubes of weight × images after batch norm, whose gradient needs the batch's statistics."""
    weight = v1.get_variable(weights_name, [3], initializer=v1.constant_initializer([0.5, 1.0, 2.0]))
    if synchronised_norm.is_needed(True):
        outputs = synchronised_norm.synchronised_norm(images * weight, 3, 0.9, 1e-3, "norm")
    else:
        outputs = Layers(is_training=True, options=LayerOptions(bn_momentum=0.9, bn_epsilon=1e-3)).norm(images * weight)
    return tf.reduce_mean(outputs**3 + outputs * images), outputs


def train_step(loss):
    optimizer = v1.train.GradientDescentOptimizer(0.1)
    gradients = optimizer.compute_gradients(loss)
    with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
        return optimizer.apply_gradients(gradients)


def variables(session):
    return {v.name.split(":")[0]: session.run(v) for v in v1.global_variables() if "replica_" not in v.name}


def test_two_halves_on_two_devices_are_one_batch_on_one():
    images = np.random.RandomState(0).rand(4, 5, 6, 3).astype(np.float32) * [1, 5, 9] + [0, 3, -2]
    images = images.astype(np.float32)
    with tf.Graph().as_default(), v1.Session() as session:
        loss, outputs = build(tf.constant(images), "weight")
        step = train_step(loss)
        session.run(v1.global_variables_initializer())
        expected_outputs = session.run(outputs)
        for _ in range(3):
            session.run(step)
        expected = variables(session)

    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"], tf.distribute.ReductionToOneDevice())
    config = v1.ConfigProto(device_count={"CPU": 2})
    with tf.Graph().as_default(), v1.Session(config=config) as session, strategy.scope():

        def replica():
            half = tf.distribute.get_replica_context().replica_id_in_sync_group
            loss, outputs = build(tf.constant(images)[2 * half : 2 * half + 2], "weight")
            return train_step(loss / 2), outputs

        steps, outputs = strategy.extended.call_for_each_replica(replica)
        step = strategy.group(steps)
        outputs = tf.concat(strategy.experimental_local_results(outputs), 0)
        session.run(v1.global_variables_initializer())
        np.testing.assert_allclose(session.run(outputs), expected_outputs, rtol=1e-4, atol=1e-4)
        for _ in range(3):
            session.run(step)
        found = variables(session)

    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-4, err_msg=name)
