"""CONTRIBUTING.md does what it says: its files are written, its commands run, literally, in a copy of the checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from base.version import VERSION

pytestmark = pytest.mark.timeout(1200)  # the first test does all of the page

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PATH = re.compile(r"`([\w/]+\.(?:py|toml))`:\n\Z")  # what names the file that the next block holds
LEFT_OUT = shutil.ignore_patterns(".git", ".*_cache", ".hypothesis", ".venv", "__pycache__", "*.egg-info", "*.jpg")
# One file of the source for each addition, and the program of a net.
SOURCES = [
    "configs/schemas/hats.toml",
    "net/backbones/pyramid.py",
    "net/nets/plain.py",
    "preprocessing/labelling/exports/lines.py",
    "preprocessing/labelling/formats/points.py",
    "train_plain.py",
    "utility/model/decoders/centroid.py",
]


def steps():
    """Yields (path, text) for each file of the page, and (None, commands) for each box of commands, in order."""
    position = 0
    for block in re.finditer(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE):
        language, body = block.groups()
        named = PATH.search(TEXT[position : block.start()].rstrip("\n") + "\n")
        assert bool(named) == (language != "bash"), f"{language}: a file's name with a colon stands before it\n{body}"
        yield (named and named[1]), body
        position = block.end()


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The copy in which the page was followed, and {commands of a box: what they printed}."""
    copy = tmp_path_factory.mktemp("contributing") / "checkout"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    programs = copy / ".programs"
    programs.mkdir()
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "python").chmod(0o755)
    places = os.pathsep.join([str(programs), os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": str(copy), "PATH": places}
    printed = {}
    for path, body in steps():
        if path:
            assert not (copy / path).exists(), f"{path} is there already"
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(body)
        else:
            words = ["bash", "-euo", "pipefail", "-c", body]
            done = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{body}\n{done.stdout}\n{done.stderr}"
            printed[body] = done.stdout
    return copy, printed


def printed_by(printed, word):
    """Returns what the box that has a word in it printed."""
    (text,) = (output for commands, output in printed.items() if word in commands)
    return text


def test_an_addition_is_one_file_and_its_test():
    files = [path for path, _ in steps() if path]
    assert sorted(path for path in files if not path.startswith("tests/")) == SOURCES
    assert len(files) == len(SOURCES) + 6


def test_the_net_is_trained_and_shown(followed):
    copy, printed = followed
    text = printed_by(printed, "train_plain.py --help")
    for line in ("--plain_depth (default 4)", "--plain_channels (default 64)", "--learning_rate (default 0.001)"):
        assert line in text
    assert "--num_stacks" not in text
    assert "plain/layer3" in text
    model = json.loads((copy / "MODELS/skirt/model.json").read_text())
    assert (model["net"], model["net_options"]["plain_channels"]) == ("plain", 16)
    assert model["code_version"] == VERSION
    assert (copy / "MODELS/skirt/model.ckpt-2.index").is_file()


def test_the_backbone_is_trained_under_cpn(followed):
    copy, printed = followed
    text = printed_by(printed, "train_cpn.py --help")
    assert "One of: detnet59, efficientnet_lite0, pyramid, resnet50" in " ".join(text.split())
    assert "--pyramid_channels (default 16)" in text
    options = json.loads((copy / "SMALL/skirt/model.json").read_text())["net_options"]
    assert (options["backbone"], options["pyramid_channels"]) == ("pyramid", 8)
    assert "resnet_stride" not in options
    assert (copy / "SMALL/skirt/model.ckpt-2.index").is_file()


def test_the_decode_method_predicts(followed):
    copy, _ = followed
    (path,) = (copy / "OUT").glob("*.json")
    assert len(json.loads(path.read_text())["keypoints"]) == 4


def test_the_schema_s_photos_are_converted(followed):
    copy, _ = followed
    assert list((copy / "HAT_RECORDS").glob("*top_hat*.tfrecord"))


def test_the_labels_are_imported(followed):
    copy, _ = followed
    header, row = (copy / "LABELLED/train_0/Annotations/annotations.csv").read_text().splitlines()
    assert header == "image_id,image_category,brim_left,brim_right,crown"
    assert row.endswith(",top_hat,10_20_1,-1_-1_-1,-1_-1_-1")


def test_the_labels_are_exported(followed):
    copy, printed = followed
    rows = [json.loads(line) for line in (copy / "labels.jsonl").read_text().splitlines()]
    table = (copy / "DATA/train_0/Annotations/annotations.csv").read_text().splitlines()
    assert len(rows) == len(table) - 1
    assert f"{len(rows)} rows" in printed_by(printed, "label_format=lines")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?|\w+\.(?:py|json))`", TEXT))))
def test_the_places_that_it_names_are_there(path):
    own = [name for name, _ in steps() if name]
    rooms = {"nets/", "backbones/", "data/", "input/", "model/", "training/", "prediction/", "scoring/"}
    assert path in own or path in rooms or path == "model.json" or (ROOT / path).exists()
