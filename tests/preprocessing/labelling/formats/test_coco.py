"""COCO files as tools write them: in any order, with ids and keypoints of their own order, and wrong ones."""

import json
import tracemalloc

import hypothesis
import pytest
from fashionai import SCHEMA
from fuzzing import cases
from hypothesis import strategies as st
from made_labels import SIZES, as_made, garments, rows, write

from base.errors import DataError
from preprocessing.labelling import json_items
from preprocessing.labelling.formats import coco
from preprocessing.labelling.labelled import Notes


def annotation(number, made, category_id, names, shift=0.0):
    values = []
    for name in names:
        x, y, v = made.cells.get(name, (0, 0, -1))
        values += [0, 0, 0] if v < 0 else [x + shift, y + shift, v + 1]
    x0, y0, x1, y1 = made.box
    box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0}
    return {"id": number, "image_id": "p1", "category_id": category_id, "keypoints": values, **box}


@cases(0.5)
@hypothesis.given(data=st.data(), size=SIZES, shift=st.sampled_from([0.0, 0.5]))
def test_garments_come_back_in_whatever_order_the_file_has(tmp_path_factory, data, size, shift):
    made = data.draw(garments(SCHEMA, size))
    ids = dict(zip(SCHEMA.category_names, data.draw(st.lists(st.integers(0, 99), min_size=5, max_size=5, unique=True))))
    names = {name: data.draw(st.permutations(SCHEMA.keypoint_names(name))) for name in ids}
    content = {
        "info": {"year": 2026},
        "images": [{"id": "p1", "file_name": "a b/ü.jpg", "width": size[0], "height": size[1]}],
        "categories": [{"id": ids[name], "name": name, "keypoints": names[name], "skeleton": [[0, 1]]} for name in ids],
        "annotations": [
            annotation(number, one, ids[one.category], names[one.category], shift) for number, one in enumerate(made)
        ],
    }
    order = data.draw(st.permutations(list(content)))
    path = tmp_path_factory.mktemp("coco") / "a.json"
    write(path, json.dumps({key: content[key] for key in order}, ensure_ascii=data.draw(st.booleans())))
    found, notes = rows(coco, path, SCHEMA, size)
    assert notes.faults == []
    assert as_made(found) == made
    assert {photo for photo, _ in found} == {"a b/ü.jpg"}


def example(**changes):
    """Returns a file with one garment; changes are of its annotation, or of whole lists."""
    skirt = {"id": 7, "name": "skirt", "keypoints": ["waistband_left", "hemline_left"]}
    own = {"id": 3, "image_id": 1, "category_id": 7, "keypoints": [5, 6, 2, 7.9, 8.2, 1], "bbox": [2, 3, 20, 10]}
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
        "categories": [skirt],
        "annotations": [own],
    }
    for key, value in changes.items():
        (content if key in content else own)[key] = value
    return content


def read(tmp_path, content):
    found, notes = rows(coco, write(tmp_path / "a.json", json.dumps(content)), SCHEMA, (60, 40))
    return [row for _, row in found], notes


def test_an_annotation(tmp_path):
    (row,), notes = read(tmp_path, example())
    assert row.cells == {"waistband_left": (5, 6, 1), "hemline_left": (7, 8, 0)}
    assert (row.category, row.box, notes.faults, notes.remarks) == ("skirt", (2, 3, 22, 13), [], [])


@pytest.mark.parametrize("box", [None, [], [0, 0, 0, 0]])
def test_an_annotation_without_a_box(tmp_path, box):
    (row,), _ = read(tmp_path, example(bbox=box))
    assert row.box is None


def test_what_is_passed_over_is_counted(tmp_path):
    own = example()["annotations"][0]
    more = [
        {"id": 4, "image_id": 1, "category_id": 7},
        {**own, "id": 5, "keypoints": [0] * 6},
        {**own, "id": 6, "iscrowd": 1},
        {**own, "id": 8, "keypoints": [70, 6, 2, 7, 8, 2]},
    ]
    found, notes = read(tmp_path, example(annotations=[own, *more]))
    assert [len(row.cells) for row in found] == [2, 1]
    assert [line.split(": ", 1)[1] for line in notes.remarks] == [
        "2 annotations without keypoints passed over",
        "1 annotation of a crowd passed over",
        "1 point outside of the photo left out (annotation 8, waistband_left)",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": [5, 6, 2]}, "annotation 3, keypoints: expected 6 numbers, got 3"),
        ({"keypoints": [5, 6, 0.93, 7, 8, 2]}, "annotation 3, v of waistband_left: expected 0, 1, 2, got 0.93"),
        ({"keypoints": [5, "x", 2, 7, 8, 2]}, "annotation 3, keypoints: 'x' is not valid: expected a finite number"),
        ({"image_id": 2}, "annotation 3, image_id: expected the id of one of the images, got 2"),
        ({"category_id": None}, "annotation 3, category_id: expected the id of one of the categories, got None"),
        ({"bbox": [1, 2, 3]}, "annotation 3, bbox: expected 4 numbers, got 3"),
        ({"bbox": [1, 2, -3, 4]}, "annotation 3: its box 1, 2, -2, 6 holds no pixel"),
        ({"images": []}, "has no images: expected a COCO file"),
        ({"images": [{"id": 1, "file_name": ""}]}, "images[0].file_name: expected the photo's name, got ''"),
        ({"images": [{"id": 1, "file_name": "a.jpg"}] * 2}, "images[1].id: expected an id that no other has, got 1"),
        ({"categories": [{"id": 7, "name": "hat", "keypoints": ["a", "b"]}]}, "'hat' is no category"),
        ({"categories": [{"id": 7, "name": "skirt", "keypoints": ["a", "b"]}]}, "annotation 3, a: is no keypoint of"),
        ({"categories": [{"id": 7, "name": "skirt", "keypoints": 5}]}, "categories[0].keypoints: expected a list of"),
        ({"annotations": [5]}, "annotations[0]: is no export of this tool"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changes, message):
    try:
        _, notes = read(tmp_path, example(**changes))
        lines = [str(fault) for fault in notes.faults]
    except DataError as error:
        lines = error.lines()
    assert message in "\n".join(lines)


def test_a_large_file_is_read_in_bounded_memory(tmp_path, monkeypatch):
    """The reader holds the images and a piece of the file: a tenth of it is far more than it needs."""
    own = {**example()["annotations"][0], "segmentation": [[1.5] * 40]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(example(annotations=[{**own, "id": number} for number in range(3000)])))
    monkeypatch.setattr(json_items, "_PIECE", 10_000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in coco.read(str(path), SCHEMA, Notes(str(path))))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 3000
    assert peak < path.stat().st_size / 10
