"""The data set's layout, its tables, and that the same seed draws the same bytes."""

import hashlib
import os
import subprocess
import sys

import cv2
import pytest
from fashionai import CATEGORIES, SCHEMA

from preprocessing.data import annotations
from tools import make_synthetic_data

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "tools", "make_synthetic_data.py")


def run(*arguments):
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)


def fingerprint(folder):
    files = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return files


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("drawn") / "data")
    done = run(f"--output_dir={folder}", "--num_train=3", "--num_test=2", "--image_size=96", "--seed=4")
    assert done.returncode == 0, done.stderr
    return folder


def test_layout_and_tables(data_dir):
    assert sorted(os.listdir(data_dir)) == ["test_0", "test_0_answer.csv", "train_0"]
    assert sorted(os.listdir(os.path.join(data_dir, "train_0", "Images"))) == list(CATEGORIES)
    (table,) = os.listdir(os.path.join(data_dir, "train_0", "Annotations"))
    train = annotations.read(os.path.join(data_dir, "train_0", "Annotations", table))
    assert sorted(train.categories) == sorted(CATEGORIES * 3)
    assert train.categories != sorted(train.categories)  # shuffled, as the published tables are
    for image_id in train.image_ids:
        image = cv2.imread(os.path.join(data_dir, "train_0", image_id))
        assert max(image.shape[:2]) <= 96
    listed = annotations.read_images(os.path.join(data_dir, "test_0", "test.csv"))
    answer = annotations.read(os.path.join(data_dir, "test_0_answer.csv"))
    assert listed.image_ids == answer.image_ids
    assert listed.categories == answer.categories
    assert len(set(listed.image_ids + train.image_ids)) == 25
    assert all(os.path.isfile(os.path.join(data_dir, "test_0", image_id)) for image_id in listed.image_ids)


@pytest.mark.parametrize("processes", [1, 3])
def test_same_seed_same_bytes_whatever_the_number_of_processes(data_dir, tmp_path, processes):
    make_synthetic_data.write_data_set(str(tmp_path), 3, 2, 96, 4, SCHEMA, processes)
    assert fingerprint(tmp_path) == fingerprint(data_dir)


def test_another_seed_draws_other_photos(data_dir, tmp_path):
    make_synthetic_data.write_data_set(str(tmp_path), 3, 2, 96, 5, SCHEMA, 1)
    assert not set(fingerprint(tmp_path).values()) & set(fingerprint(data_dir).values())


def test_the_test_photos_are_no_training_photos(data_dir):
    train = fingerprint(os.path.join(data_dir, "train_0", "Images"))
    test = fingerprint(os.path.join(data_dir, "test_0", "Images"))
    assert not set(train.values()) & set(test.values())


def test_a_folder_with_something_in_it_is_refused_and_kept(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    done = run(f"--output_dir={tmp_path}", "--num_train=1", "--num_test=1")
    assert done.returncode == 1
    assert done.stderr == f"make_synthetic_data.py: {tmp_path}: is not empty: expected a new or empty folder\n"
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_nothing_is_left_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(f"--output_dir={tmp_path}/file/data", "--num_train=1", "--num_test=1")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(make_synthetic_data, "draw_photo", interrupted)
    flags = make_synthetic_data.command_line.parse(
        ["make_synthetic_data.py", f"--output_dir={tmp_path}/data", "--num_train=1", "--num_test=1"],
        make_synthetic_data.FLAGS,
    )
    with pytest.raises(KeyboardInterrupt):
        make_synthetic_data.main(flags)
    assert os.listdir(tmp_path) == []


def test_an_empty_folder_is_filled(tmp_path):
    done = run(f"--output_dir={tmp_path}", "--num_train=1", "--num_test=0", "--image_size=64")
    assert done.returncode == 0
    assert annotations.read(os.path.join(tmp_path, "test_0_answer.csv")).image_ids == []
