"""Training steps that compute activations again, against those that keep them."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf

from net import recomputation, registry
from net.backbones import resnet
from net.layers import Layers, Resized

v1 = tf.compat.v1
NETS = [
    ("cpn", {"backbone": "resnet50", "head_channels": 16, "resnet_stride": "3x3"}),
    ("cpn", {"backbone": "detnet59", "head_channels": 16}),
    ("hourglass", {"num_stacks": 2, "feats_channels": 16}),
]


@pytest.fixture(autouse=True)
def shallow(monkeypatch):
    monkeypatch.setitem(resnet.BLOCKS, "resnet50", (2, 3, 1, 1))


def gradients(name, options, context):
    """Returns the gradients of a loss, a list, and the bytes of the forward pass that the backward pass reads."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.set_random_seed(3)
        images = tf.constant(np.random.RandomState(1).uniform(-1, 1, (2, 96, 64, 3)).astype(np.float32))
        with context():
            outputs = registry.build(name, images, 5, True, options)
        loss = tf.add_n([tf.reduce_mean(tf.square(maps - 1.0)) for maps in outputs])
        forward = set(graph.get_operations())
        found = tf.gradients(loss, v1.trainable_variables())
        session.run(v1.global_variables_initializer())
        return session.run(found), read_bytes(graph, forward, images)


def read_bytes(graph, forward, images):
    backward = [op for op in graph.get_operations() if op not in forward and op.type not in ("Shape", "ShapeN", "Size")]
    read = {tensor.ref() for op in backward for tensor in op.inputs if tensor.op in forward}
    shapes = [reference.deref().shape for reference in read]
    return sum(shape.num_elements() for shape in shapes if shape.rank == 4 and shape[0] == images.shape[0])


@pytest.mark.parametrize(("name", "options"), NETS, ids=["resnet", "detnet", "hourglass"])
def test_gradients_are_the_same_from_less_memory(name, options):
    expected, kept = gradients(name, options, contextlib.nullcontext)
    found, less = gradients(name, options, recomputation.recomputing)
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())
    assert less < 0.75 * kept


def test_a_1x1_convolution_of_resized_features_is_the_same_in_training():
    random = np.random.RandomState(2)
    parts = [random.normal(size=(2, 3, 4, 6)), random.normal(size=(2, 12, 16, 5))]

    def outputs(is_training):
        with tf.Graph().as_default(), v1.Session() as session:
            v1.set_random_seed(3)
            layers = Layers(is_training)
            inputs = Resized([tf.constant(part.astype(np.float32)) for part in parts], (12, 16))
            maps = layers.conv(inputs, 7, 1, "conv")
            session.run(v1.global_variables_initializer())
            return session.run(maps)

    np.testing.assert_allclose(outputs(True), outputs(False), atol=1e-5)
