"""A model that tells the visibility, through the programs: predictions, ensembles, exports, figures."""

import json

import cv2
import made_dfa
import made_models
import made_trainings
import numpy as np
import pytest

from base.errors import DataError
from demos import score_visibility
from preprocessing.data import annotations
from utility.prediction import inference
from utility.prediction.predictor import Predictor

STATES = ["visible", "occluded", "absent"]


@pytest.fixture(autouse=True, scope="module")
def small():
    with made_dfa.small_vgg():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return made_models.make(tmp_path_factory.mktemp("dfa") / "skirt", net="dfa", backbone="vgg16")


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
    options = inference.Options(flip=True, two_pass=True, scales=(1.0, 0.8))
    (points,), _ = Predictor(model, options=options).find([symmetric], ["skirt"])
    assert points[0, 0] + points[1, 0] == pytest.approx(symmetric.shape[1] - 1, abs=0.05)
    assert points[0, 1] == pytest.approx(points[1, 1], abs=0.05)


def test_models_of_heatmaps_join_by_points_alone(model, photo, tmp_path):
    image = cv2.imread(str(photo))
    models = [model, made_models.make(tmp_path / "skirt", net=made_trainings.NET)]
    ways = [(models[:1], inference.Options()), (models[1:], inference.Options())]
    ways.append((models, inference.Options(average_points=True)))
    own, without, both = (
        Predictor(folders, options=options).predict_batch([image], ["skirt"])[0]["keypoints"]
        for folders, options in ways
    )
    for name, point in both.items():
        assert point["x"] == pytest.approx((own[name]["x"] + without[name]["x"]) / 2, abs=1e-3)
        assert point["y"] == pytest.approx((own[name]["y"] + without[name]["y"]) / 2, abs=1e-3)
        assert point["visibility"] == own[name]["visibility"]
        assert set(without[name]) == {"x", "y", "score"}
    with pytest.raises(DataError, match="codec: expected coordinates"):
        Predictor(models)
    with pytest.raises(DataError, match="decode: coordinates need no decoding, got dark"):
        Predictor(model, options=inference.Options(decode="dark"))


def test_an_export_keeps_the_aspect(program, model, tmp_path, capfd):
    """The export compares itself on drawn photos of several shapes, and refuses what differs."""
    words = f"--model_dir={model}", f"--output_dir={tmp_path}/out", "--format=tflite", "--flip_on_test"
    assert program("tools/export_model.py", *words) == 0
    assert "px (largest)" in capfd.readouterr().out


def test_figures_of_coordinates(program, model, tmp_path):
    assert program("tools/inspect_model.py", f"--model_dir={model}", f"--json={tmp_path}/figures.json") == 0
    assert json.loads((tmp_path / "figures.json").read_text())["outputs"] == [[4, 2]] * 2


def test_recalls_of_the_states():
    true, found = [0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 2, 2]
    figures = score_visibility.recalls(true, found)
    assert figures == {"visible": 0.75, "occluded": 0.5, "absent": 1.0, "balanced accuracy": 0.75}
    assert score_visibility.recalls([0, 2], [0, 0]) == {"visible": 1.0, "absent": 0.0, "balanced accuracy": 0.5}


def test_the_visibility_of_a_test_is_scored(program, model, photo, tmp_path, capfd):
    place = tmp_path / "Images" / "skirt" / "1.jpg"
    place.parent.mkdir(parents=True)
    cv2.imwrite(str(place), cv2.imread(str(photo)))
    points, states = np.full([1, 24, 2], -1), np.full([1, 24], -1)
    annotations.write(tmp_path / "answer.csv", ["Images/skirt/1.jpg"], ["skirt"], points, states)
    words = f"--model_dir={model}", f"--data_dir={tmp_path}", f"--ground_truth={tmp_path}/answer.csv"
    assert program("demos/score_visibility.py", *words) == 0
    found = Predictor(model).predict(str(place))["keypoints"].values()
    told = [max(STATES, key=point["visibility"].get) == "absent" for point in found]
    assert f"absent: {np.mean(told):.4f}" in capfd.readouterr().out
    heatmaps = made_models.make(tmp_path / "heatmaps" / "skirt", net=made_trainings.NET)
    assert program("demos/score_visibility.py", f"--model_dir={heatmaps}", *words[1:]) == 1
    assert "does not tell whether waistband_left is visible" in capfd.readouterr().err
