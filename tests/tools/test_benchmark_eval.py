"""`benchmark.py eval` on a tiny model: what it reports, and that it adds up."""

import json

import made_trainings
import pytest
from made_models import make


def test_eval_is_measured_beside_its_bare_forward_passes(program, photos, tmp_path):
    make(tmp_path / "models" / "all", category="all", net=made_trainings.NET)
    words = (
        f"--model_dir={tmp_path / 'models'}",
        f"--data_dir={photos / 'test_0'}",
        f"--json={tmp_path / 'figures.json'}",
    )
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
