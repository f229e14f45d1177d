"""DeepFashion2 from its own JSON to OKS: import, conversion, training, prediction in boxes, score."""

import csv
import json

import made_deepfashion2
import numpy as np
import pytest

from preprocessing.data import annotations, manifest
from tools import make_synthetic_data
from utility.model import model_directory

SCHEMA = made_deepfashion2.SCHEMA
TRAINING = (
    "--model_to_train=all", "--box_margin=0.1", "--num_stacks=1", "--feats_channels=8", "--train_image_size=64",
    "--heatmap_size=16", "--batch_size=4", "--max_steps=3", "--noaugment",
)  # fmt: skip


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """The folders `train` and `validation` in the data set's form: 13 photos each, of three garments."""
    folder = tmp_path_factory.mktemp("originals")
    drawn = folder / "drawn"
    make_synthetic_data.write_data_set(str(drawn), 1, 1, 120, 1, SCHEMA, 1, garments=3)
    made_deepfashion2.write(folder / "train", drawn / "train_0/Annotations/annotations.csv", drawn / "train_0")
    made_deepfashion2.write(folder / "validation", drawn / "test_0_answer.csv", drawn / "test_0")
    return folder


@pytest.fixture(scope="module")
def data(program, originals):
    """The data set in our form: train_0, and the validation photos as train_1."""
    for split, part in (("train_0", "train"), ("train_1", "validation")):
        words = (f"--labels={originals / part / 'annos'}", f"--images={originals / part / 'image'}", f"--split={split}")
        assert program("tools/import_labels.py", *words, f"--output_dir={originals / 'DATA'}") == 0
    return originals / "DATA"


@pytest.fixture(scope="module")
def model(program, data):
    records, parent = data.parent / "RECORDS", data.parent / "MODELS"
    words = (f"--data_dir={data}", f"--output_dir={records}", "--schema=deepfashion2", "--splits=train_0")
    assert program("tools/convert_tfrecords.py", *words) == 0
    assert manifest.schema_of(str(records)) == SCHEMA
    assert program("train_hg.py", f"--data_dir={records}", f"--model_dir={parent}", *TRAINING) == 0
    return parent


def by_photo(original, split):
    """Returns the items of the data set's files, and the rows of a split, each {(photo, category, box): points}."""
    given, imported = {}, {}
    for path in sorted((original / "annos").iterdir()):
        for key, item in json.loads(path.read_text()).items():
            if key.startswith("item"):
                known = path.stem, item["category_name"].replace(" ", "_"), tuple(item["bounding_box"])
                given[known] = np.reshape(item["landmarks"], [-1, 3])
    with open(split / "names.csv", encoding="utf-8", newline="") as file:
        names = {row["image_id"]: row["photo"].removesuffix(".jpg") for row in csv.DictReader(file)}
    rows = annotations.read(split / "Annotations" / "annotations.csv", SCHEMA)
    for (image_id, category, box), points, visibility in zip(rows.keys, rows.points, rows.visibility):
        own = list(SCHEMA.keypoint_indices(category))
        states = visibility[own][:, None] + 1
        imported[names[image_id], category, box] = np.hstack([np.where(states > 0, points[own], 0), states])
    return given, imported


def test_every_item_becomes_a_row(originals, data):
    for part, split in (("train", "train_0"), ("validation", "train_1")):
        given, imported = by_photo(originals / part, data / split)
        assert len(imported) == 39
        assert {category for _, category, _ in imported} == set(SCHEMA.category_names)
        assert {key[:2] for key in given} == {key[:2] for key in imported}
        for key, values in imported.items():  # a box that lacks a point is made larger, and equal items differ by box
            same = [points for other, points in given.items() if other[:2] == key[:2]]
            assert any(np.array_equal(values, points) for points in same)


@pytest.fixture(scope="module")
def submission(program, data, model):
    """The prediction of the validation rows in their true boxes, and its scores."""
    places = data.parent / "submission.csv", data.parent / "scores.csv"
    words = (f"--data_dir={data / 'train_1'}", f"--model_dir={model}", "--two_pass", f"--output={places[0]}")
    assert program("eval_all.py", *words, f"--scores_output={places[1]}") == 0
    return places


def printed(program, capsys, data, prediction, *words):
    answer = data / "train_1/Annotations/annotations.csv"
    capsys.readouterr()
    words = (f"--prediction={prediction}", f"--ground_truth={answer}", "--schema=deepfashion2", "--oks", *words)
    assert program("tools/score.py", *words, f"--data_dir={data / 'train_1'}") == 0
    return capsys.readouterr().out


def test_the_model_keeps_the_margin_and_every_row_is_scored(program, data, model, submission, capsys):
    pytest.importorskip("pycocotools")
    assert model_directory.read(str(model / "all")).box_margin == 0.1
    found = printed(program, capsys, data, submission[0], f"--scores={submission[1]}")
    assert "OKS AP   0." in found
    perfect = printed(program, capsys, data, data / "train_1/Annotations/annotations.csv")
    assert "OKS AP   1.000000   AP50 1.000000   AP75 1.000000" in perfect


def test_boxes_of_a_detector_give_the_same_points(program, data, model, submission):
    rows = annotations.read(submission[0], SCHEMA)
    boxes, output = data.parent / "boxes.csv", data.parent / "OUT"
    lines = [",".join([image, category, *map(str, box)]) for image, category, box in rows.keys]
    boxes.write_text("\n".join(["image,category,x0,y0,x1,y1", *lines]) + "\n")
    words = (f"--image={data / 'train_1'}", f"--boxes={boxes}", f"--output_dir={output}", "--two_pass")
    assert program("tools/predict.py", f"--model_dir={model}", *words) == 0
    found = [json.loads(path.read_text()) for path in output.glob("*.json")]
    assert len(found) == len(rows) == 39
    places = {key: number for number, key in enumerate(rows.keys)}
    for content in found:
        image_id = content["image"].removeprefix(f"{data / 'train_1'}/")
        row = rows.points[places[image_id, content["category"], tuple(content["box"])]]
        own = list(SCHEMA.keypoint_indices(content["category"]))
        points = [[point["x"], point["y"]] for point in content["keypoints"].values()]
        np.testing.assert_allclose(row[own], points, atol=0.51)  # whole pixels
