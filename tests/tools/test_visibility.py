"""A model that tells the visibility, through the programs: predictions, ensembles, exports, figures."""

import json

import cv2
import made_dfa
import made_models
import numpy as np
import pytest

from base.errors import DataError
from utility.prediction import inference
from utility.prediction.predictor import Predictor

STATES = ["visible", "occluded", "absent"]


@pytest.fixture(autouse=True, scope="module")
def small():
    with made_dfa.small_vgg():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return made_models.make(tmp_path_factory.mktemp("dfa") / "skirt", net="dfa", backbone="vgg16", num_stages=3)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "wide.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, [90, 170, 3]).astype(np.uint8))
    return path


def test_the_json_has_the_chances_of_each_state(program, model, photo, tmp_path):
    assert program("tools/predict.py", f"--model_dir={model}", f"--image={photo}", f"--output_dir={tmp_path}") == 0
    keypoints = json.loads((tmp_path / "wide.json").read_text())["keypoints"]
    assert len(keypoints) == 4
    for point in keypoints.values():
        assert list(point["visibility"]) == STATES
        assert sum(point["visibility"].values()) == pytest.approx(1, abs=1e-5)
        assert point["score"] == pytest.approx(point["visibility"]["visible"])


def test_a_flip_and_every_view_keep_the_points_on_the_photo(model, photo):
    """Of a mirror-symmetric photo the points are mirror-symmetric, so the padding is taken away again on both sides."""
    half = cv2.imread(str(photo))
    symmetric = np.concatenate([half, half[:, ::-1]], axis=1)
    for options in (
        inference.Options(flip=True),
        inference.Options(flip=True, two_pass=True, scales=(1.0, 0.8), rotations=(0.0,)),
    ):
        (points,), _ = Predictor(model, options=options).find([symmetric], ["skirt"])
        assert points[0, 0] + points[1, 0] == pytest.approx(symmetric.shape[1] - 1, abs=0.05)
        assert points[0, 1] == pytest.approx(points[1, 1], abs=0.05)


def test_models_of_heatmaps_join_by_points_alone(model, photo, tmp_path):
    image = cv2.imread(str(photo))
    models = [model, made_models.make(tmp_path / "skirt")]
    alone = [Predictor(one).find([image], ["skirt"])[0][0] for one in models]
    both = Predictor(models, options=inference.Options(average_points=True))
    found = both.predict_batch([image], ["skirt"])[0]["keypoints"]
    points = np.array([[point["x"], point["y"]] for point in found.values()])
    np.testing.assert_allclose(points, (alone[0] + alone[1]) / 2, atol=1e-3)
    own = Predictor(model).predict_batch([image], ["skirt"])[0]["keypoints"]
    assert [point["visibility"] for point in found.values()] == [point["visibility"] for point in own.values()]
    with pytest.raises(DataError, match="codec: expected coordinates"):
        Predictor(models)
    with pytest.raises(DataError, match="decode: coordinates need no decoding, got dark"):
        Predictor(model, options=inference.Options(decode="dark"))
    without = Predictor(models[1]).predict_batch([image], ["skirt"])[0]["keypoints"]
    assert all(set(point) == {"x", "y", "score"} for point in without.values())


@pytest.mark.parametrize("words", [["--format=saved_model"], ["--format=tflite", "--flip_on_test"]])
def test_an_export_keeps_the_aspect(program, model, tmp_path, capfd, words):
    """The export compares itself on drawn photos of several shapes, and refuses what differs."""
    assert program("tools/export_model.py", f"--model_dir={model}", f"--output_dir={tmp_path}/out", *words) == 0
    assert "px (largest)" in capfd.readouterr().out


def test_figures_of_coordinates(program, model, tmp_path):
    assert program("tools/inspect_model.py", f"--model_dir={model}", f"--json={tmp_path}/figures.json") == 0
    assert json.loads((tmp_path / "figures.json").read_text())["outputs"] == [[4, 2]] * 3
