"""No format keeps the photos that it has written: memory does not grow with their number."""

import weakref

import made_splits
import pytest
from fashionai import SCHEMA

from preprocessing.labelling import exported, exports

COUNT = 50


@pytest.mark.parametrize("name", exports.FORMATS)
def test_photos_are_let_go_as_soon_as_they_are_written(tmp_path, name):
    (tmp_path / "a.jpg").write_bytes(made_splits.jpeg((9, 8), ""))
    alive, most = weakref.WeakSet(), 0

    def photos():
        nonlocal most
        for number in range(COUNT):
            garment = exported.Garment("skirt", (exported.Point("crotch", 1.5, 2.5, False),), None, (0, 0, 9, 8))
            where = ("a.csv", f"line {number + 2}, column image_id")
            photo = exported.Photo(f"Images/{number}.jpg", str(tmp_path / "a.jpg"), (9, 8), (garment,), where)
            alive.add(photo)
            most = max(most, len(alive))
            yield photo

    exports.load(name).write(exported.Export(photos(), SCHEMA, "train_0"), str(tmp_path / "out"))
    assert len(list(tmp_path.rglob("*.txt"))) == (COUNT if name == "yolo" else 0)
    assert most <= 2


@pytest.mark.parametrize("name", exports.FORMATS)
def test_nothing_is_left_of_an_export_that_fails(tmp_path, name):
    def photos():
        raise OSError(28, "No space left on device")
        yield

    with pytest.raises(OSError, match="No space"):
        exports.load(name).write(exported.Export(photos(), SCHEMA, "train_0"), str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
