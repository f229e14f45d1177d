"""Whatever bytes labels have, every reader gives garments or lines that say what is wrong, never a traceback."""

import json

import hypothesis
import pytest
import yaml
from fuzzing import bounded_memory, cases, mutated, one_line_errors  # noqa: F401 (a fixture)
from hypothesis import strategies as st
from made_labels import rows

from base import schema as schemas
from base.errors import DataErrors
from preprocessing.labelling import formats

POINT = {"label": "hemline_left", "points": [[5, 6]], "shape_type": "point", "flags": {}, "group_id": 1}
RECTANGLE = {"label": "skirt", "points": [[1, 2], [30, 40]], "shape_type": "rectangle", "group_id": 1}
REGION = {"original_width": 60, "original_height": 50, "image_rotation": 0}
EXAMPLES = {
    "coco": {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 50}],
        "categories": [{"id": 2, "name": "skirt", "keypoints": ["hemline_left", "hemline_right"]}],
        "annotations": [
            {"id": 3, "image_id": 1, "category_id": 2, "keypoints": [5, 6, 2, 7, 8, 1], "bbox": [1, 2, 30, 40]}
        ],
    },
    "deepfashion2": {
        "source": "user",
        "item1": {"category_name": "skirt", "bounding_box": [1, 2, 30, 40], "landmarks": [5, 6, 2] * 8},
    },
    "labelme": {"shapes": [POINT, RECTANGLE], "imagePath": "a.jpg", "imageWidth": 60, "imageHeight": 50, "flags": {}},
    "label_studio": [
        {
            "id": 1,
            "data": {"image": "/data/upload/1/a.jpg"},
            "annotations": [
                {
                    "result": [
                        {
                            **REGION,
                            "id": "r",
                            "type": "rectanglelabels",
                            "value": {"x": 1, "y": 2, "width": 50, "height": 60, "rectanglelabels": ["skirt"]},
                        },
                        {
                            **REGION,
                            "id": "p",
                            "parentID": "r",
                            "type": "keypointlabels",
                            "value": {"x": 10, "y": 20, "keypointlabels": ["hemline_left"]},
                        },
                        {"id": "p", "type": "choices", "value": {"choices": ["occluded"]}},
                    ]
                }
            ],
        }
    ],
}
CVAT = """<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>
<image id="0" name="a.jpg" subset="Train" width="60" height="50">
<box label="garment" xtl="1.0" ytl="2.0" xbr="30.0" ybr="40.0" group_id="1"/>
<skeleton label="skirt" group_id="1"><points label="hemline_left" outside="0" occluded="1" points="5.5,6.5"/></skeleton>
<skeleton label="skirt"><points label="hemline_left" outside="0" occluded="0" points="7.5,6.5"/></skeleton>
</image></annotations>"""
FLD = """1
image_name clothes_type variation_type landmark_visibility_1 landmark_location_x_1 landmark_location_y_1
img/a.jpg 2 1 0 001 002 1 003 004 2 0 0 0 007 008
"""
YOLO_ROW = "0 0.5 0.5 0.4 0.4 0.4 0.4 2 0.5 0.5 1\n"
YOLO_SETTINGS = {"names": {0: "skirt"}, "kpt_shape": [2, 3], "kpt_names": {0: ["hemline_left", "hemline_right"]}}

SCHEMAS = {name: schemas.load(name) for name in ("fashionai", "deepfashion2", "fld")}

# {what is damaged: (format, where the labels are, {file: text})}; the first file is the one that is damaged.
FILES = {name: (name, "a.json", {"a.json": json.dumps(content)}) for name, content in EXAMPLES.items()}
FILES["cvat"] = ("cvat", "a.xml", {"a.xml": CVAT})
FILES["fld"] = ("fld", "list_landmarks.txt", {"list_landmarks.txt": FLD})
FILES["fld, boxes"] = (
    "fld",
    "list_landmarks.txt",
    {"list_bbox.txt": "1\nimage_name x_1 y_1 x_2 y_2\nimg/a.jpg 1 2 30 40\n", "list_landmarks.txt": FLD},
)
YOLO = {"labels/a.txt": YOLO_ROW, "data.yaml": yaml.safe_dump(YOLO_SETTINGS)}
FILES["yolo"] = ("yolo", ".", YOLO)
FILES["yolo, data.yaml"] = ("yolo", ".", dict(reversed(YOLO.items())))


def read_all(folder, name, damaged=None):
    """Writes the files of an example, the first perhaps damaged, and reads them; returns rows and faults."""
    tool, place, files = FILES[name]
    for number, (file, text) in enumerate(files.items()):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(text.encode() if number or damaged is None else damaged)
    form = formats.load(tool)
    schema = SCHEMAS[getattr(form, "SCHEMA", "fashionai")]
    found, faults = [], []
    with one_line_errors(folder):
        found, notes = rows(form, folder / place, schema, (60, 50))
        faults = notes.faults
    with one_line_errors(folder):
        if faults:
            raise DataErrors(faults)
    return found, faults


@pytest.mark.parametrize("name", FILES)
def test_the_example_itself_is_good(tmp_path, name):
    found, faults = read_all(tmp_path, name)
    assert faults == []
    assert found
    assert all(row is not None for _, row in found)


@pytest.mark.parametrize("name", FILES)
@cases(0.4)
@hypothesis.given(data=st.data())
def test_damaged_bytes(tmp_path_factory, name, data):
    _, _, files = FILES[name]
    damaged = data.draw(st.binary(max_size=200) | mutated(next(iter(files.values())).encode()))
    found, _ = read_all(tmp_path_factory.mktemp("labels"), name, damaged)
    for _, row in found:
        if row:
            assert all(0 <= x < 60 and 0 <= y < 50 and v in (0, 1) for x, y, v in row.cells.values())


def places(content, before=()):
    """Returns the path of every value in JSON."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [before, *(place for key, value in inner for place in places(value, (*before, key)))]


def replaced(content, place, value):
    if not place:
        return value
    copy = content.copy()
    copy[place[0]] = replaced(content[place[0]], place[1:], value)
    return copy


VALUES = st.one_of(
    st.sampled_from([None, True, "", "x" * 2000, -1, 1e999, 10**400, [], {}, [[]], {"a": {}}, [None] * 300, "\ud800"]),
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)


@pytest.mark.parametrize("name", EXAMPLES)
@cases(0.4)
@hypothesis.given(data=st.data())
def test_any_value_in_any_place(tmp_path_factory, name, data):
    content = EXAMPLES[name]
    for _ in range(data.draw(st.integers(1, 2))):
        content = replaced(content, data.draw(st.sampled_from(places(content))), data.draw(VALUES))
    read_all(tmp_path_factory.mktemp("labels"), name, json.dumps(content).encode())


@pytest.mark.parametrize("name", ["cvat", "coco", "labelme", "deepfashion2", "label_studio", "fld", "yolo"])
@cases(0.2)
@hypothesis.given(data=st.data())
def test_guessing_never_fails_otherwise(tmp_path_factory, name, data):
    folder = tmp_path_factory.mktemp("labels")
    text = next(iter(FILES[name][2].values())).encode()
    (folder / "a").write_bytes(data.draw(st.binary(max_size=100) | mutated(text)))
    for place in (folder / "a", folder):
        with one_line_errors(place):
            formats.guess(str(place))


@pytest.mark.parametrize("name", FILES)
def test_good_labels_are_known_by_their_looks(tmp_path, name):
    tool, place, _ = FILES[name]
    read_all(tmp_path, name)
    assert formats.guess(str(tmp_path / place)).__name__.rsplit(".", 1)[1] == tool
