"""YOLO-pose folders as Ultralytics' loader wants them: labels beside images, six digits, one number of keypoints."""

import hypothesis
import pytest
import yaml
from fashionai import KEYPOINTS, SCHEMA
from fuzzing import cases
from hypothesis import strategies as st
from made_labels import SIZES, as_made, garments, rows, write

from base.errors import DataError
from preprocessing.labelling.formats import yolo


def line(made, classes, size, names, digits, dimensions):
    (width, height), (x0, y0, x1, y1) = size, made.box
    values = [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]
    for name in names:
        x, y, v = made.cells.get(name, (-0.5, -0.5, -1))
        values += [(x + 0.5) / width, (y + 0.5) / height, v + 1][:dimensions]
    return f"{classes.index(made.category)} " + " ".join(f"{value:.{digits}f}" for value in values)


@cases(0.5)
@hypothesis.given(data=st.data(), size=SIZES, digits=st.integers(6, 12), has_names=st.booleans())
def test_garments_come_back(tmp_path_factory, data, size, digits, has_names):
    made = data.draw(garments(SCHEMA, size))
    classes = data.draw(st.permutations(SCHEMA.category_names))
    names = data.draw(st.permutations(KEYPOINTS)) if has_names else KEYPOINTS
    settings = {"names": dict(enumerate(classes)), "kpt_shape": [len(names), 3], "train": "images/train"}
    if has_names:
        settings["kpt_names"] = {number: list(names) for number in range(len(classes))}
    folder = tmp_path_factory.mktemp("yolo")
    write(folder / "data.yaml", yaml.safe_dump(settings))
    text = "\n".join(line(one, classes, size, names, digits, 3) for one in made)
    write(folder / "labels" / "train" / "a b.txt", text)
    write(folder / "labels" / "train" / "empty.txt", "")
    found, notes = rows(yolo, folder, SCHEMA, size)
    assert notes.faults == []
    assert [(one.category, one.cells) for one in as_made(found)] == [(one.category, one.cells) for one in made]
    for one, (photo, row) in zip(made, found):
        assert photo == "images/train/a b.jpg"
        for side, got in zip(one.box, row.box or (0, 0, *size)):
            assert abs(side - got) <= 1  # six digits of a centre and a width are not those of an edge
    assert notes.remarks == [f"{folder}: 1 file without garments passed over"]


def dataset(folder, rows_, **settings):
    names = SCHEMA.keypoint_names("skirt")
    content = {"names": ["skirt"], "kpt_shape": [4, 3], "kpt_names": {0: list(names)}, **settings}
    content = {key: value for key, value in content.items() if value is not None}
    write(folder / "data.yaml", yaml.safe_dump(content))
    write(folder / "labels" / "a.txt", rows_)
    return rows(yolo, folder, SCHEMA, (100, 50))


ROW = "0 .5 .5 .4 .4 .4 .4 2 .5 .5 1 0 0 0 .6 .6 2.000000"


@pytest.mark.parametrize("place", ["", "labels", "data.yaml"])
def test_the_labels_are_given_by_any_of_their_folders_or_the_data_yaml(tmp_path, place):
    dataset(tmp_path, ROW)
    ((photo, row),), notes = rows(yolo, tmp_path / place, SCHEMA, (100, 50))
    assert (photo, row.box, notes.faults) == ("images/a.jpg", (30, 15, 70, 35), [])
    assert row.cells == {"waistband_left": (40, 20, 1), "waistband_right": (50, 25, 0), "hemline_right": (60, 30, 1)}


def test_a_point_at_zero_without_v_is_absent_and_said(tmp_path):
    found, notes = dataset(tmp_path, "0 .5 .5 .4 .4 .4 .4 .5 .5 0 0 .6 .6", kpt_shape=[4, 2])
    assert sorted(found[0][1].cells) == ["hemline_right", "waistband_left", "waistband_right"]
    assert {v for *_, v in found[0][1].cells.values()} == {1}
    assert notes.remarks == [f"{tmp_path}: 1 point at 0, 0 taken as not labelled, for want of a column v"]


def test_points_and_boxes_a_little_outside_are_cut(tmp_path):
    found, notes = dataset(tmp_path, "0 .5 .5 1.004 .4 1.008 .4 2 .5 .5 1 0 0 0 .6 .6 2")
    assert sorted(found[0][1].cells) == ["hemline_right", "waistband_right"]
    assert found[0][1].box == (0, 15, 100, 35)
    assert notes.remarks == [f"{tmp_path}: 1 point outside of the photo left out (line 1, waistband_left)"]


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("0 .5 .5 .4", {}, "a.txt: line 1: expected 17 columns (class, box, 3 for each of 4 keypoints), got 4"),
        (ROW + "\n7" + ROW[1:], {}, "line 2: expected the number of a class in data.yaml, got '7'"),
        (ROW.replace(".6 .6", "x .6"), {}, "line 1, hemline_right: 'x' is not valid"),
        (ROW.replace(".6 2.000000", ".6 0.87"), {}, "line 1, hemline_right, v: expected 0, 1, 2, got '0.87'"),
        (ROW, {"kpt_shape": None}, "data.yaml: kpt_shape: expected [number of keypoints, 2 or 3], got None"),
        (ROW, {"kpt_shape": [5, 3]}, "data.yaml: kpt_names.0: expected 5 names, as kpt_shape says, got 4"),
        (ROW, {"kpt_names": None}, "kpt_shape: expected 24 keypoints, those of the schema fashionai in its order"),
        (ROW, {"kpt_names": {0: "ab"}}, "kpt_names.0: expected a list of names, got 'ab'"),
        (ROW, {"names": 5}, "data.yaml: names: expected a list, or an object by the numbers of the classes, got 5"),
        (ROW, {"names": ["hat"]}, "a.txt: line 1: 'hat' is no category: expected one of blouse"),
        (ROW.replace(".4 .4 .4", "0 .4 .4", 1), {}, "a.txt: line 1: its box"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, settings, message):
    try:
        _, notes = dataset(tmp_path, text, **settings)
        lines = [str(fault) for fault in notes.faults]
    except DataError as error:
        lines = error.lines()
    assert message in "\n".join(lines)


def test_a_folder_without_a_data_yaml(tmp_path):
    write(tmp_path / "x" / "y" / "z" / "labels" / "a.txt", ROW)
    with pytest.raises(DataError, match=r"has no data\.yaml"):
        list(rows(yolo, tmp_path / "x" / "y" / "z", SCHEMA, (100, 50)))
