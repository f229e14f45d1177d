"""What docs/your_own_data.md shows can be pasted, and its own garment works with every program."""

import os
import re
import shlex
import shutil
import subprocess
import xml.etree.ElementTree
from pathlib import Path

import cv2
import numpy as np
import pytest
from fashionai import KEYPOINTS

from base import schema as schemas
from preprocessing.data import annotations

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "your_own_data.md").read_text()
# What makes the page's training small enough for a test.
SMALL = (
    "--train_image_size=64 --heatmap_size=16 --num_stacks=1 --feats_channels=16 --optimizer=adam --learning_rate=5e-3"
)
SMALL += " --weight_decay=0 --warmup_steps=10 --batch_size=8 --max_steps=160 --epochs_per_eval=100"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_row_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(compile(code, "your_own_data.md", "exec"), {})
    rows = annotations.read("DATA/train_0/Annotations/annotations.csv")
    assert (rows.image_ids, rows.categories) == (["Images/skirt/a_name.jpg"], ["skirt"])
    index = KEYPOINTS.index("hemline_left")
    assert rows.points[0, index].tolist() == [160, 400]
    assert rows.visibility[0].tolist().count(1) == 3


def test_the_labelling_interface_names_keypoints():
    (interface,) = blocks("xml")
    labels = {label.get("value") for label in xml.etree.ElementTree.fromstring(interface).iter("Label")}
    assert labels == {"waistband_left", "waistband_right", "hemline_left", "hemline_right"}


@pytest.mark.parametrize("path", re.findall(r"`?((?:tools|tests|configs|demos|docs)/[\w/]+\.\w+)", TEXT))
def test_the_files_it_names_are_there(path):
    assert (ROOT / path).is_file()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of its own, with the page's `hats.toml` and photos of drawn hats."""
    folder = tmp_path_factory.mktemp("hats")
    (text,) = blocks("toml")
    (folder / "hats.toml").write_text(text)
    schema = schemas.load(folder / "hats.toml")
    random = np.random.default_rng(0)
    for split, count in (("train_0", 48), ("test_0", 8)):
        rows = [draw(folder / "DATA" / split, index, random) for index in range(count)]
        table = [",".join(["image_id", "image_category", *schema.keypoints]), *rows]
        if split == "train_0":
            (folder / "DATA" / split / "Annotations").mkdir()
            (folder / "DATA" / split / "Annotations" / "hats.csv").write_text("\n".join(table) + "\n")
        else:
            (folder / "DATA" / "test_0_answer.csv").write_text("\n".join(table) + "\n")
            listed = "".join(",".join(line.split(",")[:2]) + "\n" for line in table)
            (folder / "DATA" / split / "test.csv").write_text(listed)
    (folder / "photo.jpg").write_bytes((folder / "DATA/test_0/Images/top_hat/0.jpg").read_bytes())
    return folder


def draw(split, index, random):
    """Draws a triangle on grey; returns its row."""
    image = np.full((96, 96, 3), random.integers(120, 200), np.uint8)
    points = np.array([[20, 70], [74, 70], [48, 25]]) + random.integers(-12, 13, (3, 2))
    cv2.fillPoly(image, [points], random.integers(0, 90, 3).tolist())
    image_id = f"Images/top_hat/{index}.jpg"
    os.makedirs(split / "Images" / "top_hat", exist_ok=True)
    cv2.imwrite(str(split / image_id), image)
    return ",".join([image_id, "top_hat", *("{}_{}_1".format(*point) for point in points)])


def test_the_page_s_own_garment_works_with_every_program(folder, program, monkeypatch, capfd):
    """Every command of the last section, as it stands there; only the training is made smaller."""
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) == 11
    printed = {}
    monkeypatch.chdir(folder)
    for command in commands:
        if command.startswith("grep "):
            subprocess.run(command, shell=True, check=True)
            continue
        _, path, *words = shlex.split(command)
        if path == "tools/ensemble.py":
            shutil.copy("submission.csv", "other.csv")
        words = [word.replace("configs/", f"{ROOT}/configs/") for word in words]
        more = SMALL.split() if path == "train_hg.py" else []
        code = program(path, *words, *more)
        printed[path], errors = capfd.readouterr()
        assert code == 0, errors
    last = printed["tools/score.py"].splitlines()[-1].split()
    assert last[-2:] == ["24", "keypoints"]
    assert float(last[1]) < 0.15  # a net that learned nothing is at 0.3 and above
    assert "crown" in printed["tools/score.py"]
    assert "8 photos, points differ" in printed["tools/export_model.py"]  # drawn ones
    assert "8 rows, right for" in printed["tools/check_submission.py"]
    assert "brim_left" in (folder / "OUT" / "photo.json").read_text()
    assert "cap_2" in (folder / "report.html").read_text()
