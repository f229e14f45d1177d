"""Photos, outputs and folders of any name go through every program, and give what plainly named ones give."""

import csv
import html
import json
import os
import re
import shutil

import made_trainings
import numpy as np
import pytest
from fashionai import keypoint_indices
from made_models import make

from preprocessing.data import annotations, manifest, photos
from tools.synthetic.photos import random_photo
from utility import drawing

PHOTOS = [
    "two words.jpg",
    "[1].jpg",
    "a.b.c.jpg",
    "-dash.jpg",
    "R\u00f6cke \u00f1 \u88d9\u5b50.jpg",
    "quote's.jpg",
    "comma,semi;.jpg",
    "star*?.jpg",
    "per%20cent.jpg",
    "hash#.jpg",
    ".hidden.jpg",
    "UPPER.JPEG",
    "no_ending",
]
FOLDERS = ["two words", "a [1]", "data.v2", "-dash", "R\u00f6cke \u88d9", "star*?"]
OUTPUTS = ["submission", "my submission.csv", "a [1].csv", "-dash.csv", "\u88d9.csv", "v1.2", ".hidden"]


@pytest.fixture(scope="module")
def pictures():
    """The bytes of a JPEG for each of PHOTOS."""
    random = np.random.default_rng(0)
    images = [random_photo(random, "skirt", 64).image for _ in PHOTOS]
    images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, -1) for image in images]
    return [bytes(drawing.encode(image)) for image in images]


def write_data(folder, names, pictures):
    """Writes train_0 and test_0 of the same photos, and the answer; returns the folder."""
    for split in ("train_0", "test_0"):
        for name, data in zip(names, pictures):
            path = folder / split / "Images/skirt" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    ids = [f"Images/skirt/{name}" for name in names]
    points, visibility = np.full([len(ids), 24, 2], -1), np.full([len(ids), 24], -1)
    for number in range(len(ids)):
        for position, index in enumerate(keypoint_indices("skirt")):
            points[number, index], visibility[number, index] = (3 + position, 2 + number), 1
    for table in ("train_0/Annotations/annotations.csv", "test_0_answer.csv"):
        annotations.write(folder / table, ids, ["skirt"] * len(ids), points, visibility)
    with open(folder / "test_0/test.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([annotations.ID_COLUMNS, *([image_id, "skirt"] for image_id in ids)])
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory, program, pictures):
    """(the points that eval_all.py finds, the model's folder, its parent) with plain names everywhere."""
    folder = tmp_path_factory.mktemp("plain")
    data = write_data(folder / "DATA", [f"{number}.jpg" for number in range(len(PHOTOS))], pictures)
    model = make(folder / "MODELS/skirt", net=made_trainings.NET)
    words = (f"--data_dir={data}/test_0", f"--model_dir={folder}/MODELS", f"--output={folder}/submission.csv")
    assert program("eval_all.py", *words) == 0
    return annotations.read(folder / "submission.csv").points, model


@pytest.fixture
def run(program, capfd):
    """Runs a program, which must succeed without a complaint; returns what it printed."""

    def run_program(*words):
        code = program(*words)
        printed = capfd.readouterr()
        complaints = [line for line in printed.err.splitlines() if not line.endswith(" left")]  # that is progress
        assert (code, complaints) == (0, [])
        return printed.out

    return run_program


@pytest.fixture(params=FOLDERS)
def here(request, tmp_path, monkeypatch):
    """The name of a folder below the working folder, so that names may begin with anything."""
    monkeypatch.chdir(tmp_path)
    return request.param


def test_photos_and_folders_of_any_name_are_converted_and_shown(here, tmp_path, pictures, run):
    write_data(tmp_path / here, PHOTOS, pictures)
    out = f"{here}/RECORDS {here}"
    assert "holds 13 records" in run("tools/convert_tfrecords.py", f"--data_dir={here}", f"--output_dir={out}")
    assert manifest.verify(out, ["skirt"], checksums=True) == {"skirt": (12, 1)}
    assert "13 records" in run("tools/convert_tfrecords.py", f"--data_dir={here}", f"--output_dir={out}")
    for flag in (f"--data_dir={here}/train_0", f"--records={out}"):
        assert "13 photos, 0 broken" in run("tools/browse.py", flag, f"--output={here}/page [1]")
        page = (tmp_path / here / "page [1]").read_text(encoding="utf-8")
        (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
        shown = {photo["id"] for photo in json.loads(data)["photos"]}
        assert shown == {f"Images/skirt/{name}" for name in PHOTOS}


@pytest.mark.parametrize(("folder", "output"), zip(FOLDERS, OUTPUTS))
def test_a_prediction_is_that_of_plain_names(folder, output, tmp_path, pictures, plain, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    points, model = plain
    write_data(tmp_path / folder, PHOTOS, pictures)
    shutil.copytree(model, tmp_path / "-MODELS,v.2 裙" / "skirt")
    words = (f"--data_dir={folder}/test_0", "--model_dir=-MODELS,v.2 \u88d9", f"--output={output}")
    assert "13 rows" in run("eval_all.py", *words)
    found = annotations.read(output)
    assert found.image_ids == [f"Images/skirt/{name}" for name in PHOTOS]
    np.testing.assert_array_equal(found.points, points)
    answer = f"--ground_truth={folder}/test_0_answer.csv"
    assert "52 keypoints" in run("tools/score.py", f"--prediction={output}", answer, f"--json={output}.json")
    assert json.loads((tmp_path / f"{output}.json").read_text())
    assert sorted(os.listdir(tmp_path)) == sorted([folder, output, f"{output}.json", "-MODELS,v.2 裙"])


@pytest.mark.parametrize("folder", ["-out [1].v2"])
def test_predict_names_its_files_after_the_photos(folder, tmp_path, pictures, plain, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, model = plain
    (tmp_path / "photos [1]").mkdir()
    for name, data in zip(PHOTOS, pictures):
        (tmp_path / "photos [1]" / name).write_bytes(data)
    run("tools/predict.py", f"--model_dir={model}", "--image=photos [1]", f"--output_dir={folder}")
    with open(tmp_path / folder / "keypoints.csv", encoding="utf-8", newline="") as file:
        shown = {os.path.basename(row["image"]) for row in csv.DictReader(file)}
    assert shown == set(PHOTOS) - {"no_ending"}
    made = [name for name in os.listdir(tmp_path / folder) if name.endswith(".json")]
    assert len(made) == len(shown)


@pytest.mark.parametrize("folder", ["-out [1].v2"])
def test_an_export_lands_where_it_is_told(folder, tmp_path, plain, program, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert program("tools/export_model.py", f"--model_dir={plain[1]}", f"--output_dir={folder}") == 0
    assert sorted(os.listdir(tmp_path / folder)) == ["model.json", "saved_model"]


def test_labels_of_photos_of_any_name_are_imported(here, tmp_path, pictures, run):
    (tmp_path / here).mkdir()
    images = []
    for name, data in zip(PHOTOS, pictures):
        (tmp_path / here / name).write_bytes(data)
        width, height = photos.check(data).size
        point = "<points label='hemline_left' occluded='0' points='1.5,2.5'/>"
        quoted = html.escape(name, quote=True)
        images.append(f"<image name='{quoted}' width='{width}' height='{height}'><tag label='skirt'/>{point}</image>")
    (tmp_path / "labels [1]").write_text(f"<annotations>{''.join(images)}</annotations>", encoding="utf-8")
    out = f"{here} DATA.v1"
    assert "13 photos" in run(
        "tools/import_labels.py", "--labels=labels [1]", f"--images={here}", f"--output_dir={out}"
    )
    stored = [path.read_bytes() for path in (tmp_path / out).rglob("*.jpg")]
    assert sorted(stored) == sorted(pictures)
