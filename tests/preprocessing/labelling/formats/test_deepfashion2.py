"""DeepFashion2's files: a photo's items become garments with boxes, landmarks keep their order."""

import json

import hypothesis
import pytest
from fuzzing import cases
from hypothesis import strategies as st
from made_labels import SIZES, as_made, garments, rows, write

from base import schema as schemas
from preprocessing.labelling.formats import deepfashion2

SCHEMA = schemas.load("deepfashion2")
# Of the data set's own page: how many landmarks the categories have.
COUNTS = {
    "short sleeve top": 25,
    "long sleeve top": 33,
    "short sleeve outwear": 31,
    "long sleeve outwear": 39,
    "vest": 15,
    "sling": 15,
    "shorts": 10,
    "trousers": 14,
    "skirt": 8,
    "short sleeve dress": 29,
    "long sleeve dress": 37,
    "vest dress": 19,
    "sling dress": 19,
}


def item(made):
    landmarks = []
    for name in SCHEMA.keypoint_names(made.category):
        x, y, v = made.cells.get(name, (0, 0, -1))
        landmarks += [x, y, v + 1]
    return {
        "segmentation": [[1.5, 2.5, 3, 4, 5, 6]],
        "scale": 2,
        "viewpoint": 2,
        "zoom_in": 1,
        "landmarks": landmarks,
        "style": 0,
        "bounding_box": list(made.box),
        "category_id": 1,
        "occlusion": 1,
        "category_name": made.category.replace("_", " "),
    }


@cases(0.5)
@hypothesis.given(data=st.data(), size=SIZES)
def test_items_come_back(tmp_path_factory, data, size):
    made = data.draw(garments(SCHEMA, size))
    items = {f"item{number}": item(one) for number, one in enumerate(made, start=1)}
    content = {"source": "user", "pair_id": 5, **dict(data.draw(st.permutations(list(items.items()))))}
    folder = tmp_path_factory.mktemp("annos")
    write(folder / "annos" / "000012.json", json.dumps(content))
    found, notes = rows(deepfashion2, folder, SCHEMA, size)
    assert (notes.faults, notes.remarks) == ([], [])
    assert as_made(found) == made
    assert {photo for photo, _ in found} == {"image/000012.jpg"}


@pytest.mark.parametrize("name", COUNTS)
def test_each_category_has_its_number_of_landmarks(tmp_path, name):
    landmarks = [number + 1 if column != 2 else 2 for number in range(COUNTS[name]) for column in range(3)]
    content = {"item1": {"category_name": name, "bounding_box": [0, 0, 50, 60], "landmarks": landmarks}}
    ((_, row),), notes = rows(deepfashion2, write(tmp_path / "1.json", json.dumps(content)), SCHEMA, (60, 60))
    assert notes.faults == []
    assert list(row.cells.values()) == [(number, number, 1) for number in range(1, COUNTS[name] + 1)]
    assert list(row.cells) == list(SCHEMA.keypoint_names(name.replace(" ", "_")))


def one(**changes):
    values = {"category_name": "skirt", "bounding_box": [1, 2, 30, 40], "landmarks": [5, 6, 2] * 8}
    return {"source": "shop", "pair_id": 1, "item1": {**values, **changes}}


def test_items_without_landmarks_are_counted(tmp_path):
    write(tmp_path / "1.json", json.dumps(one(landmarks=[0, 0, 0] * 8)))
    write(tmp_path / "2.json", json.dumps({"source": "shop", "pair_id": 1}))
    found, notes = rows(deepfashion2, tmp_path, SCHEMA, (60, 60))
    assert (found, notes.faults) == ([], [])
    assert [line.split(": ")[1] for line in notes.remarks] == [
        "1 item without landmarks passed over",
        "1 file without items passed over",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (one(landmarks=[5, 6, 2]), "1.json: item1.landmarks: expected 24 numbers, got 3"),
        (one(landmarks=[5, 6, 3] * 8), "item1, v of skirt_1: expected 0, 1, 2, got 3"),
        (one(bounding_box=[1, 2]), "item1.bounding_box: expected 4 numbers, got 2"),
        (one(bounding_box=[30, 2, 1, 9]), "item1: its box 30, 2, 1, 9 holds no pixel"),
        (one(category_name="hat"), "item1.category_name: expected one of long_sleeve_dress"),
        ({"item1": 5}, "item1: is no export of this tool"),
        ([], "1.json: expected one of the annos of DeepFashion2, got []"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, message):
    path = write(tmp_path / "1.json", json.dumps(content))
    _, notes = rows(deepfashion2, path, SCHEMA, (60, 60))
    message = message.replace("skirt_1", SCHEMA.keypoint_names("skirt")[0])
    assert message in "\n".join(map(str, notes.faults))
