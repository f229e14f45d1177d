"""Flags that contradict each other are refused before anything runs."""

import pytest


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--train_image_size=128", "--heatmap_size=48"), "--heatmap_size=48 does not divide --train_image_size=128"),
        (("--train_image_size=128", "--heatmap_size=64"), "--train_image_size=128: 32 is right"),
        (("--decay_boundaries=20,10",), "--decay_boundaries=20,10 must rise"),
        (("--decay_boundaries=10",), "--lr_decay_factors has 3 values"),
        (("--decode=median",), "--decode=median requires probability heatmaps"),
        (("--model_to_train=skirt,skirt",), "names one of them twice"),
        (("--model_to_train=hat",), "--model_to_train"),
        (("--model_to_train=",), "--model_to_train is empty"),
        (("--distribution=none", "--num_devices=2"), "--num_devices=2 asks for more"),
        (("--category_epochs=skirt:1e308",), "--category_epochs"),
        (("--model_to_train=all", "--seq_train"), "--seq_train"),
    ],
)
def test_contradictions(program, tmp_path, capsys, words, named):
    models = tmp_path / "models"
    assert program("train_hg.py", f"--data_dir={tmp_path}", f"--model_dir={models}", *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert named in error
    assert not models.exists()
