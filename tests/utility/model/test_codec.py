"""A second, trivial codec: nothing between the net and the world assumes heatmaps."""

import json
import sys
import types

import made_models
import made_trainings
import numpy as np
import pytest
import tensorflow as tf

from base.errors import DataError
from net import registry
from net.declarations import Net, Stage
from net.layers import LayerOptions
from utility.model import codec, model_directory
from utility.prediction import inference
from utility.prediction.predictor import Predictor
from utility.training import training

POINTS = "places"


class PointCodec(codec.Codec):
    """The net gives the points themselves, [B, K, 2] in the unit square."""

    output_names = (POINTS,)

    def __init__(self, model, method=None):
        del model
        if method:
            raise ValueError(f"points need no decoding, got {method}")

    def encode(self, points, visibility, stage):
        return points

    def errors(self, raw, targets):
        return tf.reduce_sum(tf.math.squared_difference(raw, targets), axis=-1)

    def read(self, raw):
        return {POINTS: raw}

    def decode(self, outputs):
        return outputs[POINTS], tf.ones_like(outputs[POINTS][..., 0])

    def flip(self, outputs, partners):
        points = tf.gather(outputs[POINTS], partners, axis=1)
        return {POINTS: tf.stack([1 - points[..., 0], points[..., 1]], axis=-1)}

    def warp(self, outputs, matrix):
        points = outputs[POINTS]
        return {POINTS: tf.einsum("bij,bkj->bki", matrix[:, :, :2], points) + matrix[:, None, :, 2]}

    def slice(self, outputs, channels):
        return {POINTS: tf.gather(outputs[POINTS], channels, axis=1)}

    def average(self, outputs):
        return {POINTS: tf.add_n([one[POINTS] for one in outputs]) / len(outputs)}

    def adopt(self, outputs, other):
        return outputs


def regression(images, num_keypoints, is_training, data_format, options):
    """A net of one stage: the mean colours of a coarse grid, and a dense layer."""
    del is_training, data_format, options
    features = tf.reshape(tf.image.resize(images, [4, 4], method="area"), [tf.shape(images)[0], 48])
    with tf.compat.v1.variable_scope("regression"):
        kernel = tf.compat.v1.get_variable("kernel", [48, 2 * num_keypoints])
        bias = tf.compat.v1.get_variable("bias", [2 * num_keypoints], initializer=tf.compat.v1.zeros_initializer())
    points = tf.sigmoid(tf.matmul(features, kernel) + bias)
    return [tf.reshape(points, [-1, num_keypoints, 2])]


@pytest.fixture(autouse=True)
def added(monkeypatch):
    """The registries with the net and its codec."""
    module = types.ModuleType("added_codec")
    module.PointCodec = PointCodec
    monkeypatch.setitem(sys.modules, "added_codec", module)
    monkeypatch.setattr(codec, "_CODECS", dict(codec._CODECS))
    codec.register("points", "added_codec:PointCodec")
    net = Net(regression, LayerOptions, lambda options: [Stage("mse", 1.0, 0.0)], r"regression/", codec="points")
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    registry.register("regression", net)


def train(folder, name):
    """Trains the net for a few steps on drawn squares; returns the model's folder."""
    data = made_trainings.write_records(folder / "records")
    words = made_trainings.settings(data, folder / name, "--max_steps=6", "--epochs_per_eval=1", "--decode=dark")
    training.train_all(words, "regression", {})
    return folder / name / "skirt"


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 255, [70, 90, 3]).astype(np.uint8)


def test_a_model_of_another_codec_is_trained_described_and_predicts_with_every_view(tmp_path, picture):
    model = train(tmp_path, "one")
    description = json.loads((model / "model.json").read_text())
    assert description["codec"] == "points"
    assert not {"heatmap_size", "heatmap_sigma", "heatmap_loss", "target_scale", "decode"} & set(description)
    assert (model / "best").is_dir()  # so its NE was measured
    (plain,), _ = Predictor(model).find([picture], ["skirt"])
    assert ((plain > -1) & (plain < [90, 70])).all()
    # A net of a mirror-symmetric photo finds mirror-symmetric points when the flipped image counts as much.
    symmetric = np.concatenate([picture, picture[:, ::-1]], axis=1)
    (points,), _ = Predictor(model, options=inference.Options(flip=True)).find([symmetric], ["skirt"])
    left, right = points[0], points[1]  # of the waistband
    assert left[0] + right[0] == pytest.approx(symmetric.shape[1] - 1, abs=1e-2)
    assert left[1] == pytest.approx(right[1], abs=1e-2)
    views = inference.Options(two_pass=True, scales=(1.0, 0.9), rotations=(0.0, 10.0))
    (turned,), scores = Predictor(model, options=views).find([picture], ["skirt"])
    assert np.isfinite(turned).all()
    assert scores[0] == pytest.approx(np.ones(4))


def test_ensembles_average_outputs_of_one_codec_and_points_of_several(tmp_path, picture):
    models = [train(tmp_path, "one"), made_models.make(tmp_path / "heatmaps")]
    alone = [Predictor(model).find([picture], ["skirt"]).points[0] for model in models]
    (twice,), _ = Predictor([models[0]] * 2).find([picture], ["skirt"])
    assert twice == pytest.approx(alone[0], abs=1e-3)
    (both,), _ = Predictor(models, options=inference.Options(average_points=True)).find([picture], ["skirt"])
    assert both == pytest.approx((alone[0] + alone[1]) / 2, abs=1e-3)
    with pytest.raises(DataError, match="codec: expected points .* got heatmap; --average=points averages"):
        Predictor(models)


def test_a_method_of_decoding_that_the_codec_has_not_is_refused(tmp_path):
    with pytest.raises(DataError, match="model.json: decode: points need no decoding, got dark"):
        Predictor(train(tmp_path, "one"), options=inference.Options(decode="dark"))


def test_exports_and_figures_know_the_codec(program, tmp_path, capfd):
    model = train(tmp_path, "one")
    assert program("tools/export_model.py", f"--model_dir={model}", f"--output_dir={tmp_path}/out") == 0
    assert "0.0000 px (largest)" in capfd.readouterr().out
    assert program("tools/inspect_model.py", f"--model_dir={model}", f"--json={tmp_path}/figures.json") == 0
    assert json.loads((tmp_path / "figures.json").read_text())["outputs"] == [[4, 2]]
    assert model_directory.read(model).codec == "points"
