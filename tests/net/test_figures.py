"""The sizes of the nets, against published counts and TensorFlow's own profiler."""

import pytest
import tensorflow as tf

from net import backbones, complexity, registry
from net.layers import Layers

v1 = tf.compat.v1

# Trainable parameters without the classifier: torchvision's counts for the ResNets (25 557 032, 44 549 160 and
# 60 192 808) less the 2 049 000 of the last layer; timm's for EfficientNet-Lite0 (4 652 008) less its 1 281 000 and the
# 412 160 of the convolution before. DetNet-59: by hand from the ResNet-50's stages 1 to 4 and two dilated stages.
BACKBONE_PARAMETERS = {
    "resnet50": 23_508_032,
    "resnet101": 42_500_160,
    "resnet152": 58_143_808,
    "efficientnet_lite0": 2_958_848,
    "detnet59": 8_543_296
    + 2 * (3 * (1024 * 256 + 256 * 256 * 9 + 256 * 1024) + 1024 * 1024)
    + 2 * 2 * (3 * (256 + 256 + 1024) + 1024),
}

# net, options, (height, width), keypoints, trainable parameters in millions, multiply-adds in G, tolerance of both.
NETS = [
    ("cpn", {"resnet_stride": "1x1"}, (256, 192), 17, 27.0, 7.00, 0.01),
    ("cpn", {"resnet_stride": "3x3"}, (256, 192), 17, 27.0, 7.23, 0.01),
    ("cpn", {"backbone": "detnet59"}, (256, 192), 17, 21.45, None, 0.053),
    ("hourglass", {}, (256, 256), 16, 25.6, None, 0.03),
]


def _build(name, options, size, keypoints):
    images = v1.placeholder(tf.float32, [1, *size, 3])
    return registry.build(name, images, keypoints, False, options)


@pytest.mark.parametrize("name", BACKBONE_PARAMETERS)
def test_parameters_of_backbone(name):
    with tf.Graph().as_default():
        backbones.build(name, Layers(is_training=False), v1.placeholder(tf.float32, [1, 64, 64, 3]))
        assert complexity.count(v1.trainable_variables()) == BACKBONE_PARAMETERS[name]


@pytest.mark.parametrize(("name", "options", "size", "keypoints", "millions", "giga", "tolerance"), NETS)
def test_size_of_net(name, options, size, keypoints, millions, giga, tolerance):
    with tf.Graph().as_default() as graph:
        _build(name, options, size, keypoints)
        assert complexity.count(v1.trainable_variables()) / 1e6 == pytest.approx(millions, rel=tolerance)
        if giga:
            assert complexity.multiply_adds(graph) / 1e9 == pytest.approx(giga, rel=tolerance)


def test_multiply_adds_of_detnet_as_a_classifier():
    with tf.Graph().as_default() as graph:
        images = v1.placeholder(tf.float32, [1, 224, 224, 3])
        features = backbones.build("detnet59", Layers(is_training=False), images)[-1]
        tf.matmul(tf.reduce_mean(features, [1, 2]), tf.zeros([features.shape[3], 1000]))
        assert complexity.multiply_adds(graph) / 1e9 == pytest.approx(4.85, rel=0.01)


@pytest.mark.parametrize(
    ("name", "options"),
    [("cpn", {"backbone": backbone}) for backbone in backbones.names()]
    + [("hourglass", {"num_stacks": 2, "num_modules": 2})],
)
def test_profiler_counts_the_same(name, options):
    with tf.Graph().as_default() as graph:
        _build(name, options, (96, 160), 5)
        builder = v1.profiler.ProfileOptionBuilder
        profiled = v1.profiler.profile(
            graph,
            options=builder(builder.float_operation())
            .account_displayed_op_only(True)
            .with_node_names(show_name_regexes=[".*"])
            .with_accounted_types(["Conv2D", "DepthwiseConv2dNative", "MatMul"])
            .with_empty_output()
            .build(),
        )
        parameters = v1.profiler.profile(
            graph, options=builder(builder.trainable_variables_parameter()).with_empty_output().build()
        )
        assert profiled.total_float_ops == 2 * complexity.multiply_adds(graph)
        assert parameters.total_parameters == complexity.count(v1.trainable_variables())


def test_layers_of_a_graph_made_by_hand():
    with tf.Graph().as_default() as graph:
        images = v1.placeholder(tf.float32, [2, 9, 7, 3])
        features = tf.nn.conv2d(images, tf.zeros([3, 2, 3, 5]), 2, "SAME", name="first/conv")
        tf.matmul(tf.reshape(features, [2, 5 * 4 * 5]), tf.ones([100, 11]), name="last")
        first, last = complexity.layers(graph)
        assert first.name == "first"
        assert (first.shape, first.parameters, first.multiply_adds) == ((2, 5, 4, 5), 3 * 2 * 3 * 5, 200 * 18)
        assert (last.shape, last.multiply_adds) == ((2, 11), 2 * 11 * 100)
