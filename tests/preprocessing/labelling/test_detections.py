"""Boxes out of a CSV, a COCO file and a list of results: the same ones, and one line for each that is wrong."""

import csv
import json

import hypothesis
import pytest
from hypothesis import strategies as st

from base.errors import DataError
from preprocessing.labelling import detections
from preprocessing.labelling.labelled import Notes

places = st.integers(-4000, 4000).map(lambda quarters: quarters / 4)
boxes = st.lists(
    st.tuples(st.sampled_from(["a.jpg", "b/c.jpg"]), st.sampled_from(["skirt", "dress"]), *[places] * 4), max_size=12
)


def read(path, names=None):
    notes = Notes(str(path))
    found = [
        (each.image, each.category, *each.frame) for each in detections.read(str(path), names and str(names), notes)
    ]
    return found, notes


def coco_file(rows, key="annotations"):
    images, categories = (list(dict.fromkeys(row[place] for row in rows)) for place in (0, 1))
    items = [
        {
            "id": number,
            "image_id": images.index(image),
            "category_id": 7 + categories.index(category),
            "bbox": [x0, y0, x1 - x0, y1 - y0],
        }
        for number, (image, category, x0, y0, x1, y1) in enumerate(rows)
        if x0 or y0 or x1 or y1  # four zeros are no box
    ]
    return {
        key: items,  # before what its ids are
        "images": [{"id": number, "file_name": name} for number, name in enumerate(images)],
        "categories": [{"id": 7 + number, "name": name} for number, name in enumerate(categories)],
    }


@hypothesis.settings(max_examples=50, deadline=None, derandomize=True)
@hypothesis.given(boxes)
def test_every_form_has_the_same_boxes(tmp_path_factory, rows):
    rows = [row for row in rows if any(row[2:])]
    folder = tmp_path_factory.mktemp("forms")
    with open(folder / "boxes.csv", "w", newline="") as file:
        csv.writer(file).writerows([detections.COLUMNS, *rows])
    whole = coco_file(rows)
    (folder / "whole.json").write_text(json.dumps(whole))
    (folder / "results.json").write_text(json.dumps(whole["annotations"]))
    own = [
        {"image_id": row[0], "category_id": row[1], "bbox": item["bbox"]}
        for row, item in zip(rows, whole["annotations"])
    ]
    (folder / "own.json").write_text(json.dumps(own))
    for name, names in (
        ("boxes.csv", None),
        ("whole.json", None),
        ("results.json", folder / "whole.json"),
        ("own.json", None),
    ):
        found, notes = read(folder / name, names)
        assert found == rows
        assert not notes.faults


def test_numbers_without_names(tmp_path):
    path = tmp_path / "results.json"
    items = [{"image_id": 42, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}]
    path.write_text(json.dumps(items * 2))
    (first, _) = detections.read(str(path), None, Notes(str(path)))
    assert (first.image, first.category, first.frame, first.score) == ("42", None, (1, 2, 4, 6), 0.5)
    path.write_text(json.dumps([*items, {**items[0], "category_id": 4}]))
    found, notes = read(path)
    assert len(found) == 1
    assert str(notes.faults[0]).startswith(f"{path}: [1], category_id: expected names, or one number in the whole list")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a.jpg,skirt,1,2,3", "line 3: expected 6 fields, got 5"),
        ("a.jpg,skirt,1,2,x,4", "line 3, column x1: 'x' is not valid: expected a finite number"),
        ("a.jpg,skirt,1,nan,3,4", "line 3, column y0: 'nan' is not valid"),
        ("a.jpg,skirt,1,2,3,", "line 3, column y1: '' is not valid"),
    ],
)
def test_wrong_rows_are_named(tmp_path, row, expected):
    path = tmp_path / "boxes.csv"
    path.write_text(f"image,category,x0,y0,x1,y1\na.jpg,skirt,0,0,1,1\n{row}\nb.jpg,,0,0,1,1\n")
    found, notes = read(path)
    assert [row[:2] for row in found] == [("a.jpg", "skirt"), ("b.jpg", None)]
    (fault,) = notes.faults
    assert str(fault).startswith(f"{path}: {expected}")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"image_id": 9}, "annotations[0], image_id: expected the id of one of the images, got 9"),
        (
            {"category_id": "skirt"},
            "annotations[0], category_id: expected the id of one of the categories, got 'skirt'",
        ),
        ({"bbox": [1, 2, 3]}, "annotations[0], bbox: expected 4 numbers, got 3"),
        ({"bbox": None}, "annotations[0], bbox: expected x, y, width, height, got None"),
        ({"bbox": [1, 2, 3, "x"]}, "annotations[0], bbox: 'x' is not valid"),
        ({"score": "high"}, "annotations[0], score: 'high' is not valid"),
        ({"image_id": []}, "annotations[0]: is no export of this tool"),
    ],
)
def test_wrong_annotations_are_named(tmp_path, change, expected):
    path = tmp_path / "whole.json"
    content = coco_file([("a.jpg", "skirt", 1, 2, 3, 4)] * 2)
    content["annotations"][0].update(change)
    path.write_text(json.dumps(content))
    found, notes = read(path)
    assert len(found) == 1
    (fault,) = notes.faults
    assert str(fault).startswith(f"{path}: {expected}")


@pytest.mark.parametrize("image", [None, True, "", 1.5, []])
def test_a_list_names_its_photos(tmp_path, image):
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{"image_id": image, "category_id": "skirt", "bbox": [1, 2, 3, 4]}]))
    found, notes = read(path)
    assert not found
    assert "[0], image_id: expected the photo's name or number" in str(notes.faults[0])


def test_crowds_are_counted(tmp_path):
    path = tmp_path / "whole.json"
    content = coco_file([("a.jpg", "skirt", 1, 2, 3, 4)] * 2)
    content["annotations"][1]["iscrowd"] = 1
    path.write_text(json.dumps(content))
    found, notes = read(path)
    assert (len(found), notes.remarks) == (1, [f"{path}: 1 annotation of a crowd passed over"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "is empty"), ("image,box\n", "line 1: expected the header image,category,x0"), ("[1, 2", "is no JSON")],
)
def test_files_of_another_form_are_one_line(tmp_path, text, expected):
    path = tmp_path / "boxes"
    path.write_text(text)
    with pytest.raises(DataError, match=expected):
        read(path)
