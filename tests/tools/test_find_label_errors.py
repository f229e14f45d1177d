"""Label errors found end to end: the table, the page, what resumes, what is refused."""

import csv
import json
import shutil

import made_models
import numpy as np
import pytest
from fashionai import KEYPOINTS, SCHEMA, keypoint_indices

from preprocessing.data import annotations
from tools import make_synthetic_data
from tools.suspicion import held_out

# A training of one step; what laptop.cfg says beside it stays.
TINY = (
    "--net=hourglass", "--num_stacks=1", "--feats_channels=16", "--train_image_size=64", "--heatmap_size=16",
    "--batch_size=4", "--max_steps=1", "--folds=2", "--notwo_pass", "--num_preprocessing_threads=1", "--noaugment",
)  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    make_synthetic_data.write_data_set(str(folder), 2, 1, 80, 1, SCHEMA, 1)
    return folder


@pytest.fixture
def data(drawn, tmp_path):
    shutil.copytree(drawn / "train_0", tmp_path / "data" / "train_0")
    return tmp_path / "data"


@pytest.fixture
def find(program, data, tmp_path):
    """Runs the program, and returns its exit code and the rows of its table, None where there is none."""

    def run(*words):
        for ending in ("html", "csv"):
            (tmp_path / f"report.{ending}").unlink(missing_ok=True)
        words = (f"--data_dir={data}", f"--output={tmp_path / 'report.html'}", *words)
        code = program("tools/find_label_errors.py", *words)
        if not (tmp_path / "report.csv").exists():
            return code, None
        with open(tmp_path / "report.csv", encoding="utf-8", newline="") as file:
            return code, list(csv.DictReader(file))

    return run


def labels_of(data):
    return annotations.read(data / "train_0" / "Annotations" / "annotations.csv")


def write_labels(data, rows, points):
    path = data / "train_0" / "Annotations" / "annotations.csv"
    annotations.write(path, rows.image_ids, rows.categories, points, rows.visibility)


def test_a_pair_that_was_exchanged_and_a_model_that_is_right(find, data, tmp_path, monkeypatch):
    truth, left = labels_of(data), KEYPOINTS.index("hemline_left")
    right = KEYPOINTS.index("hemline_right")
    row = truth.categories.index("skirt")
    right_points, points = truth.points, truth.points.copy()
    points[row, [left, right]] = points[row, [right, left]]
    write_labels(data, truth, points)
    monkeypatch.setattr(held_out, "by_models", lambda *_: (right_points, np.full(right_points.shape[:2], 0.8)))
    code, rows = find("--model_dir=MODELS")
    assert code == 0
    assert {row["keypoint"] for row in rows[:2]} == {"hemline_left", "hemline_right"}
    assert all(
        found["image_id"] == truth.image_ids[row] and found["category"] == "skirt" and found["kind"] == "exchanged"
        for found in rows[:2]
    )
    assert float(rows[1]["suspicion"]) > 0.9 > float(rows[2]["suspicion"])
    assert len(rows) == sum(len(keypoint_indices(name)) for name in truth.categories)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    (photo,) = json.loads(text.split('id="data">')[1].split("</script>")[0])["photos"]
    assert photo["id"] == truth.image_ids[row]
    assert sorted(suspect[0] for suspect in photo["suspects"]) == [left, right]
    assert "most suspicious first" in text


def test_folds_that_are_there_are_not_trained_again(find, data, tmp_path, monkeypatch, capfd):
    train, trained = held_out._train, []

    def first_in_earnest(place, *words):
        trained.append(place)
        if len(trained) == 1:
            train(place, *words)
        elif len(trained) == 2:
            raise KeyboardInterrupt
        else:
            made_models.make(f"{place}/models/all", category="all")

    monkeypatch.setattr(held_out, "_train", first_in_earnest)
    assert find(*TINY) == (130, None)
    folder = tmp_path / "report_folds"
    first = (folder / "fold_1" / "found.csv").read_bytes()
    code, rows = find(*TINY)
    assert code == 0
    assert [place.rsplit("_", 1)[1] for place in trained] == ["1", "2", "2"]
    assert (folder / "fold_1" / "found.csv").read_bytes() == first
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == sorted(
        ["work.json", *["found.csv", "scores.csv"] * 2]
    )
    values = [float(row["suspicion"]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert find(*TINY) == (0, rows)
    assert len(trained) == 3
    # Predictions of other labels, or of another training, are not taken for these.
    assert find(*TINY, "--max_steps=2") == (1, None)
    truth = labels_of(data)
    write_labels(data, truth, np.where(truth.points >= 0, truth.points + 1, -1))
    capfd.readouterr()
    assert find(*TINY) == (1, None)
    assert "are of other annotations: expected the same" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--output=report.csv"], 2, "report.html"),
        (["--folds=1"], 2, "folds"),
        ([*TINY, "--model_to_train=skirt"], 2, "leaves out blouse, dress, outwear, trousers"),
        ([*TINY, "--folds=50"], 1, "expected one for each fold at least, 50"),
        ([*TINY, "--splits=train_9"], 1, "train_9"),
        ([*TINY, "--backbone=resnet50"], 2, "--backbone is an option of cpn"),
    ],
)
def test_bad_usage(find, capfd, words, code, said):
    assert find(*words) == (code, None)
    error = capfd.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_the_table_never_takes_the_place_of_annotations(find, data, capfd):
    place = data / "train_0" / "Annotations"
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    for name in ("annotations.html", "new.html"):
        assert find(f"--output={place / name}") == (2, None)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_a_broken_photo_or_row_is_told_of_before_anything_is_trained(find, data, capfd):
    image_id = labels_of(data).image_ids[0]
    (data / "train_0" / image_id).write_bytes(b"no photo")
    assert find(*TINY) == (1, None)
    assert image_id.rsplit("/", 1)[1] in capfd.readouterr().err
    table = data / "train_0" / "Annotations" / "annotations.csv"
    table.write_text(table.read_text().replace("_1,", "_7,"))
    assert find(*TINY) == (1, None)
    assert "is no point" in capfd.readouterr().err
