"""A conversion in parts: the same bytes for every number of parts; missing, double and foreign parts are refused."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from fashionai import SCHEMA, keypoint_indices

from base import parts
from base.errors import DataError, DataErrors, noting
from base.parts import Part
from preprocessing.data import annotations, conversion, conversion_parts, conversion_plan, layout, manifest

COUNTS = {"dress": 7, "skirt": 11, "trousers": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """train_0 with COUNTS photos of each category."""
    folder = tmp_path_factory.mktemp("data")
    ids = [f"Images/{category}/{number}.jpg" for category, count in COUNTS.items() for number in range(count)]
    categories = [category for category, count in COUNTS.items() for _ in range(count)]
    points, visibility = np.full([len(ids), 24, 2], -1.0), np.full([len(ids), 24], -1)
    for number, category in enumerate(categories):
        own = list(keypoint_indices(category))
        points[number, own], visibility[number, own] = [number % 40, number % 50], 1
    annotations.write(folder / "train_0/Annotations/annotations.csv", ids, categories, points, visibility)
    for number, image_id in enumerate(ids):
        (folder / "train_0" / image_id).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "train_0" / image_id), np.full([50, 40, 3], number, np.uint8))
    return folder


class Conversion:
    """A conversion of a data set, whole or in parts."""

    def __init__(self, data, skip_bad=False, **plan):
        rows, self.faults = conversion_plan.read_rows(layout.list_splits(data), SCHEMA)
        self.options = {"seed": 0, "val_fraction": 0.2, **plan}
        self.skip_bad = skip_bad
        self.shards = conversion_plan.make_plan(rows, True, **{"shard_records": 3, **self.options})
        self.work = conversion_parts.identity(self.shards, self.options)

    def whole(self, folder):
        return conversion.convert(self.shards, str(folder), True, self.skip_bad, self.faults)

    def part(self, folder, number, of, on_photo=lambda: None):
        how = True, self.skip_bad, self.faults, on_photo, lambda line: None, SCHEMA
        return conversion_parts.convert_part(self.shards, Part(number, of), str(folder), self.work, *how)

    def merge(self, folder):
        return conversion_parts.merge(self.shards, str(folder), self.work, True, self.skip_bad, self.faults, SCHEMA)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("of", [1, 2, 3, 7, 30])
def test_the_same_bytes_for_every_number_of_parts(data, tmp_path, of):
    work = Conversion(data)
    expected = work.whole(tmp_path / "whole")
    counts = [work.part(tmp_path / "parts", number, of) for number in range(of, 0, -1)]
    assert sum(counts) == expected[0] == sum(COUNTS.values())
    assert os.listdir(tmp_path / "parts") == [".parts"]
    assert work.merge(tmp_path / "parts") == expected
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_a_part_that_is_done_is_not_done_again_and_one_that_was_stopped_goes_on(data, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "_SECONDS_BETWEEN_NOTES", 0)
    work, seen = Conversion(data), []

    def stop():
        seen.append(1)
        if len(seen) == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.part(tmp_path, 1, 1, stop)
    with pytest.raises(DataError, match=r"1-of-1: is not finished: expected --shard=1/1"):
        work.merge(tmp_path)
    again = []
    work.part(tmp_path, 1, 1, lambda: again.append(1))
    assert sum(COUNTS.values()) - 8 <= len(again) < sum(COUNTS.values())
    work.part(tmp_path, 1, 1, lambda: pytest.fail("is done already"))
    work.merge(tmp_path)


def _copy(folder, source, target):
    shutil.copytree(parts.place(parts.folder_in(folder), source), parts.place(parts.folder_in(folder), target))


def test_double_foreign_and_damaged_parts_are_refused_and_nothing_is_changed(data, tmp_path):
    work, other = Conversion(data), Conversion(data, seed=1)
    work.part(tmp_path, 1, 2)
    _copy(tmp_path, Part(1, 2), Part(2, 2))
    with pytest.raises(DataError, match="2-of-2: was made with other part"):
        work.merge(tmp_path)
    other.part(tmp_path, 2, 2)  # in its place: of another seed
    with pytest.raises(DataError, match=r"2-of-2: was made with other options.seed, rows"):
        work.merge(tmp_path)
    work.part(tmp_path, 2, 2)
    shard = Path(parts.place(parts.folder_in(tmp_path), Part(2, 2)), work.shards[-1].name)
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DataError, match=f"{shard.name}: is missing, or not what was written"):
        work.merge(tmp_path)
    assert os.listdir(tmp_path) == [".parts"]
    work.part(tmp_path, 2, 2)
    assert work.merge(tmp_path)[0] == sum(COUNTS.values())


def test_faults_are_told_or_left_out_as_in_a_whole_conversion(data, tmp_path):
    bad = tmp_path / "data"
    shutil.copytree(data, bad)
    for name in ("Images/skirt/3.jpg", "Images/dress/2.jpg"):
        (bad / "train_0" / name).write_bytes(b"no photo")
    strict = Conversion(bad)
    with pytest.raises(DataErrors) as whole:
        strict.whole(tmp_path / "strict")
    told = []
    for number in (1, 2, 3):
        with noting(told):
            strict.part(tmp_path / "parts", number, 3)
    assert sorted(map(str, told)) == sorted(whole.value.lines())
    with pytest.raises(DataError, match="is not finished"):
        strict.merge(tmp_path / "parts")
    lenient = Conversion(bad, skip_bad=True)
    expected = lenient.whole(tmp_path / "whole")
    for number in (1, 2, 3):
        lenient.part(tmp_path / "parts", number, 3)
    assert lenient.merge(tmp_path / "parts") == expected
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert len((tmp_path / "parts/skipped.txt").read_text().splitlines()) == 2


@pytest.mark.parametrize("moves", [0, 1, 3])
def test_a_merge_that_was_stopped_goes_on(data, tmp_path, monkeypatch, moves):
    work = Conversion(data)
    work.whole(tmp_path / "whole")
    for number in (1, 2):
        work.part(tmp_path / "parts", number, 2)
    replace, done = os.replace, []

    def stop(source, target):
        if str(target).endswith(".tfrecord"):
            done.append(1)
            if len(done) > moves:
                raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            work.merge(tmp_path / "parts")
    assert not manifest.read(tmp_path / "parts")["complete"]
    work.merge(tmp_path / "parts")
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
