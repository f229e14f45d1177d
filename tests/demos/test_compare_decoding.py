"""The comparison's rows against eval_all's own prediction and its score, on test photos."""

import json
from types import SimpleNamespace

import pytest
from made_models import make

from demos import compare_decoding
from utility.model import model_directory


def _models(folder, heatmap_loss):
    skirt = make(folder / "skirt")
    model_directory.write(skirt, {**model_directory.read(skirt), "heatmap_loss": heatmap_loss})
    return folder


def test_a_row_is_what_eval_all_and_score_say(program, photos, tmp_path):
    data = (f"--model_dir={_models(tmp_path, 'softmax')}", f"--data_dir={photos / 'test_0'}", "--category=skirt")
    truth, submission = f"--ground_truth={photos / 'test_0_answer.csv'}", tmp_path / "submission.csv"
    rows, scores = tmp_path / "rows.json", tmp_path / "scores.json"
    assert program("demos/compare_decoding.py", *data, truth, f"--json={rows}", "--eval_batch_size=20") == 0
    errors = {row["name"]: row["ne"] for row in json.loads(rows.read_text())}
    assert list(errors)[:5] == ["argmax", "quarter", "expectation", "dark", "median"]
    assert program("eval_all.py", *data, f"--output={submission}", "--decode=median", "--eval_batch_size=20") == 0
    assert program("tools/score.py", f"--prediction={submission}", truth, "--category=skirt", f"--json={scores}") == 0
    assert json.loads(scores.read_text())["ne"] == pytest.approx(errors["median"], rel=1e-6)


@pytest.mark.parametrize(("heatmap_loss", "expected"), [("softmax", True), ("mse", False)])
def test_the_median_is_a_row_of_maps_of_chances_only(tmp_path, heatmap_loss, expected):
    source = SimpleNamespace(counts={"skirt": 1})
    assert compare_decoding._learn_probabilities(str(_models(tmp_path, heatmap_loss)), source) is expected
