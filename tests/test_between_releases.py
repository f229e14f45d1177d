"""What one release of TensorFlow wrote, another reads: records, a model's folder and checkpoints, and the exports.

The environment variable FASHION_EXCHANGE names a folder in which each release leaves a folder of its own; whoever comes
later reads those of the others, too. `.ci/run` comes with the newest, the oldest, and the newest again. Without the
variable a release reads its own.
"""

import contextlib
import json
import os
import shutil
from pathlib import Path

import made_trainings
import numpy as np
import pytest
import tensorflow as tf

from base.errors import DataError
from base.files import atomic_folder
from preprocessing.data import manifest, photos
from tools.export_model import TOLERANCE
from utility.model import model_directory
from utility.prediction import exported, photo_reading
from utility.prediction.predictor import Predictor

STEPS = 60  # until the heatmaps have peaks: of others, the last bit decides which cell is the highest
TRAINING = (
    "--model_to_train=skirt",
    "--num_stacks=1",
    "--feats_channels=16",
    "--train_image_size=64",
    "--heatmap_size=16",
    "--batch_size=8",
    "--heatmap_loss=softmax",
    "--target_scale=1",
    "--decode=expectation",
    "--optimizer=adam",
    "--learning_rate=0.003",
    "--train_epochs=99",
    "--epochs_per_eval=99",
)
FORMATS = ("saved_model", "tflite", "onnx")
_FOLDER = Path(os.environ["FASHION_EXCHANGE"]) if "FASHION_EXCHANGE" in os.environ else None


def train(program, release, models, steps):
    words = (f"--data_dir={release / 'records'}", f"--model_dir={models}", f"--max_steps={steps}")
    assert program("train_hg.py", *TRAINING, *words) == 0


def find(release):
    """Returns the points [N, K, 2] that the model of a release finds in its photos."""
    predictor = Predictor(release / "models" / "skirt")
    images = [photo_reading.read(path) for path in paths(release)]
    return np.array(predictor.find(images, ["skirt"] * len(images))[0])


def paths(release):
    return sorted((release / "data" / "test_0" / "Images" / "skirt").iterdir())


def write(program, folder):
    """Writes what others shall read into a folder."""
    words = (f"--output_dir={folder / 'data'}", "--num_train=12", "--num_test=3", "--image_size=160")
    assert program("tools/make_synthetic_data.py", *words) == 0
    words = (f"--data_dir={folder / 'data'}", f"--output_dir={folder / 'records'}", "--val_fraction=0.2")
    assert program("tools/convert_tfrecords.py", *words) == 0
    train(program, folder, folder / "models", STEPS)
    for form in FORMATS:
        words = (f"--model_dir={folder / 'models' / 'skirt'}", f"--output_dir={folder / form}", f"--format={form}")
        assert program("tools/export_model.py", *words) == 0
    (folder / "points.json").write_text(json.dumps(find(folder).tolist()))


@pytest.fixture(scope="module")
def releases(tmp_path_factory, program):
    """The folders of this release and of others that were here before."""
    parent = _FOLDER or tmp_path_factory.mktemp("exchange")
    own = parent / tf.__version__
    if not own.exists():  # of an earlier run, or of the other process of pytest's
        made = tmp_path_factory.mktemp("made") / "release"
        made.mkdir()
        write(program, made)
        with contextlib.suppress(DataError), atomic_folder(str(own)) as temporary:  # the other process may be faster
            shutil.copytree(made, temporary, dirs_exist_ok=True)
        assert own.is_dir()
    return sorted(path for path in parent.iterdir() if not path.name.startswith("."))


def test_predictions_are_the_same(releases):
    for release in releases:
        expected = np.array(json.loads((release / "points.json").read_text()))
        np.testing.assert_allclose(find(release), expected, atol=0.05, err_msg=release.name)


def test_trainings_resume(releases, program, tmp_path):
    for release in releases:
        models = tmp_path / release.name
        shutil.copytree(release / "models", models)
        train(program, release, models, STEPS + 10)
        last = model_directory.latest_checkpoint(str(models / "skirt"))
        assert last == str(models / "skirt" / f"model.ckpt-{STEPS + 10}")
        former, now = (
            made_trainings.variables(str(release / f"models/skirt/model.ckpt-{STEPS}")),
            made_trainings.variables(last),
        )
        assert now.keys() == former.keys()
        assert now["beta2_power"] == pytest.approx(former["beta2_power"] * 0.999**10)
        for name in now:  # it goes on with the weights: Adam moves one by a few times the rate in a step
            if name.endswith("kernel"):
                assert np.abs(now[name] - former[name]).max() < 10 * 5 * 0.003, name


def test_records_are_read_and_written_alike(releases, program, tmp_path):
    for release in releases:
        assert manifest.verify(str(release / "records"), ["skirt"], checksums=True) == {"skirt": (10, 2)}
        anew = tmp_path / release.name
        words = (f"--data_dir={release / 'data'}", f"--output_dir={anew}", "--val_fraction=0.2")
        assert program("tools/convert_tfrecords.py", *words) == 0
        for path in anew.iterdir():
            assert path.read_bytes() == (release / "records" / path.name).read_bytes(), path


def runners(release, form):
    """Returns the runners of a release's export: of each signature."""
    folder = release / form
    if form == "saved_model":
        names = ("serving_default", "image")
        return [exported.saved_model_runner(str(folder / "saved_model"), name) for name in names]
    if form == "tflite":
        return [exported.tflite_runner(str(folder / "model.tflite"))]
    return [exported.onnx_runner(str(folder / "model.onnx"))]


@pytest.mark.parametrize("form", FORMATS)
def test_exports_give_the_points_of_the_checkpoint(releases, form):
    for release in releases:
        expected = np.array(json.loads((release / "points.json").read_text()))
        for run in runners(release, form):
            for path, points in zip(paths(release), expected):
                encoded = photos.read(path).encoded
                distances = np.linalg.norm(run(encoded, photo_reading.decode(encoded, path)) - points, axis=-1)
                assert distances.max() <= TOLERANCE[form], (release.name, form, distances.max())
