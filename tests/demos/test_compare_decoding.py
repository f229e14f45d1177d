"""The comparison's rows against eval_all's own prediction and its score, on test photos."""

import json
import shutil
from types import SimpleNamespace

import made_trainings
import pytest
from fashionai import SCHEMA
from made_models import make

from demos import compare_decoding
from utility.model import model_directory


def _models(folder, heatmap_loss, seed=0):
    skirt = make(folder / "skirt", seed=seed, net=made_trainings.NET)
    model_directory.write(skirt, model_directory.read(skirt).with_codec(heatmap_loss=heatmap_loss))
    return folder


@pytest.fixture(scope="module")
def few(photos, tmp_path_factory):
    """(a test split of some of the skirts, its answer): every row of the table predicts all of them."""
    folder = tmp_path_factory.mktemp("few")
    shutil.copytree(photos / "test_0" / "Images" / "skirt", folder / "test_0" / "Images" / "skirt")
    for name in ("test_0/test.csv", "test_0_answer.csv"):
        header, *rows = (photos / name).read_text().splitlines()
        skirts = [row for row in rows if ",skirt" in row]
        (folder / name).write_text("\n".join([header, *skirts[:12]]) + "\n")
    return folder / "test_0", folder / "test_0_answer.csv"


def test_the_table_adds_only_what_helps_and_is_what_eval_all_and_score_say(program, few, tmp_path):
    parents = [_models(tmp_path / name, "softmax", seed) for seed, name in enumerate(("one", "two"))]
    data, truth = f"--data_dir={few[0]}", f"--ground_truth={few[1]}"
    more = ("--category=skirt", "--eval_batch_size=20")
    outputs = (f"--output={tmp_path / 'table.md'}", f"--json={tmp_path / 'rows.json'}")
    models = f"--model_dir={parents[0]},{parents[1]}"
    assert program("demos/compare_decoding.py", models, data, truth, *more, *outputs) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    names = [row["name"] for row in rows]
    assert names[:5] == ["argmax", "quarter", "expectation", "dark", "median"]
    best = min(rows[:5], key=lambda row: row["ne"])
    for row, step in zip(rows[5:8], ("flip", "two-pass", "scales")):
        assert row["name"] == f"{best['name']} + {step}"
        best = min(best, row, key=lambda candidate: candidate["ne"])
    endings = ("mean heatmaps of 2 models", "mean points of 2 models", "bfloat16")
    assert names[8:] == [f"{best['name']}, {ending}" for ending in endings]
    for row in rows:
        difference = row["difference"]
        assert difference["value"] == pytest.approx(row["ne"] - rows[0]["ne"], abs=1e-9)
        assert difference["low"] <= difference["value"] <= difference["high"]
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[2].startswith(f"| argmax | {100 * rows[0]['ne']:.3f} |  |")
    assert len([line for line in lines if line.startswith("|")]) == 2 + len(rows)
    submission, scores = tmp_path / "submission.csv", tmp_path / "scores.json"
    words = (f"--model_dir={parents[0]}", data, f"--output={submission}", "--decode=median", *more)
    assert program("eval_all.py", *words) == 0
    assert program("tools/score.py", f"--prediction={submission}", truth, "--category=skirt", f"--json={scores}") == 0
    assert json.loads(scores.read_text())["ne"] == pytest.approx(rows[4]["ne"], rel=1e-6)


@pytest.mark.parametrize(("heatmap_loss", "expected"), [("softmax", True), ("mse", False)])
def test_the_median_is_a_row_of_maps_of_probabilities_only(tmp_path, heatmap_loss, expected):
    source = SimpleNamespace(counts={"skirt": 1}, schema=SCHEMA)
    assert compare_decoding._learn_probabilities(str(_models(tmp_path, heatmap_loss)), source) is expected
