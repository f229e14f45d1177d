"""COCO files hold together, and COCO's own reader takes them."""

import contextlib
import io
import json

import hypothesis
import made_splits
import pytest
from fashionai import CATEGORIES, SCHEMA

from preprocessing.data import annotations
from preprocessing.labelling import exported
from preprocessing.labelling.exports import coco


def write(folder, made, **options):
    rows = annotations.read(made_splits.write(folder, made))
    photos = exported.Photos(str(folder / "train_0"), rows)
    coco.write(exported.Export(photos, SCHEMA, "train_0", **options), str(folder / "out.json"))
    return json.loads((folder / "out.json").read_text(encoding="utf-8"))


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(made=made_splits.made_photos())
def test_the_parts_of_a_file_hold_together(tmp_path_factory, made):
    content = write(tmp_path_factory.mktemp("coco"), made)
    images = {image["id"]: image for image in content["images"]}
    categories = {category["id"]: category for category in content["categories"]}
    assert len(images) == len(content["images"]) == len(made)
    assert [category["name"] for category in categories.values()] == list(CATEGORIES)
    rows = [(photo, row) for photo in made for row in photo.rows]
    assert len({annotation["id"] for annotation in content["annotations"]}) == len(rows)
    for annotation, (photo, row) in zip(content["annotations"], rows):
        image, category = images[annotation["image_id"]], categories[annotation["category_id"]]
        assert (image["file_name"], image["width"], image["height"]) == (photo.image_id, *photo.size)
        assert category["name"] == row.category
        numbers = annotation["keypoints"]
        points = zip(category["keypoints"], numbers[::3], numbers[1::3], numbers[2::3])
        places = {name: (x - 0.5, y - 0.5, v - 1) for name, x, y, v in points if v}
        assert places == row.cells
        assert len(numbers) == 3 * len(category["keypoints"])
        assert annotation["num_keypoints"] == len(row.cells)
        x, y, width, height = annotation["bbox"]
        assert annotation["area"] == width * height > 0
        assert all(x <= px + 0.5 <= x + width and y <= py + 0.5 <= y + height for px, py, _ in places.values())


def test_coco_reads_it(tmp_path):
    reader = pytest.importorskip("pycocotools.coco")  # of the extra `coco`, and so of the development packages
    row = made_splits.Row("skirt", (1, 2, 30, 20), {"hemline_left": (3, 4, 0), "waistband_left": (5, 6, 1)})
    write(tmp_path, [made_splits.MadePhoto("Images/skirt/a b.jpg", (40, 30), (row,))])
    with contextlib.redirect_stdout(io.StringIO()):
        found = reader.COCO(str(tmp_path / "out.json"))
    (annotation,) = found.loadAnns(found.getAnnIds(catIds=found.getCatIds(catNms=["skirt"])))
    assert annotation["bbox"] == [1, 2, 29, 18]
    assert annotation["keypoints"] == [5.5, 6.5, 2, 0, 0, 0, 3.5, 4.5, 1, 0, 0, 0]


def test_a_skeleton_names_the_lines_of_the_outline(tmp_path):
    for category in write(tmp_path, [])["categories"]:
        names = category["keypoints"]
        lines = [(names[a - 1], names[b - 1]) for a, b in category["skeleton"]]
        assert lines == list(SCHEMA.outline(category["name"]))


def test_predictions_have_the_mean_score_of_their_points(tmp_path):
    scores = {"crotch": 0.5, "waistband_left": 1.0, "waistband_right": None}
    points = tuple(exported.Point(name, 1.5, 2.5, False, score) for name, score in scores.items())
    garment = exported.Garment("trousers", points, None, (0, 0, 9, 9))
    photo = exported.Photo("Images/a.jpg", "", (9, 9), (garment,), ("", ""))
    coco.write(exported.Export([photo], SCHEMA, "test_0", model="mine"), str(tmp_path / "out.json"))
    (annotation,) = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert annotation["score"] == 0.75
