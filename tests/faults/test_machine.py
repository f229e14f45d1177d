"""Faults of the machine: a full disk, a place that cannot be written, two processes at one place, too few GPUs."""

import contextlib
import glob
import os
import resource

import cv2
import numpy as np
import pytest
import tensorflow as tf
from made_models import make
from made_trainings import SMALL_HOURGLASS, write_records

from base import full_disk
from base.errors import DataError
from base.files import exclusive_folder
from utility.training import distribution
from utility.training.settings import TrainingSettings

UNWRITABLE = "expected a writable place with free space"


@contextlib.contextmanager
def largest_file(size):
    """Refuses files beyond a size in bytes, as `ulimit -f` does, and much as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("machine") / "records", num_train=8, num_validation=4)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make(tmp_path_factory.mktemp("machine") / "skirt")


def train(program, records, models):
    words = ("--batch_size=4", "--max_steps=1", "--epochs_per_eval=0.5")
    return program("train_hg.py", f"--data_dir={records}", f"--model_dir={models}", *SMALL_HOURGLASS, *words)


@pytest.mark.parametrize(
    ("size", "named"),
    [
        (100_000, "model.ckpt-0: cannot be written (File too large)"),
        (1_200_000, "skirt: cannot be written (File too large)"),  # checkpoints are smaller, summaries are not
    ],
)
def test_a_full_disk_ends_a_training_in_one_line(program, records, tmp_path, capfd, size, named):
    with largest_file(size):
        code = train(program, records, tmp_path)
    lines = [line for line in capfd.readouterr().err.splitlines() if not line.startswith(("skirt: ", "  "))]
    assert code == 1
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"train_hg.py: {tmp_path}/skirt")
    assert named in lines[0]
    assert lines[0].endswith(UNWRITABLE)
    assert glob.glob(f"{tmp_path}/skirt/*temp*") == []
    checkpoint = tf.train.latest_checkpoint(tmp_path / "skirt")
    assert checkpoint is None or tf.train.load_variable(checkpoint, "global_step") in (0, 1)


def test_a_file_too_large_is_not_taken_for_the_end_of_the_input(tmp_path):
    (tmp_path / "model.ckpt-3_temp").mkdir()
    (tmp_path / "model.ckpt-30.index").touch()
    expected = pytest.raises(DataError, match="model.ckpt-3: cannot be written")
    with expected, full_disk.naming_checkpoint(f"{tmp_path}/model.ckpt-3"):
        raise tf.errors.OutOfRangeError(None, None, "Graph execution error:\n\nmodel.ckpt-3; File too large")
    assert os.listdir(tmp_path) == ["model.ckpt-30.index"]
    with pytest.raises(tf.errors.OutOfRangeError), full_disk.naming(str(tmp_path)):
        raise tf.errors.OutOfRangeError(None, None, "End of sequence")


def predict_words(model, data):
    return f"--model_dir={model}", f"--data_dir={data / 'test_0'}"


def test_a_full_disk_ends_an_evaluation_in_one_line(program, model, data, tmp_path, capfd):
    output = tmp_path / "out" / "submission.csv"
    with largest_file(400):
        code = program("eval_all.py", *predict_words(model, data), f"--output={output}")
    (line,) = capfd.readouterr().err.splitlines()
    assert code == 1
    assert line.startswith(f"eval_all.py: {tmp_path}/out/")
    assert line.endswith(f"cannot be written (File too large): {UNWRITABLE}")
    assert not output.exists()


PLACES = {  # program: its flags, the place after them
    "train_hg.py": lambda data, model, records: [f"--data_dir={records}", *SMALL_HOURGLASS, "--model_dir"],
    "eval_all.py": lambda data, model, records: [*predict_words(model, data), "--output"],
    "tools/browse.py": lambda data, model, records: [f"--data_dir={data}", "--output"],
    "tools/predict.py": lambda data, model, records: [
        f"--model_dir={model}",
        f"--image={data / PHOTO}",
        "--output_dir",
    ],
    "tools/make_synthetic_data.py": lambda data, model, records: ["--num_train=1", "--num_test=0", "--output_dir"],
}
PHOTO = "test_0/Images/skirt/d.jpg"


@pytest.mark.parametrize("name", PLACES)
def test_a_place_that_cannot_be_written(program, model, data, records, tmp_path, capfd, name):
    (tmp_path / "mine").write_text("mine")
    *words, place = PLACES[name](data, model, records)
    assert program(name, *words, f"{place}={tmp_path}/mine/out") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"{os.path.basename(name)}: {tmp_path}/mine")
    assert "cannot be written" in line
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_second_training_in_one_folder_is_refused(program, records, tmp_path, capfd):
    with exclusive_folder(str(tmp_path / "skirt")):
        assert train(program, records, tmp_path) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line == (
        f"train_hg.py: {tmp_path}/skirt: is in use by another process: wait for it to end, or name another place"
    )
    assert os.listdir(tmp_path / "skirt") == []


def test_more_gpus_than_the_machine_has(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    with pytest.raises(DataError, match="the machine: has 1 GPU, --num_devices=2 asks for more"):
        distribution.distribute(TrainingSettings(distribution="mirrored", num_devices=2, batch_size=4))


def test_a_video_that_a_full_disk_cut_does_not_take_the_place_of_a_good_one(program, model, tmp_path, capfd):
    noise = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for _ in range(8):
        writer.write(noise.integers(0, 256, (120, 160, 3), dtype=np.uint8))
    writer.release()
    words = f"--model_dir={model}", f"--image={tmp_path}/film.avi", f"--output_dir={tmp_path}/out"
    assert program("tools/predict.py", *words) == 0
    whole = (tmp_path / "out" / "film.mp4").read_bytes()
    capfd.readouterr()
    with largest_file(len(whole) // 2):
        assert program("tools/predict.py", *words) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line == f"predict.py: {tmp_path}/out/film.mp4: cannot be written as a video: {UNWRITABLE}"
    assert (tmp_path / "out" / "film.mp4").read_bytes() == whole
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("form", ["saved_model", "tflite"])
def test_a_full_disk_ends_an_export_in_one_line(program, model, tmp_path, capfd, form):
    with largest_file(20_000):
        words = f"--model_dir={model}", f"--output_dir={tmp_path}/out", f"--format={form}"
        assert program("tools/export_model.py", *words) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("export_model.py: ")
    assert line.endswith(f"cannot be written (File too large): {UNWRITABLE}")
    assert os.listdir(tmp_path / "out") == []


def test_a_full_disk_leaves_nothing_of_an_evaluation_that_has_not_begun(program, model, data, tmp_path, capfd):
    with largest_file(0):
        assert program("eval_all.py", *predict_words(model, data), f"--output={tmp_path}/out/submission.csv") == 1
    assert os.listdir(tmp_path / "out") == []
