"""The small files beside a training's checkpoints, changed or damaged: one line that names the file."""

import json
import os

import pytest

from base.errors import DataError
from base.files import atomic_write
from utility.model import checkpoints
from utility.training import rollbacks
from utility.training.best_checkpoint import BestCheckpoint, read_metrics

JSON = [b"", b"\xff", b"{", b"[]", b"1", b"[" * 50_000, b'{"a": NaN}', b'{"ne": null, "step": null}']
FILES = [
    # file, who reads it, contents of the right form with a wrong value
    (
        "best/best.json",
        BestCheckpoint,
        [{"ne": -1, "step": 5}, {"ne": float("nan"), "step": 5}, {"ne": 0.5, "step": -5}, {"ne": 0.5, "step": 10**30}],
    ),
    (
        "rollbacks.json",
        rollbacks.rate_factor,
        [{"rate_factor": value} for value in (0, 2, -0.5, float("nan"), float("inf"), "0.5", True, 1e-300)],
    ),
    (
        "backbone.json",
        checkpoints.read_backbone,
        [
            {"backbone": "vgg", "net_options": {}},
            {"backbone": "resnet50", "net_options": []},
            {"backbone": "resnet50", "net_options": {"padding": "both"}},
            {"backbone": "resnet50", "net_options": {}, "normalisation": {"mean": [0, 0, 0], "scale": [0, 0, 0]}},
        ],
    ),
]
CASES = [
    (name, reader, content)
    for name, reader, wrong in FILES
    for content in (*JSON, *(json.dumps(value).encode() for value in wrong))
]
TABLES = [
    b"",
    b"\xff\xfe",
    b"step\n1\n",
    b"step,loss,ne\na,1,1\n",
    b"step,loss,ne\n1,a,1\n",
    b"step,loss,ne\n1,2,3,4,5\n",
    b"step,loss,ne\n1.5,1,1\n",
    b"step,loss,ne\n99999999999999999999,1,1\n",
]


def refusal(folder, name, reader, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    with pytest.raises(DataError) as error:
        reader(str(folder))
    (line,) = error.value.lines()
    assert line.startswith(f"{path}: ")
    assert "expected" in line


@pytest.mark.parametrize(
    ("name", "reader", "content"), CASES, ids=[f"{name} {content[:30]!r}" for name, _, content in CASES]
)
def test_a_damaged_file_is_named(tmp_path, name, reader, content):
    refusal(tmp_path, name, reader, content)


@pytest.mark.parametrize("content", TABLES)
def test_a_damaged_table_of_evaluations_is_named(tmp_path, content):
    refusal(tmp_path, "metrics.csv", read_metrics, content)


def test_what_was_written_is_read(tmp_path):
    assert rollbacks.rate_factor(str(tmp_path)) == 1
    assert rollbacks.add(str(tmp_path), 1.0)
    assert rollbacks.rate_factor(str(tmp_path)) == 0.5
    with atomic_write(tmp_path / rollbacks.NAME) as file:  # as release 1.0.0 wrote it
        json.dump({"rate_factor": 0.25, "last_step": 17}, file)
    assert rollbacks.rate_factor(str(tmp_path)) == 0.25
    assert rollbacks.add(str(tmp_path), 1 / 1024) is False
    assert rollbacks.rate_factor(str(tmp_path)) == 0.25
