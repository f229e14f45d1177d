"""What every net must do: shapes, both data formats, gradients, batch norm, seeds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import every_net
import numpy as np
import pytest
import tensorflow as tf

from net import registry
from net.backbones import resnet

v1 = tf.compat.v1
ROOT = Path(__file__).parents[2]
SIZE, KEYPOINTS, BATCH = (96, 64), 5, 2  # odd and unequal, so that exchanged axes cannot pass

NETS = every_net.variants()
IDS = [every_net.label(*variant) for variant in NETS]
each = pytest.mark.parametrize(("name", "options"), NETS, ids=IDS)


# A ResNet with few blocks: what differs between stages and blocks is there, in a fraction of the time.
FEW_BLOCKS = (1, 2, 1, 1)


@pytest.fixture(autouse=True)
def shallow(monkeypatch):
    for name in resnet.BLOCKS:
        monkeypatch.setitem(resnet.BLOCKS, name, FEW_BLOCKS)


def build(name, options, is_training, data_format="channels_last", heatmap_size=None):
    pixels = np.random.RandomState(1).uniform(-1, 1, (BATCH, *SIZE, 3)).astype(np.float32)
    arguments = {} if heatmap_size is None else {"heatmap_size": heatmap_size}
    return registry.build(name, tf.constant(pixels), KEYPOINTS, is_training, options, data_format, **arguments)


def tensors(stages):
    """Returns the tensors that a net's stages give, in a list: heatmaps, or all that belongs to coordinates."""
    return [part for part in tf.nest.flatten(stages) if tf.is_tensor(part)]


def randomise(session, seed=2):
    """Gives every variable a random value by the order of names, batch norm's statistics included."""
    random = np.random.RandomState(seed)
    values = {}
    for variable in sorted(v1.global_variables(), key=lambda variable: variable.name):
        shape = variable.shape.as_list()
        if variable.op.name.endswith(("moving_variance", "gamma")):
            value = random.uniform(0.5, 1.5, shape)
        else:
            value = random.normal(0, 1 / np.sqrt(np.prod(shape[:-1]) + 1), shape)
        values[variable.initializer] = value.astype(np.float32)
    session.run(list(values), {initializer.inputs[1]: value for initializer, value in values.items()})


def check_norms_stand_still():
    norms = [op for op in v1.get_default_graph().get_operations() if op.type == "FusedBatchNormV3"]
    assert norms or not any("gamma" in variable.name for variable in v1.global_variables())
    assert not any(norm.get_attr("is_training") for norm in norms)
    assert v1.get_collection(v1.GraphKeys.UPDATE_OPS) == []


def outputs_of(name, options, data_format):
    with tf.Graph().as_default(), v1.Session() as session:
        outputs = tensors(build(name, options, False, data_format))
        check_norms_stand_still()
        randomise(session)
        return session.run(outputs)


@pytest.fixture(scope="module")
def channels_first(tmp_path_factory):
    """The nets' heatmaps with channels first, made in a process of its own.

    TensorFlow's oneDNN max pooling keeps its compiled kernels by the shape alone: a process that pools the same shape
    in both formats gets wrong numbers, now and then.
    """
    path = tmp_path_factory.mktemp("channels_first") / "heatmaps.npz"
    subprocess.run(
        [sys.executable, __file__, str(path)],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
    )
    return np.load(path)


@each
def test_both_data_formats_are_one_net(name, options, channels_first):
    outputs = outputs_of(name, options, "channels_last")
    assert np.std(outputs[-1]) > 1e-3
    for index, found in enumerate(outputs):
        others = channels_first[f"{name} {options} {index}"]
        np.testing.assert_allclose(found, others, atol=1e-4 * max(1e-3, np.abs(found).max()))


def check_stages(name, options, outputs):
    net = registry.get_net(name)
    stages, stride = net.stages(registry.make_options(name, options)), net.output_stride or 4
    assert len(outputs) == len(stages)
    if net.codec == "coordinates":
        assert {tuple(stage.points.shape) for stage in outputs} == {(BATCH, KEYPOINTS, 2)}
        assert {tuple(stage.visibility.shape) for stage in outputs} == {(BATCH, KEYPOINTS, 3)}
    else:
        assert {tuple(maps.shape) for maps in outputs} == {(BATCH, SIZE[0] // stride, SIZE[1] // stride, KEYPOINTS)}


@each
def test_gradients_reach_every_variable_and_statistics_move(name, options):
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(0)
        outputs = build(name, options, True)
        check_stages(name, options, outputs)
        loss = tf.add_n([tf.reduce_mean(tf.square(part - 1)) for part in tensors(outputs)])
        variables = v1.trainable_variables()
        gradients = tf.gradients(loss, variables)
        statistics = [variable for variable in v1.global_variables() if "moving_" in variable.name]
        assert all(gradient is not None for gradient in gradients)
        assert len(statistics) == 2 * sum(variable.name.endswith("gamma:0") for variable in variables)
        session.run(v1.global_variables_initializer())
        before = session.run(statistics)
        values, _ = session.run([gradients, v1.get_collection(v1.GraphKeys.UPDATE_OPS)])
        after = session.run(statistics)
    for variable, value in zip(variables, values):
        assert np.isfinite(value).all(), variable.name
        assert np.any(value), variable.name
    assert all(np.any(old != new) for old, new in zip(before, after))


def initial_values(seed):
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(seed)
        build("cpn", {"backbone": "efficientnet_lite0", "head_channels": 8}, True)
        session.run(v1.global_variables_initializer())
        return session.run({variable.name: variable for variable in v1.trainable_variables()})


def test_the_graph_seed_decides_every_weight():
    first, again, other = initial_values(1), initial_values(1), initial_values(2)
    kernels = [name for name in first if "kernel" in name]
    assert len(kernels) > 60
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not any(np.array_equal(first[name], other[name]) for name in kernels)


@pytest.mark.parametrize("initializer", ["he", "glorot"])
@pytest.mark.parametrize("name", every_net.NAMES)
def test_kernels_start_from_the_distribution_that_is_asked_for(name, initializer):
    with tf.Graph().as_default(), v1.Session() as session:
        tf.compat.v1.set_random_seed(1)
        build(name, every_net.small(name, initializer=initializer), is_training=True)
        session.run(v1.global_variables_initializer())
        head = re.compile(registry.get_net(name).keypoint_outputs)
        kernels = [v for v in v1.global_variables() if v.op.name.endswith("/kernel") and not head.match(v.op.name)]
        kernels = session.run([kernel for kernel in kernels if kernel.shape.num_elements() >= 1000])
    assert len(kernels) >= 10
    for kernel in kernels:
        fan_in, fan_out = np.prod(kernel.shape[:3]), np.prod(kernel.shape[:2]) * kernel.shape[3]
        variance = {"he": 2 / fan_in, "glorot": 2 / (fan_in + fan_out)}[initializer]
        np.testing.assert_allclose(kernel.std(), np.sqrt(variance), rtol=0.1)
        assert initializer == "he" or np.abs(kernel).max() <= np.sqrt(3 * variance)


def test_cpn_makes_heatmaps_of_the_size_that_is_asked_for():
    with tf.Graph().as_default():
        heatmaps = build("cpn", {"head_channels": 8}, False, heatmap_size=(40, 56))
    assert {tuple(maps.shape) for maps in heatmaps} == {(BATCH, 40, 56, KEYPOINTS)}


def test_hourglass_refuses_heatmaps_of_another_size():
    with tf.Graph().as_default(), pytest.raises(ValueError, match="16x24"):
        build("hourglass", {"num_stacks": 1, "feats_channels": 8}, False, heatmap_size=(40, 56))


def test_widening_falls_from_coarse_to_fine():
    stages = registry.get_net("cpn").stages(registry.make_options("cpn", {}))
    assert [stage.sigma for stage in stages] == [2.4, 1.73, 1.37, 1.0, 0.0]
    assert [stage.weight for stage in stages] == [0.5] * 4 + [1.0]
    assert [stage.loss for stage in stages] == ["mse"] * 4 + ["ohkm"]


@pytest.mark.parametrize("name", every_net.NAMES)
def test_heads_are_the_variables_that_change_with_the_keypoints(name):
    net = registry.get_net(name)

    def shapes(keypoints):
        with tf.Graph().as_default():
            registry.build(name, v1.placeholder(tf.float32, [1, *SIZE, 3]), keypoints, False, every_net.small(name))
            return {variable.op.name: tuple(variable.shape) for variable in v1.global_variables()}

    few, many = shapes(4), shapes(24)
    changing = {variable for variable in few if few[variable] != many[variable]}
    outputs = {variable for variable in few if re.match(net.keypoint_outputs, variable)}
    inputs = {variable for variable in few if net.keypoint_inputs and re.match(net.keypoint_inputs, variable)}
    assert changing == outputs | inputs
    assert all(many[variable][-1] == 24 for variable in outputs)
    assert all(many[variable][-2] == 24 for variable in inputs)


def write_channels_first(path):
    resnet.BLOCKS.update(dict.fromkeys(resnet.BLOCKS, FEW_BLOCKS))
    outputs = {}
    for name, options in NETS:
        for index, found in enumerate(outputs_of(name, options, "channels_first")):
            outputs[f"{name} {options} {index}"] = found
    np.savez(path, **outputs)


if __name__ == "__main__":
    write_channels_first(sys.argv[1])
