"""`benchmark.py eval` and the table of ways to predict, on a tiny model: what they report, and that it adds up."""

import json

import pytest
from made_models import make


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two parent folders, each with a model of all."""
    parents = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    for seed, parent in enumerate(parents):
        make(parent / "all", category="all", seed=seed)
    return parents


def test_eval_is_measured_beside_its_bare_forward_passes(program, photos, models, tmp_path):
    words = (f"--model_dir={models[0]}", f"--data_dir={photos / 'test_0'}", f"--json={tmp_path / 'figures.json'}")
    sizes = ("--batch_size=2", "--benchmark_images=4", "--benchmark_turns=1", "--flip_on_test", "--two_pass")
    assert program("tools/benchmark.py", "eval", *words, *sizes) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["ratio"] == pytest.approx(figures["images_per_second"] / figures["floor_images_per_second"])
    rest = figures["cpu_ms_per_image"] - figures["floor_cpu_ms_per_image"]
    assert figures["stages"]["all else"]["cpu_ms_per_image"] == pytest.approx(rest)
    assert figures["cpu_ms_per_image"] > 0
    assert len(figures["peak_memory_mib"]) == 2


def test_eval_needs_a_model(program, capsys):
    assert program("tools/benchmark.py", "eval", "--data_dir=nowhere") == 2
    assert "--model_dir" in capsys.readouterr().err


def test_table_of_ways_to_predict_adds_only_what_helps(program, photos, models, tmp_path):
    words = (
        f"--model_dir={models[0]},{models[1]}",
        f"--data_dir={photos / 'test_0'}",
        f"--ground_truth={photos / 'test_0_answer.csv'}",
        "--category=skirt",
    )
    outputs = (f"--output={tmp_path / 'table.md'}", f"--json={tmp_path / 'rows.json'}")
    assert program("demos/compare_decoding.py", *words, *outputs) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    names = [row["name"] for row in rows]
    assert names[:4] == ["argmax", "quarter", "expectation", "dark"]
    best = min(rows[:4], key=lambda row: row["ne"])
    for row, step in zip(rows[4:7], ("flip", "two-pass", "scales")):
        assert row["name"] == f"{best['name']} + {step}"
        best = min(best, row, key=lambda candidate: candidate["ne"])
    assert names[7:] == [
        f"{best['name']}, mean heatmaps of 2 models",
        f"{best['name']}, mean points of 2 models",
        f"{best['name']}, bfloat16",
    ]
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[2].startswith(f"| argmax | {100 * rows[0]['ne']:.3f} | +0.000 |")
    assert len([line for line in lines if line.startswith("|")]) == 2 + len(rows)
