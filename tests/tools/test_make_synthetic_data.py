"""The data set's layout, its tables, and that the same seed draws the same bytes."""

import hashlib
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from fashionai import CATEGORIES, SCHEMA

from base import schema as schemas
from preprocessing.data import annotations, records
from tools import make_synthetic_data
from tools.synthetic.photos import random_photo

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


def test_one_garment_is_a_photo_of_its_own_without_a_box(tmp_path):
    """Drawn here as it was before photos could show several: the default's bytes stay."""
    make_synthetic_data.write_data_set(str(tmp_path), 0, 2, 96, 4, SCHEMA, 1)
    table = annotations.read(tmp_path / "test_0_answer.csv")
    assert table.boxes is None
    drawn = {}
    for number, category in enumerate(CATEGORIES):
        for index in range(2):
            photo = random_photo(np.random.default_rng([4, 1, number, index]), category, 96)
            pixels = photo.image[..., ::-1] if photo.image.ndim == 3 else photo.image
            encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, photo.quality])[1].tobytes()
            drawn[encoded] = {name: (x, y) for name, (x, y, _) in photo.keypoints.items()}
    for image_id, points, visibility in zip(table.image_ids, table.points, table.visibility):
        expected = drawn.pop((tmp_path / "test_0" / image_id).read_bytes())
        there = {name: tuple(xy) for name, xy, v in zip(SCHEMA.keypoints, points.tolist(), visibility) if v >= 0}
        assert there == expected
    assert not drawn


@pytest.fixture(scope="module", params=["fashionai", "deepfashion2"])
def several(request, tmp_path_factory):
    """(schema, folder) of a data set with three garments in each photo."""
    schema, folder = schemas.load(request.param), tmp_path_factory.mktemp("several") / "data"
    words = (f"--schema={schema.name}", "--num_train=3", "--num_test=2", "--image_size=192", "--garments=3")
    done = run(f"--output_dir={folder}", *words)
    assert done.returncode == 0, done.stderr
    return schema, folder


def test_several_garments_are_rows_of_one_photo(several):
    schema, folder = several
    train = annotations.read(folder / "train_0" / "Annotations" / "annotations.csv", schema)
    answer = annotations.read(folder / "test_0_answer.csv", schema)
    assert annotations.read_images(folder / "test_0" / "test.csv", schema).keys == answer.keys
    for table, split, count in ((train, "train_0", 3), (answer, "test_0", 2)):
        assert len(set(table.keys)) == len(table) == 3 * count * len(schema.categories)
        photos = set(table.image_ids)
        assert len(photos) == count * len(schema.categories)
        assert {os.path.dirname(image_id) for image_id in photos} == {"Images/several"}
        sizes = {image_id: cv2.imread(str(folder / split / image_id)).shape[1::-1] for image_id in photos}
        assert max(map(max, sizes.values())) <= 192
        for image_id, (x0, y0, x1, y1) in zip(table.image_ids, table.boxes):
            assert 0 <= x0 < x1 <= sizes[image_id][0]
            assert 0 <= y0 < y1 <= sizes[image_id][1]
    assert set(train.categories) == set(schema.category_names)


def test_a_box_holds_its_garment_and_not_the_others(several):
    schema, folder = several
    table = annotations.read(folder / "train_0" / "Annotations" / "annotations.csv", schema)
    foreign = 0
    for row, box in enumerate(table.boxes):
        own = table.points[row][table.visibility[row] >= 0]
        assert len(own)
        assert ((own >= box[:2]) & (own < box[2:])).all()
        for other in np.flatnonzero(np.array(table.image_ids) == table.image_ids[row]):
            points = table.points[other][table.visibility[other] >= 0]
            foreign += other != row and ((points >= box[:2]) & (points < box[2:])).all()
    assert not foreign


def test_the_conversion_takes_several_garments(several, program, tmp_path):
    schema, folder = several
    words = (f"--data_dir={folder}", f"--output_dir={tmp_path}", f"--schema={schema.name}", "--val_fraction=0")
    assert program("tools/convert_tfrecords.py", *words) == 0
    boxes = [
        records.box_of(example)
        for shard in records.list_shards(tmp_path, "all")
        for example in records.read_examples(shard, schema)
    ]
    table = annotations.read(folder / "train_0" / "Annotations" / "annotations.csv", schema)
    assert sorted(boxes) == sorted(table.boxes)


@pytest.mark.parametrize("garments", [2, 4])
def test_the_smallest_photos_hold_several_garments(tmp_path, garments):
    make_synthetic_data.write_data_set(str(tmp_path), 2, 0, 64, 0, SCHEMA, 1, garments)
    table = annotations.read(tmp_path / "train_0" / "Annotations" / "annotations.csv")
    assert len(set(table.keys)) == 2 * len(CATEGORIES) * garments


def test_the_number_of_garments_has_bounds(tmp_path):
    for garments in (0, 5):
        done = run(f"--output_dir={tmp_path}/data", f"--garments={garments}")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
