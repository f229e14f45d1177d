"""What docs/your_own_data.md shows can be pasted."""

import re
import xml.etree.ElementTree
from pathlib import Path

import pytest

from configs.keypoints import KEYPOINTS
from preprocessing.data import annotations

TEXT = (Path(__file__).parent.parent.parent / "docs" / "your_own_data.md").read_text()


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return found


def test_the_row_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), "your_own_data.md", "exec"), {})
    rows = annotations.read("DATA/train_0/Annotations/annotations.csv")
    assert (rows.image_ids, rows.categories) == (["Images/skirt/a_name.jpg"], ["skirt"])
    index = KEYPOINTS.index("hemline_left")
    assert rows.points[0, index].tolist() == [160, 400]
    assert rows.visibility[0].tolist().count(1) == 3


def test_the_labelling_interface_names_keypoints():
    labels = {label.get("value") for label in xml.etree.ElementTree.fromstring(block("xml")).iter("Label")}
    assert labels == {"waistband_left", "waistband_right", "hemline_left", "hemline_right"}


@pytest.mark.parametrize("path", re.findall(r"`?((?:tools|tests|configs|demos|docs)/[\w/]+\.\w+)", TEXT))
def test_the_files_it_names_are_there(path):
    assert (Path(__file__).parent.parent.parent / path).is_file()
