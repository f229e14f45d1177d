"""YOLO folders keep the rules by which Ultralytics takes a photo, whatever the photos are called."""

import io
import os

import hypothesis
import made_splits
import pytest
import yaml
from fashionai import CATEGORIES, KEYPOINTS, SCHEMA
from PIL import Image

from base.errors import DataError
from preprocessing.data import annotations
from preprocessing.labelling import exported
from preprocessing.labelling.exports import yolo


def write(folder, made, **options):
    rows = annotations.read(made_splits.write(folder / "DATA", made))
    photos = exported.Photos(str(folder / "DATA" / "train_0"), rows)
    yolo.write(exported.Export(photos, SCHEMA, "train_0", **options), str(folder / "out"))


def labels_of(image):
    """Returns the path of a photo's labels as Ultralytics finds it: in `labels` instead of the last `images`."""
    before, after = image.rsplit(f"{os.sep}images{os.sep}", 1)
    return f"{before}{os.sep}labels{os.sep}{after}".rsplit(".", 1)[0] + ".txt"


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(made=made_splits.made_photos())
def test_every_photo_has_labels_that_the_loader_takes(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("yolo")
    write(folder, made)
    images = {}
    for path in (folder / "out" / "images").rglob("*.*"):
        if path.is_file():
            images[path.read_bytes()] = str(path)
    assert len(images) == len(made)
    assert len(list((folder / "out" / "labels").rglob("*.txt"))) == len(made)
    for photo in made:
        path = labels_of(images[made_splits.jpeg(photo.size, photo.image_id)])
        with open(path, encoding="utf-8") as file:
            rows = [[float(value) for value in line.split()] for line in file]
        assert len(rows) == len(photo.rows)
        for numbers, row in zip(rows, photo.rows):
            assert len(numbers) == 5 + 3 * len(KEYPOINTS)
            assert CATEGORIES[int(numbers[0])] == row.category
            assert all(0 <= value <= 1 for value in numbers[1:5])
            points = dict(zip(KEYPOINTS, zip(*(iter(numbers[5:]),) * 3)))
            assert {name for name, (_, _, v) in points.items() if v} == row.cells.keys()
            for name, (x, y, v) in points.items():
                assert 0 <= x < 1 and 0 <= y < 1 and v in (0, 1, 2)  # noqa: PT018
                if v:
                    assert (x * photo.size[0] - 0.5, y * photo.size[1] - 0.5) == pytest.approx(
                        row.cells[name][:2], abs=1e-6
                    )
                    assert v == row.cells[name][2] + 1
                else:
                    assert x == y == 0


def test_the_settings_name_classes_and_columns(tmp_path):
    write(tmp_path, [made_photo("Images/skirt/a.jpg")])
    settings = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text(encoding="utf-8"))
    assert settings["names"] == dict(enumerate(CATEGORIES))
    assert settings["kpt_shape"] == [len(KEYPOINTS), 3]
    assert settings["kpt_names"] == dict.fromkeys(range(len(CATEGORIES)), list(KEYPOINTS))
    partners = [KEYPOINTS[at] for at in settings["flip_idx"]]
    assert partners == [SCHEMA.partner(name) for name in KEYPOINTS]
    assert (tmp_path / "out" / settings["train"] / "skirt" / "a.jpg").is_file()
    assert "path" not in settings, "the folder may be moved"


def made_photo(image_id, size=(40, 30)):
    return made_splits.MadePhoto(image_id, size, (made_splits.Row("skirt", None, {"hemline_left": (5, 5, 1)}),))


WRONG = {
    "of one name": (["Images/skirt/a.jpg", "Images/skirt/a.jpeg"], "line 3.*has the labels file of line 2, too"),
    "of one name in other folders": (["Images/a.jpg", "a.jpg"], "line 3.*has the labels file of line 2, too"),
    "hidden": (["Images/skirt/.a.jpg"], "line 2.*is passed over by Ultralytics"),
    "in a hidden folder": (["Images/.skirt/a.jpg"], "line 2.*is passed over by Ultralytics"),
    "in another folder images": (["Images/images/a.jpg"], "line 2.*is passed over by Ultralytics"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_photos_that_ultralytics_would_miss_are_named(tmp_path, kind):
    image_ids, message = WRONG[kind]
    with pytest.raises(DataError, match=message):
        write(tmp_path, [made_photo(image_id) for image_id in image_ids])
    assert os.listdir(tmp_path) == ["DATA"]


def test_linked_photos_are_those_of_the_data_set_and_others_are_stored_upright(tmp_path):
    made = [made_photo("Images/skirt/a.jpg"), made_photo("Images/skirt/b.jpg"), made_photo("Images/skirt/c.jpg")]
    rows = annotations.read(made_splits.write(tmp_path, made))
    folder = tmp_path / "train_0" / "Images" / "skirt"
    (folder / "b.jpg").write_bytes(made_splits.jpeg((30, 40), "", orientation=6))
    png = io.BytesIO()
    Image.new("RGB", (40, 30)).save(png, "PNG")
    (folder / "c.jpg").write_bytes(png.getvalue())
    photos = exported.Photos(str(tmp_path / "train_0"), rows)
    yolo.write(exported.Export(photos, SCHEMA, "train_0", link_photos=True), str(tmp_path / "out"))
    images = tmp_path / "out" / "images" / "train_0" / "skirt"
    assert (images / "a.jpg").samefile(folder / "a.jpg")
    for name in "bc":
        with Image.open(images / f"{name}.jpg") as image:
            assert (image.format, image.size, image.getexif().get(0x0112, 1)) == ("JPEG", (40, 30), 1)
