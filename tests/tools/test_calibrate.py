"""A calibrated model's points have covariances, the same in every program and in exports, until its weights change."""

import csv
import json
import os
import shutil
from pathlib import Path

import cv2
import made_models
import made_trainings
import numpy as np
import pytest
import tensorflow as tf

from preprocessing.data import annotations
from utility.model import model_directory
from utility.prediction import inference
from utility.prediction.predictor import Predictor

FLAGS = ("--flip_on_test", "--two_pass", "--eval_batch_size=8")


def made(folder, seed=0):
    """Writes a model of three layers and random weights; returns its folder."""
    return made_models.make(folder, seed, net=made_trainings.NET)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return made_trainings.write_records(tmp_path_factory.mktemp("records"), num_train=1, num_validation=20)


@pytest.fixture(scope="module")
def model(records, program, tmp_path_factory):
    """A calibrated model of random weights, which is far off."""
    folder = made(tmp_path_factory.mktemp("models") / "skirt")
    assert program("tools/calibrate.py", f"--data_dir={records}", f"--model_dir={folder}", *FLAGS) == 0
    return folder


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """A test split of a photo and its answer."""
    folder = tmp_path_factory.mktemp("data") / "test_0"
    photo = folder / "Images" / "skirt" / "1.png"
    photo.parent.mkdir(parents=True)
    cv2.imwrite(str(photo), np.random.default_rng(0).integers(0, 256, (90, 130, 3)).astype(np.uint8))
    photo.rename(photo.with_suffix(".jpg"))
    cv2.imwrite(str(photo.with_suffix(".jpg")), cv2.imread(str(photo.with_suffix(".jpg"))))
    (folder / "test.csv").write_text("image_id,image_category\nImages/skirt/1.jpg,skirt\n")
    points, visibility = np.full([1, 24, 2], -1), np.full([1, 24], -1)
    points[0, 15:19], visibility[0, 15:19] = [(20, 10), (50, 10), (10, 80), (60, 80)], 1
    annotations.write(folder.parent / "answer.csv", ["Images/skirt/1.jpg"], ["skirt"], points, visibility)
    return folder


def test_the_ellipses_hold_the_points_that_they_were_fitted_on(records, model, program, tmp_path, capfd):
    copy = shutil.copytree(model, tmp_path / "skirt")
    assert program("tools/calibrate.py", f"--data_dir={records}", f"--model_dir={copy}", *FLAGS) == 0
    line = capfd.readouterr().out
    assert line.startswith(
        f"{copy}/model.json: calibrated on 80 points of 20 photos, of which the ellipses of 68 and 95 %"
    )
    of_68, of_95 = (float(word) for word in line.split() if word.replace(".", "").isdigit() and "." in word)
    assert abs(of_68 - 68) < 12
    assert of_95 > 85
    found = model_directory.read(str(copy)).calibration
    assert found.num_points == 80
    assert found == model_directory.read(model).calibration  # the former one does not count


def test_predict_eval_all_and_score_have_them(model, split, program, tmp_path, capfd):
    photo = split / "Images" / "skirt" / "1.jpg"
    assert (
        program("tools/predict.py", f"--model_dir={model}", f"--image={photo}", f"--output_dir={tmp_path}", *FLAGS[:2])
        == 0
    )
    point = json.loads((tmp_path / "1.json").read_text())["keypoints"]["hemline_left"]
    (xx, xy), (yx, yy) = point["covariance"]
    assert xy == yx
    assert xx * yy > xy * xy > 0
    out, scores = tmp_path / "s.csv", tmp_path / "scores.csv"
    words = (f"--model_dir={model}", f"--data_dir={split}", f"--output={out}", f"--scores_output={scores}")
    assert program("eval_all.py", *words, *FLAGS) == 0
    cell = next(csv.DictReader(scores.read_text().splitlines()))["hemline_left"]
    assert [float(part) for part in cell.split("_")] == pytest.approx([point["score"], xx, xy, yy], rel=1e-4)
    capfd.readouterr()
    words = (f"--prediction={out}", f"--ground_truth={split.parent}/answer.csv", f"--scores={scores}")
    assert program("tools/score.py", *words, f"--json={tmp_path}/s.json", f"--plot={tmp_path}/s.svg") == 0
    assert "inside of ellipses" in capfd.readouterr().out
    result = json.loads((tmp_path / "s.json").read_text())
    assert result["certainty"]["most_certain"]["1.0"] == pytest.approx(result["ne"])
    assert (tmp_path / "s.svg").read_text().startswith("<svg")


def test_an_export_gives_the_covariances_of_the_checkpoint(model, split, program, tmp_path, capfd):
    words = (f"--model_dir={model}", f"--output_dir={tmp_path}", "--format=saved_model", "--flip_on_test")
    assert program("tools/export_model.py", *words) == 0
    assert "standard deviations differ from the checkpoint's by 0.0" in capfd.readouterr().out
    serve = tf.saved_model.load(str(tmp_path / "saved_model")).signatures["image"]
    image = cv2.imread(str(split / "Images" / "skirt" / "1.jpg"))[..., ::-1]
    given = serve(image=tf.constant(image[None], tf.float32))["covariances"].numpy()[0]
    expected = Predictor(model, options=inference.Options(flip=True)).find([np.ascontiguousarray(image)], ["skirt"])
    np.testing.assert_allclose(given, expected.covariances[0], rtol=0.02)


def test_photos_that_are_enlarged_or_flipped_have_the_covariances_of_these(model):
    image = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8), (0, 0), 4)
    predictor = Predictor(model, options=inference.Options(flip=True))
    large = cv2.resize(image, (192, 128), interpolation=cv2.INTER_NEAREST)
    plain, enlarged, flipped = (
        predictor.find([np.ascontiguousarray(photo)], ["skirt"]).covariances[0]
        for photo in (image, large, image[:, ::-1])
    )
    np.testing.assert_allclose(enlarged, plain * [[9, 6], [6, 4]], rtol=0.05, atol=0.02 * plain[:, 0, 0].max())
    partners = list(predictor.schema.flip_permutation("skirt"))
    by_name = model_directory.read(model).calibration.gains  # each side has its own
    gains = np.array([by_name[name] for name in predictor.schema.keypoint_names("skirt")])
    ratio = np.exp(2 * (gains - gains[partners]))[:, None, None]
    np.testing.assert_allclose(flipped, plain[partners] * ratio * [[1, -1], [-1, 1]], rtol=0.02, atol=0.5)


def test_several_models_have_the_mean_of_what_they_say(model, split):
    image = cv2.imread(str(split / "Images" / "skirt" / "1.jpg"))
    alone = Predictor(model).find([image], ["skirt"])
    for average_points in (False, True):
        options = inference.Options(average_points=average_points)
        twice = Predictor([model, model], options=options).find([image], ["skirt"])
        np.testing.assert_allclose(twice.covariances[0], alone.covariances[0], rtol=1e-3)


def test_points_of_nets_that_disagree_are_as_uncertain_as_these_are_apart(model, records, program, split, tmp_path):
    other = made(tmp_path / "skirt", seed=5)
    assert program("tools/calibrate.py", f"--data_dir={records}", f"--model_dir={other}", *FLAGS) == 0
    image = cv2.imread(str(split / "Images" / "skirt" / "1.jpg"))
    both = Predictor([model, other], options=inference.Options(average_points=True)).find([image], ["skirt"])
    alone = [Predictor(folder).find([image], ["skirt"]) for folder in (model, other)]
    half = (alone[0].points[0] - alone[1].points[0]) / 2
    expected = sum(one.covariances[0] for one in alone) / 2 + half[..., :, None] * half[..., None, :]
    np.testing.assert_allclose(both.covariances[0], expected, rtol=1e-3, atol=1e-2)
    uncalibrated = made(tmp_path / "none", seed=6)
    assert Predictor([model, uncalibrated]).find([image], ["skirt"]).covariances is None


def test_other_weights_have_no_covariances(model, split, tmp_path, caplog):
    folder = shutil.copytree(model, tmp_path / "skirt")
    for name in os.listdir(folder):
        if name.startswith("model.ckpt-7"):
            shutil.copy(folder / name, folder / name.replace("ckpt-7", "ckpt-8"))
    image = cv2.imread(str(split / "Images" / "skirt" / "1.jpg"))
    assert Predictor(folder, checkpoint=folder / "model.ckpt-7").find([image], ["skirt"]).covariances is not None
    assert caplog.text == ""
    assert Predictor(folder, checkpoint=folder / "model.ckpt-8").find([image], ["skirt"]).covariances is None
    assert "model.json: the calibration is of model.ckpt-7, not of model.ckpt-8" in caplog.text


def test_without_validation_photos_or_with_few_points_the_model_stays(model, program, tmp_path, capfd):
    before = made(tmp_path / "m")
    text = Path(before, "model.json").read_text()
    for count, message in (
        (
            0,
            "has no validation records of skirt: expected some, as tools/convert_tfrecords.py makes them with",
        ),
        (3, "has 12 visible keypoints in the validation photos of skirt: expected 50 at least"),
    ):
        data = made_trainings.write_records(tmp_path / f"r{count}", num_train=1, num_validation=count)
        assert program("tools/calibrate.py", f"--data_dir={data}", f"--model_dir={before}") == 1
        error = capfd.readouterr().err
        assert f"calibrate.py: {data}: {message}" in error
        assert Path(before, "model.json").read_text() == text


def test_flags_and_models_that_do_not_fit_are_one_line(model, records, program, tmp_path, capfd):
    words = (f"--data_dir={records}", f"--model_dir={model}")
    for more, code, message in (
        (["--decode=median"], 1, f"{model}/model.json: decode: median requires probability heatmaps"),
        (["--category=dress"], 1, f"{model}: has no model of dress: expected another --category"),
        (["--category=hat"], 2, "--category=hat: expected one of blouse"),
        (["--crop_margin=1"], 2, "--crop_margin needs two numbers"),
    ):
        assert program("tools/calibrate.py", *words, *more) == code
        error = capfd.readouterr().err
        assert error.startswith(f"calibrate.py: {message}")
        assert error.count("\n") == 1
