"""A prediction in parts: the same bytes for every number of parts; missing, double and foreign parts are refused."""

import itertools
import os
import shutil

import cv2
import numpy as np
import pytest
from made_models import make

from base import parts
from base.errors import DataError
from base.parts import Part
from utility.prediction import inference, model_choice, photo_source, predict_all
from utility.prediction.engines import local
from utility.prediction.predictor import Predictor

COUNTS = {"dress": 5, "skirt": 4}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model of all, and a test split of skirts and dresses by turns."""
    folder = tmp_path_factory.mktemp("place")
    make(folder / "models" / "all", category="all")
    rows = [(category, number) for number in range(5) for category, count in COUNTS.items() if number < count]
    lines = ["image_id,image_category"]
    for index, (category, number) in enumerate(rows):
        name = f"Images/{category}/{number}.jpg"
        (folder / "test_0" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 255, [60 + 8 * number, 90, 3]).astype(np.uint8)
        cv2.imwrite(str(folder / "test_0" / name), pixels)
        lines.append(f"{name},{category}")
    (folder / "test_0/test.csv").write_text("\n".join(lines) + "\n")
    return folder


def work(place, batch_size=2, **options):
    source = photo_source.find(str(place / "test_0"))
    models = model_choice.find_models([str(place / "models")], source.counts)
    return predict_all.Work(source, models, inference.Options(**options), batch_size)


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """The bytes of the submission and of the scores of an undivided prediction."""
    folder = tmp_path_factory.mktemp("whole")
    predict_all.predict_all(work(place), str(folder / "a.csv"), str(folder / "scores.csv"))
    return (folder / "a.csv").read_bytes(), (folder / "scores.csv").read_bytes()


@pytest.fixture
def quick(place, tmp_path, monkeypatch):
    """As `whole`, by an engine without nets, in the place of the local one for a test."""

    def predicted(source, models, batches, options, loading):
        for category, start, count in batches:
            points = len(source.schema.keypoint_indices(category))
            yield [
                [photo.position, photo.image_id, category, [[photo.position, start + 0.5]] * points, [0.5] * points]
                for photo in itertools.islice(source.iterate(category, start), count)
            ]

    monkeypatch.setattr(local, "predicted", predicted)
    os.mkdir(tmp_path / "quick")
    paths = tmp_path / "quick" / "a.csv", tmp_path / "quick" / "scores.csv"
    predict_all.predict_all(work(place), *map(str, paths))
    contents = tuple(path.read_bytes() for path in paths)
    shutil.rmtree(tmp_path / "quick")
    return contents


def test_the_same_bytes_as_without_parts(place, whole, tmp_path):
    _check_parts(place, whole, tmp_path, 3)


@pytest.mark.parametrize("of", [1, 2, 7, 40])
def test_the_same_bytes_for_every_number_of_parts(place, quick, tmp_path, of):
    _check_parts(place, quick, tmp_path, of)


def _check_parts(place, expected, tmp_path, of):
    done = []
    for number in range(of, 0, -1):
        predict_all.predict_part(work(place), Part(number, of), str(tmp_path / "b.csv"), lambda: done.append(1))
    assert len(done) == sum(COUNTS.values())
    assert predict_all.merge(work(place), str(tmp_path / "b.csv"), str(tmp_path / "s.csv")) == of
    assert ((tmp_path / "b.csv").read_bytes(), (tmp_path / "s.csv").read_bytes()) == expected
    assert sorted(os.listdir(tmp_path)) == ["b.csv", "s.csv"]


def test_a_part_goes_on_where_it_was_stopped_and_is_not_done_twice(place, whole, tmp_path, monkeypatch):
    seen, find = [], Predictor.find
    monkeypatch.setattr(Predictor, "find", lambda self, *args: seen.append(len(args[0])) or find(self, *args))
    output = str(tmp_path / "b.csv")

    def stop():
        if sum(seen) >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_all.predict_part(work(place), Part(1, 1), output, stop)
    with pytest.raises(DataError, match="has no part"):
        predict_all.merge(work(place), output)
    for _ in range(2):
        predict_all.predict_part(work(place), Part(1, 1), output)
    assert sum(seen) == sum(COUNTS.values())
    predict_all.merge(work(place), output)
    assert (tmp_path / "b.csv").read_bytes() == whole[0]


def test_double_foreign_and_damaged_parts_are_refused_and_stay(place, quick, tmp_path):
    output = str(tmp_path / "b.csv")
    folder = parts.folder_beside(output)
    one, two = (parts.place(folder, Part(number, 2)) for number in (1, 2))
    predict_all.predict_part(work(place), Part(1, 2), output)
    with pytest.raises(DataError, match="2-of-2: is missing"):
        predict_all.merge(work(place), output)
    shutil.copy(one, two)
    with pytest.raises(DataError, match="2-of-2: was made with other part:"):
        predict_all.merge(work(place), output)
    for other, named in ((work(place, flip=True), "options.flip"), (work(place, batch_size=3), "batch_size")):
        predict_all.predict_part(other, Part(2, 2), output)
        with pytest.raises(DataError, match=f"2-of-2: was made with other {named}:"):
            predict_all.merge(work(place), output)
    predict_all.predict_part(work(place), Part(2, 2), output)
    with open(two, "r+b") as file:
        file.truncate(os.path.getsize(two) - 9)
    with pytest.raises(DataError, match="2-of-2: has 3 whole rows: expected 4"):
        predict_all.merge(work(place), output)
    for line in (b"", b"[]\n", b"\xff\n", b"[" * 100_000):
        with open(two, "wb") as file:
            file.write(line)
        with pytest.raises(DataError, match="2-of-2: line 1: does not say which work"):
            predict_all.merge(work(place), output)
    assert not os.path.exists(output)
    predict_all.predict_part(work(place), Part(2, 2), output)
    predict_all.merge(work(place), output)
    assert (tmp_path / "b.csv").read_bytes() == quick[0]


def test_parts_of_another_model_or_of_other_photos_are_foreign(place, quick, tmp_path):
    copy = tmp_path / "place"
    shutil.copytree(place, copy)
    output = str(tmp_path / "b.csv")
    predict_all.predict_part(work(copy), Part(1, 1), output)
    shutil.rmtree(copy / "models/all")
    make(copy / "models/all", category="all", seed=9)
    with pytest.raises(DataError, match=r"1-of-1: was made with other models.dress, models.skirt:"):
        predict_all.merge(work(copy), output)
    os.utime(copy / "test_0/Images/skirt/0.jpg", (1, 1))
    with pytest.raises(DataError, match=r"other models.dress, models.skirt, photos:"):
        predict_all.merge(work(copy), output)
