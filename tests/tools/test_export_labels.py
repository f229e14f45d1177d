"""The program that exports labels: which points it takes, what it refuses, and that it leaves nothing half-written."""

import json
import os
import shutil

import made_splits
import numpy as np
import pytest

from preprocessing.data import annotations
from preprocessing.labelling import exports, point_scores

PHOTOS = [
    made_splits.MadePhoto(
        f"Images/skirt/{name}.jpg", (40, 30), (made_splits.Row("skirt", None, {"hemline_left": (place, 5, 1)}),)
    )
    for place, name in enumerate(("a", "my photo", "c"), start=1)
]


@pytest.fixture
def data(tmp_path):
    """A data set with train_0, and with test_0 and its answer."""
    made_splits.write(tmp_path / "DATA", PHOTOS, has_boxes=False)
    shutil.copytree(tmp_path / "DATA" / "train_0" / "Images", tmp_path / "DATA" / "test_0" / "Images")
    shutil.copy(tmp_path / "DATA/train_0/Annotations/annotations.csv", tmp_path / "DATA/test_0_answer.csv")
    return tmp_path / "DATA"


def places(path):
    """Returns the x of the points of a COCO file."""
    return [
        x - 0.5
        for annotation in json.loads(path.read_text())["annotations"]
        for x, v in zip(annotation["keypoints"][::3], annotation["keypoints"][2::3])
        if v
    ]


@pytest.mark.parametrize("split", ["train_0", "test_0"])
def test_labels_of_a_split_are_in_it_or_beside_it(data, tmp_path, program, capfd, split):
    words = (f"--data_dir={data}", f"--split={split}", "--label_format=coco", f"--output={tmp_path}/out.json")
    assert program("tools/export_labels.py", *words) == 0
    assert places(tmp_path / "out.json") == [1, 2, 3]
    assert capfd.readouterr().out == f"{tmp_path}/out.json: 3 rows, 3 photos\n"


def test_predictions_take_the_place_of_labels(data, tmp_path, program):
    ids, categories, points, visibility, schema, _ = made_splits.table(PHOTOS[:2], has_boxes=False)
    annotations.write(tmp_path / "mine.csv", ids, categories, points + (10, 0), visibility, schema)
    scores = np.where(visibility < 0, np.nan, 0.5)
    found = point_scores.PointScores(scores, np.full([*scores.shape, 2, 2], np.nan))
    point_scores.write(tmp_path / "scores.csv", ids, categories, found, schema)
    words = (f"--data_dir={data}", "--split=test_0", f"--prediction={tmp_path}/mine.csv")
    for name in ("coco", "label_studio"):
        output = f"--output={tmp_path}/{name}.json"
        assert (
            program(
                "tools/export_labels.py", *words, output, f"--label_format={name}", f"--scores={tmp_path}/scores.csv"
            )
            == 0
        )
    assert places(tmp_path / "coco.json") == [11, 12]
    assert [a["score"] for a in json.loads((tmp_path / "coco.json").read_text())["annotations"]] == [0.5, 0.5]
    tasks = json.loads((tmp_path / "label_studio.json").read_text())
    assert [task["predictions"][0]["model_version"] for task in tasks] == ["mine", "mine"]
    assert tasks[1]["data"]["image"] == "/data/local-files/?d=test_0/Images/skirt/my%20photo.jpg"


def test_the_interface_is_a_second_file(data, tmp_path, program):
    for name in ("cvat", "label_studio"):
        words = (f"--output={tmp_path}/{name}", f"--interface={tmp_path}/{name}_labels", f"--label_format={name}")
        assert program("tools/export_labels.py", f"--data_dir={data}", *words) == 0
        text = (tmp_path / f"{name}_labels").read_text()
        assert all(keypoint in text for keypoint in made_splits.KEYPOINTS)


@pytest.mark.parametrize("broken", ["output", "interface"])
def test_both_files_are_written_or_none(data, tmp_path, program, capfd, broken):
    (tmp_path / "file").write_text("")
    places = {name: tmp_path / name for name in ("output", "interface")}
    places[broken] = tmp_path / "file" / "below"
    former = sorted(tmp_path.rglob("*"))
    words = (f"--{name}={path}" for name, path in places.items())
    assert program("tools/export_labels.py", f"--data_dir={data}", "--label_format=cvat", *words) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "file/below: cannot be written (File exists)" in line
    assert sorted(tmp_path.rglob("*")) == former


USAGE = {
    "a format that is only read": (["--label_format=labelme"], "labelme cannot be written: expected one of coco"),
    "scores of labels": (["--label_format=coco", "--scores=a.csv"], "expected --prediction, too"),
    "an interface of coco": (
        ["--label_format=coco", "--interface=a.json"],
        "--interface is for labels of cvat, label_studio: --label_format=coco has no use for it",
    ),
    "addresses of coco": (
        ["--label_format=coco", "--photo_url=https://a/"],
        "--photo_url is for labels of label_studio",
    ),
    "links in coco": (["--label_format=coco", "--link_photos"], "--link_photos is for labels of yolo"),
    "whole photos of cvat": (["--label_format=cvat", "--whole_photos"], "--whole_photos is for labels of coco, yolo"),
    "scores in yolo": (
        ["--label_format=yolo", "--prediction=a.csv", "--scores=a.csv"],
        "--scores is for labels of coco, label_studio",
    ),
    "no format": ([], "--label_format is required"),
    "its own labels": (
        ["--label_format=coco", "--output={data}/train_0/Annotations/annotations.csv"],
        "is a file of the",
    ),
    "a photo of its own": (["--label_format=coco", "--output={data}/train_0/Images/skirt/c.jpg"], "is a file of the"),
    "its schema": (["--label_format=coco", "--schema=a.toml", "--output=a.toml"], "is the file of --schema, too"),
    "one file for both": (["--label_format=cvat", "--interface={output}"], "is the file of --output, too"),
}


@pytest.mark.parametrize("kind", USAGE)
def test_wrong_usage_is_one_line(data, tmp_path, program, capfd, kind):
    words, message = USAGE[kind]
    words = [word.format(data=data, output=tmp_path / "out") for word in words]
    former = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert program("tools/export_labels.py", f"--data_dir={data}", f"--output={tmp_path}/out", *words) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert message in line
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == former
    assert os.listdir(tmp_path) == ["DATA"]


@pytest.mark.parametrize("name", exports.FORMATS)
def test_a_missing_photo_leaves_what_was_there(data, tmp_path, program, capfd, name):
    (data / "train_0" / "Images" / "skirt" / "c.jpg").unlink()
    if not exports.load(name).IS_FOLDER:
        (tmp_path / "out").write_text("former")
    former = sorted(tmp_path.rglob("*"))
    words = (f"--data_dir={data}", f"--label_format={name}", f"--output={tmp_path}/out")
    assert program("tools/export_labels.py", *words) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "annotations.csv: line 4, column image_id:" in line
    assert line.endswith("is missing: expected a JPEG photo")
    assert sorted(tmp_path.rglob("*")) == former
    if not exports.load(name).IS_FOLDER:
        assert (tmp_path / "out").read_text() == "former"


def test_a_folder_that_is_there_stays(data, tmp_path, program, capfd):
    (tmp_path / "out").mkdir()
    words = (f"--data_dir={data}", "--label_format=yolo", f"--output={tmp_path}/out/")
    assert program("tools/export_labels.py", *words) == 1
    assert "out: already exists: expected the name of a folder to make" in capfd.readouterr().err
    assert os.listdir(tmp_path / "out") == []


def test_a_test_split_without_answers_says_what_it_needs(data, tmp_path, program, capfd):
    (data / "test_0_answer.csv").unlink()
    words = (f"--data_dir={data}", "--split=test_0", "--label_format=coco", f"--output={tmp_path}/out")
    assert program("tools/export_labels.py", *words) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("test_0_answer.csv: is missing: expected the answers of the split, or --prediction")


def test_points_outside_of_their_photos_are_counted(data, tmp_path, program, capfd):
    table = data / "train_0" / "Annotations" / "annotations.csv"
    table.write_text(table.read_text().replace("3_5_1", "40_5_1"))
    words = (f"--data_dir={data}", "--label_format=coco", f"--output={tmp_path}/out.json")
    assert program("tools/export_labels.py", *words) == 0
    assert places(tmp_path / "out.json") == [1, 2]
    warning = f"export_labels.py: warning: {table}: 1 point outside of the photos left out\n"
    assert capfd.readouterr().err == warning
