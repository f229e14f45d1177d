"""Deep fashion alignment, built: the released networks' parameters and shapes, and what its stages start from."""

import numpy as np
import pytest
import tensorflow as tf

from net import complexity, registry

v1 = tf.compat.v1
# Of table 1 of the VGG paper, configuration D: (inputs, outputs) of the 3x3 convolutions.
CONVOLUTIONS = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512)]
CONVOLUTIONS += [(512, 512)] * 5
SMALL = {"backbone": "efficientnet_lite0", "fc_channels": 16}


def parameters(**options):
    with tf.Graph().as_default():
        registry.build("dfa", v1.placeholder(tf.float32, [1, 224, 224, 3]), 6, False, options)
        return complexity.count(v1.trainable_variables())


def test_the_released_networks_of_six_landmarks():
    """By hand, of the prototxt files of fashion-landmarks: 224 px, fc6 and fc7 of 4096, 20 pseudo-labels."""
    convolutions = sum(9 * inputs * outputs + outputs for inputs, outputs in CONVOLUTIONS)
    assert convolutions == 14_714_688  # as the VGG paper's nets without their fully connected layers have it
    fc6, fc7 = 7 * 7 * 512 * 4096 + 4096, 4096 * 4096 + 4096
    heads = 4097 * (2 * 6 + 20 + 3 * 6)
    first = convolutions + fc6 + fc7 + heads
    later = convolutions + fc6 + (12 * 512 + 512) + ((4096 + 512) * 4096 + 4096) + heads
    assert parameters(num_stages=1) == first
    assert parameters(num_stages=2) == first + later
    assert parameters(num_stages=3) == first + 3 * later


def test_stages_that_were_not_trained_move_the_points_by_next_to_nothing():
    """So that a model is of use while its first stage is trained."""
    images = tf.random.stateless_uniform([4, 64, 64, 3], [1, 2], -1, 1)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        images = tf.random.stateless_uniform([4, 64, 64, 3], [1, 2], -1, 1)
        stages = registry.build("dfa", images, 5, False, SMALL)
        session.run(v1.global_variables_initializer())
        first, second, third = session.run([stage.points for stage in stages])
    assert np.std(first) > 1e-3
    assert 0 < np.abs(second - first).max() < 2e-3
    assert 0 < np.abs(third - second).max() < 2e-3


def test_only_the_stages_that_are_trained_drop_channels_and_move_statistics():
    with tf.Graph().as_default():
        v1.train.get_or_create_global_step()
        images = v1.placeholder(tf.float32, [2, 64, 64, 3])
        registry.build("dfa", images, 5, True, {**SMALL, "bn_momentum": 0.9}, trained=(1,))
        updates = [op.name for op in v1.get_collection(v1.GraphKeys.UPDATE_OPS)]
        drawn = [op.name for op in v1.get_default_graph().get_operations() if op.type == "StatelessRandomUniform"]
    assert updates
    assert all(name.startswith("dfa/stage2/") for name in updates)
    assert len(drawn) == 2  # fc6 and fc7
    assert all(name.startswith("dfa/stage2/") for name in drawn)


@pytest.mark.parametrize("name", ["pseudo_labels", "stage_shares"])
def test_lists_of_another_length_are_refused(name):
    options = registry.make_options("dfa", {name: (2, 2)})
    with pytest.raises(ValueError, match=f"{name}: expected [34] numbers, got 2"):
        registry.get_net("dfa").phases(options)
