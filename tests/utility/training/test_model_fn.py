"""The model function in its two modes, from features made by hand."""

from dataclasses import replace

import every_net
import made_models
import numpy as np
import pytest
import tensorflow as tf

from base.estimator_api import ModeKeys
from net import registry
from utility.model import heatmaps, metrics, network
from utility.training import model_fn, optimization
from utility.training.schedule import Schedule
from utility.training.settings import TrainingSettings

v1 = tf.compat.v1
TRAIN, EVAL = ModeKeys.TRAIN, ModeKeys.EVAL

SETTINGS = TrainingSettings(
    learning_rate=0.01, end_learning_rate=0.0, warmup_learning_rate=0.0, warmup_steps=0, schedule="constant"
)
LENGTH = Schedule(steps_per_epoch=5.0, total_steps=50, steps_per_eval=50)
SIZE, BATCH, KEYPOINTS = 64, 3, 4


def batch():
    """Returns features and labels of 3 photos of odd sizes, each stretched to the input in its own way."""
    random = np.random.RandomState(0)
    sizes = np.int32([[100, 130], [64, 48], [333, 200]])
    to_input = np.zeros([BATCH, 2, 3], np.float32)
    to_input[:, 0, 0], to_input[:, 1, 1] = SIZE / sizes[:, 0], SIZE / sizes[:, 1]
    features = {
        "image": random.uniform(0, 255, [BATCH, SIZE, SIZE, 3]).astype(np.float32),
        "to_input": to_input,
        "image_id": np.array([b"a.jpg", b"b.jpg", b"c.jpg"]),
        "image_size": sizes,
        "category": np.int32([3, 3, 3]),
    }
    labels = {
        "points": random.uniform(0, SIZE, [BATCH, KEYPOINTS, 2]).astype(np.float32),
        "visibility": np.int32([[1, 1, 0, 1], [1, -1, 1, 1], [0, 0, 1, -1]]),
        "norm": np.float32([31.5, 20.0, 256.0]),
    }
    return features, labels


def build(mode, data_format="channels_last", **changes):
    """Returns the EstimatorSpec of a small hourglass in the default graph."""
    v1.set_random_seed(4)
    v1.train.get_or_create_global_step()
    features, labels = batch()
    features = {name: tf.constant(value) for name, value in features.items()}
    labels = {name: tf.constant(value) for name, value in labels.items()}
    params = {"model": made_models.description(), "data_format": data_format, "rate_factor": 1.0}
    params.update(settings=replace(SETTINGS, **changes), schedule=LENGTH)
    return model_fn.model_fn(features, labels, mode, params)


def initialise(session):
    session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])


@pytest.fixture(scope="module")
def evaluated():
    """The NE of EVAL, and the points that the same net finds, in the photos' planes.

    Only with the channels last: in one process TensorFlow 2.15's oneDNN kernels now and then mix up the two formats.
    `tests/net/test_nets.py` compares the formats, each in its own process.
    """
    with tf.Graph().as_default(), v1.Session() as session:
        evaluation = build(EVAL)
        features, _ = batch()
        model = made_models.description()
        with v1.variable_scope(v1.get_variable_scope(), reuse=True):
            stages = network.run_net(tf.constant(features["image"]), model, False, "channels_last")
        points = model_fn.locate(stages[-1], tf.constant(features["to_input"]), model)
        initialise(session)
        session.run(evaluation.eval_metric_ops["ne"][1])
        return session.run({"ne": evaluation.eval_metric_ops["ne"][0], "points": points})


def test_the_evaluations_ne_is_that_of_the_predicted_points_before_rounding(evaluated):
    features, labels = batch()
    # In float64 and the photos' planes.
    scale = SIZE / features["image_size"].astype(np.float64)
    true = labels["points"] / scale[:, np.newaxis]
    distances = np.linalg.norm(evaluated["points"] - true, axis=-1) / labels["norm"][:, np.newaxis]
    expected = distances[labels["visibility"] == 1].mean()
    assert evaluated["ne"] == pytest.approx(expected, abs=1e-6)


def test_training_moves_weights_and_statistics_and_evaluation_neither():
    with tf.Graph().as_default(), v1.Session() as session:
        spec = build(TRAIN)
        assert spec.loss.shape == ()
        initialise(session)
        before = session.run(v1.global_variables())
        losses = [session.run([spec.loss, spec.train_op])[0] for _ in range(8)]
        after = session.run(v1.global_variables())
        unmoved = [
            v.op.name
            for v, old, new in zip(v1.global_variables(), before, after)
            if np.array_equal(old, new) and "Momentum" not in v.op.name
        ]
    assert unmoved == []
    assert losses[-1] < losses[0]
    with tf.Graph().as_default():
        build(EVAL)
        assert not v1.get_collection(v1.GraphKeys.UPDATE_OPS)


def test_the_step_is_one_that_progress_can_follow():
    with tf.Graph().as_default() as graph, v1.Session() as session:
        spec = build(TRAIN)
        initialise(session)
        names = ("step", "loss", "ne", "learning_rate")
        tensors = {name: graph.get_tensor_by_name(f"progress/{name}:0") for name in names}
        for expected_step in (1, 2):
            _, figures = session.run([spec.train_op, tensors])
            assert figures["step"] == expected_step
            assert figures["learning_rate"] == pytest.approx(0.01)
            assert figures["ne"] > 0


def test_the_loss_of_training_is_the_stages_and_the_decay(monkeypatch):
    with tf.Graph().as_default() as graph, v1.Session() as session:
        spec = build(TRAIN, mse_weight=0.5)
        decay = optimization.weight_decay_loss(SETTINGS)
        initialise(session)
        stages = [op.inputs[1] for op in graph.get_operations() if op.type == "ScalarSummary" and "stage" in op.name]
        loss, stage_losses, decay = session.run([spec.loss, stages, decay])
    assert loss == pytest.approx(0.5 * sum(stage_losses) + decay, rel=1e-6)
    assert len(stage_losses) == 1


def test_perfect_maps_have_no_loss_and_no_error():
    features, labels = batch()
    labels["visibility"][:] = 1
    model = made_models.description()
    cells = labels["points"] / 4
    maps = 255 * tf.constant(heatmaps.encode(cells, (16, 16), 1.0))
    losses = model_fn.losses_of_stages([maps], features, labels, model, SETTINGS)
    assert float(losses[0]) == pytest.approx(0.0, abs=1e-6)
    points = model_fn.locate(maps, features["to_input"], model)
    errors, visible = model_fn.normalized_errors(points, features, labels)
    assert float(tf.reduce_max(visible)) == 1.0
    # Half a tenth of a cell of 4 input pixels, in the photos' pixels over their norm.
    bound = 0.05 * 4 * np.max(features["image_size"] / SIZE, axis=1) / labels["norm"] * np.sqrt(2)
    assert np.all(np.asarray(errors) < bound[:, np.newaxis])


def test_a_point_one_pixel_of_the_photo_away_has_error_one_over_norm():
    features, labels = batch()
    scale = features["image_size"] / SIZE
    points = labels["points"] * scale[:, np.newaxis] + np.float32([1.0, 0.0])
    errors, visible = model_fn.normalized_errors(points, features, labels)
    np.testing.assert_allclose(errors, np.repeat(1 / labels["norm"][:, np.newaxis], KEYPOINTS, 1), rtol=1e-3)
    np.testing.assert_array_equal(visible, labels["visibility"] == 1)
    assert float(metrics.point_distances(points[0, 0], points[0, 0])) == 0.0


def test_every_net_of_the_registry_gives_one_stage_an_output():
    for name in every_net.NAMES:
        net = registry.get_net(name)
        model = made_models.description(net=name)
        with tf.Graph().as_default():
            outputs = network.run_net(v1.placeholder(tf.float32, [2, 64, 64, 3]), model, True, "channels_last")
        assert len(outputs) == len(net.stages(registry.make_options(name, model.net_options)))
        shape = (2, 4, 2) if net.codec == "coordinates" else (2, 16, 16, 4)
        assert {tuple(getattr(stage, "points", stage).shape) for stage in outputs} == {shape}
