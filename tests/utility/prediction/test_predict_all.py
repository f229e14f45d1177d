"""The prediction of a test set: rows and order, one model a category, resuming after a kill, records like photos."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import made_trainings
import numpy as np
import pytest
import tensorflow as tf
from fashionai import SCHEMA, keypoint_indices
from made_models import make

from base import files
from base.errors import DataError, DataErrors
from preprocessing.data import annotations, csv_rows, records
from utility.prediction import inference, model_choice, photo_source, predict_all
from utility.prediction.engines import local
from utility.prediction.partial_results import Journal
from utility.prediction.predictor import Predictor

ROOT = Path(__file__).resolve().parents[3]
ROWS = [("skirt", 0), ("dress", 0), ("skirt", 1), ("dress", 1), ("skirt", 2)]


def image_id(category, number):
    return f"Images/{category}/{number}.jpg"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A parent folder with a model of skirt and one of all."""
    parent = tmp_path_factory.mktemp("models")
    make(parent / "skirt", category="skirt", seed=1, net=made_trainings.NET)
    make(parent / "all", category="all", seed=2, net=made_trainings.NET)
    return parent


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """A test split of five photos of unequal sizes."""
    folder = tmp_path_factory.mktemp("data") / "test_0"
    random = np.random.default_rng(0)
    for category, number in ROWS:
        path = folder / image_id(category, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = random.integers(0, 255, [4, 4, 3]).astype(np.float32)
        pixels = tf.cast(tf.image.resize(coarse, [60 + 20 * number, 90], "bicubic"), tf.uint8)
        path.write_bytes(tf.io.encode_jpeg(pixels).numpy())
    lines = ["image_id,image_category", *(f"{image_id(*row)},{row[0]}" for row in ROWS)]
    (folder / "test.csv").write_text("\n".join(lines) + "\n")
    return folder


def predict_split(split, models, output, **options):
    source = photo_source.find(str(split))
    found = model_choice.find_models([str(models)], source.counts)
    scores = options.pop("scores_output", None)
    on_photo = options.pop("on_photo", lambda: None)
    work = predict_all.Work(source, found, inference.Options(**options), 2)
    predict_all.predict_all(work, str(output), scores, on_photo)
    return Path(output).read_bytes()


def test_rows_are_those_of_the_list_each_with_its_categorys_model(split, models, tmp_path):
    predict_split(split, models, tmp_path / "out.csv", scores_output=str(tmp_path / "scores.csv"))
    written = annotations.read(tmp_path / "out.csv")
    assert written.image_ids == [image_id(*row) for row in ROWS]
    assert written.categories == [category for category, _ in ROWS]
    for row, (category, number) in enumerate(ROWS):
        predictor = Predictor(models / ("skirt" if category == "skirt" else "all"))
        found = predictor.predict(split / image_id(category, number), category)["keypoints"]
        own = written.visibility[row] == 1
        assert own.sum() == len(found)
        expected = [(point["x"], point["y"]) for point in found.values()]
        assert np.abs(written.points[row, own] - expected).max() <= 0.51  # whole pixels
    header, first, *_ = (tmp_path / "scores.csv").read_text().splitlines()
    assert header.startswith("image_id,image_category,neckline_left")
    assert first.startswith(f"{image_id('skirt', 0)},skirt,,,")
    assert first.count(",") == 25
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "scores.csv"]


def test_records_give_the_rows_of_their_photos(split, models, tmp_path):
    expected = annotations.read(_write(predict_split(split, models, tmp_path / "a.csv"), tmp_path / "a.csv"))
    folder = tmp_path / "records"
    folder.mkdir()
    for category in ("dress", "skirt"):
        with tf.io.TFRecordWriter(str(folder / f"{category}_0000.tfrecord")) as writer:
            for name, number in ROWS:
                if name == category:
                    data = (split / image_id(name, number)).read_bytes()
                    size = tuple(int(n) for n in tf.io.extract_jpeg_shape(data).numpy()[1::-1])
                    writer.write(records.serialise(image_id(name, number), data, size, name))
    predict_split(folder, models, tmp_path / "b.csv")
    written = annotations.read(tmp_path / "b.csv")
    assert written.image_ids == [image_id(*row) for row in sorted(ROWS)]
    order = [expected.image_ids.index(name) for name in written.image_ids]
    assert (written.points == expected.points[order]).all()


def _write(data, path):
    path.write_bytes(data)
    return path


class Stop(Exception):
    pass


@pytest.mark.parametrize("photos_done", [1, 2, 3, 4])
def test_goes_on_where_it_stopped_and_predicts_nothing_twice(split, models, tmp_path, monkeypatch, photos_done):
    undisturbed = predict_split(split, models, tmp_path / "a.csv", flip=True)
    seen = []
    find = Predictor.find
    monkeypatch.setattr(Predictor, "find", lambda self, *args: seen.append(len(args[0])) or find(self, *args))
    count = iter(range(1, 100))

    def stop_after_some():
        if next(count) == photos_done:
            raise Stop

    with pytest.raises(Stop):
        predict_split(split, models, tmp_path / "b.csv", flip=True, on_photo=stop_after_some)
    assert not (tmp_path / "b.csv").exists()
    assert predict_split(split, models, tmp_path / "b.csv", flip=True) == undisturbed
    assert sum(seen) == len(ROWS)
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "b.csv"]


def test_rows_of_other_settings_or_a_torn_batch_are_not_gone_on_with(split, models, tmp_path):
    undisturbed = predict_split(split, models, tmp_path / "a.csv")
    with pytest.raises(Stop):
        predict_split(split, models, tmp_path / "b.csv", on_photo=_raise_stop)
    partial = tmp_path / ".b.csv.partial"
    partial.write_bytes(partial.read_bytes()[:-20])  # as a kill within a write leaves it
    assert predict_split(split, models, tmp_path / "b.csv") == undisturbed
    with pytest.raises(Stop):
        predict_split(split, models, tmp_path / "b.csv", on_photo=_raise_stop, decode="argmax")
    assert predict_split(split, models, tmp_path / "b.csv") == undisturbed


@pytest.mark.parametrize("line", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("damage", [lambda row: bytes(len(row)), lambda row: b"{}", lambda row: row[:-1]])
def test_a_journal_that_a_power_cut_damaged_is_gone_on_with_as_far_as_it_is_whole(tmp_path, line, damage):
    place, sizes = str(tmp_path / "journal"), [2, 2, 1]
    written = Journal(place, {}, sizes)
    for rows in ([[0], [1]], [[2], [3]], [[4]]):
        written.add(rows)
    written.leave()
    lines = Path(place).read_bytes().split(b"\n")
    lines[line] = damage(lines[line])
    Path(place).write_bytes(b"\n".join(lines))
    found = Journal(place, {}, sizes)
    assert found.batches == (line - 1) // 2
    assert list(found.rows()) == [[number] for number in range(2 * found.batches)]
    found.leave()


def _raise_stop():
    raise Stop


def test_killed_at_any_time_ends_with_the_same_bytes(split, models, tmp_path):
    undisturbed = predict_split(split, models, tmp_path / "a.csv", two_pass=True)
    output = tmp_path / "b.csv"
    words = [f"--model_dir={models}", f"--data_dir={split}", f"--output={output}", "--two_pass", "--eval_batch_size=2"]
    command = [sys.executable, str(ROOT / "tests" / "with_tiny_net.py"), str(ROOT / "eval_all.py"), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    partial = tmp_path / ".b.csv.partial"
    while process.poll() is None and not (partial.exists() and partial.read_bytes().count(b"\n") > 2):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{output}: 5 rows\n"
    assert output.read_bytes() == undisturbed


def test_missing_photos_are_listed_before_anything_is_predicted(split, tmp_path):
    folder = tmp_path / "test_0"
    folder.mkdir()
    (folder / "test.csv").write_text((split / "test.csv").read_text())
    with pytest.raises(DataErrors) as caught:
        photo_source.find(str(folder))
    assert len(caught.value.errors) == 5
    assert caught.value.lines()[0].startswith(
        f"{folder}/test.csv: line 2, column image_id: {folder}/Images/skirt/0.jpg"
    )


def test_a_category_without_model_is_named(split, models):
    with pytest.raises(DataError, match="has no model of dress, nor of all"):
        model_choice.find_models([str(models / "skirt")], ["dress"])


def test_a_broken_photo_is_named_and_the_rest_can_go_on(split, models, tmp_path):
    broken = tmp_path / "test_0"
    shutil.copytree(split, broken)
    path = broken / image_id("skirt", 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:300])
    with pytest.raises(DataError, match="skirt/2.jpg"):
        predict_split(broken, models, tmp_path / "out.csv")
    path.write_bytes(whole)
    assert predict_split(broken, models, tmp_path / "out.csv") == predict_split(split, models, tmp_path / "b.csv")


def test_other_photos_under_the_same_names_are_other_work(split, tmp_path):
    """The rows of a stopped prediction are not taken for those of photos that were exchanged or edited since."""
    copy = tmp_path / "test_0"
    shutil.copytree(split, copy)
    before = photo_source.find(str(copy)).fingerprint
    assert before == photo_source.find(str(copy)).fingerprint
    one, other = (copy / image_id("skirt", number) for number in (0, 1))
    data = [path.read_bytes() for path in (one, other)]
    one.write_bytes(data[1])
    other.write_bytes(data[0])
    exchanged = photo_source.find(str(copy)).fingerprint
    one.write_bytes(data[1][:-1] + b"x")
    assert len({before, exchanged, photo_source.find(str(copy)).fingerprint}) == 3


def test_other_records_of_the_same_size_are_other_work(split, tmp_path):
    path = tmp_path / "skirt_0000.tfrecord"
    found = []
    for number in (7, 8):
        data = (split / image_id("skirt", 0)).read_bytes()
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(records.serialise(f"Images/skirt/{number}.jpg", data, (90, 60), "skirt"))
        found.append(photo_source.find(str(tmp_path)).fingerprint)
    assert found[0] != found[1]


def test_reading_ahead_keeps_every_core_busy_and_the_order(monkeypatch):
    """Each photo waits until as many as there are cores are being read at once; with two readers it would not end."""
    monkeypatch.setattr(files, "readers", lambda: 8)
    barrier = threading.Barrier(8)

    def read(number):
        if number < 8:
            barrier.wait(timeout=30)
        return number

    photos = (photo_source.SourcePhoto(n, str(n), functools.partial(read, n)) for n in range(24))
    found = [images for _, images in local.read_ahead(photos, [3] * 8)]
    assert found == [[3 * n, 3 * n + 1, 3 * n + 2] for n in range(8)]


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("categories", [("skirt", "dress"), ("skirt",)])
def test_a_submission_and_its_scores_can_be_read_back(tmp_path, categories, ending):
    """Also where records, which do not tell of a CSV's column of boxes, hold two garments of a photo."""
    rows = []
    for position, category in enumerate(categories):
        count = len(keypoint_indices(category))
        rows.append([position, "Images/skirt/a.jpg", category, [[3.0, 4.0]] * count, [0.5] * count])
    source = types.SimpleNamespace(schema=SCHEMA, has_boxes=False)
    output, scores = (str(tmp_path / f"{name}.csv{ending}") for name in ("submission", "scores"))
    predict_all._write(rows[::-1], source, output, scores)
    read = annotations.read(output)
    assert (tuple(read.categories), read.boxes) == (categories, [None] * 2 if len(categories) == 2 else None)
    header, *cells = (row for _, row in csv_rows.read(scores))
    assert tuple(header) == annotations.columns(SCHEMA, len(categories) == 2)
    assert [(row[1], row.count("0.500000")) for row in cells] == [
        (category, len(keypoint_indices(category))) for category in categories
    ]
