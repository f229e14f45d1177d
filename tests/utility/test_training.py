"""Trainings from the flags to the folder: evaluations, the best checkpoint, other settings, losses not finite."""

import json
import os
import shutil
import signal

import made_trainings
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from configs.errors import DataError
from utility import model_directory, training
from utility.predict import Predictor


@pytest.fixture(scope="module")
def trained(tiny_records, tmp_path_factory):
    """A training of 6 steps that evaluated at 4 and at the end."""
    parent = tmp_path_factory.mktemp("models")
    made_trainings.train_all(tiny_records, parent, "--max_steps=6", "--epochs_per_eval=1")
    return str(parent)


def test_a_training_leaves_its_best_and_its_last_checkpoint_and_the_table(trained):
    folder = os.path.join(trained, "skirt")
    table = pd.read_csv(os.path.join(folder, "metrics.csv"))
    assert list(table["step"]) == [4, 6]
    with open(os.path.join(folder, "best", "best.json"), encoding="utf-8") as file:
        best = json.load(file)
    assert best["ne"] == pytest.approx(table["ne"].min(), rel=1e-5)
    assert best["step"] == table["step"][table["ne"].idxmin()]
    assert tf.train.load_variable(model_directory.checkpoint(folder), "global_step") == best["step"]
    assert tf.train.latest_checkpoint(folder).endswith("model.ckpt-6")


def test_tensorboard_gets_the_loss_of_every_stage_and_pictures(trained):
    tags = set()
    for folder in ("skirt", "skirt/eval"):
        for name in os.listdir(os.path.join(trained, folder)):
            if name.startswith("events"):
                for event in tf.compat.v1.train.summary_iterator(os.path.join(trained, folder, name)):
                    tags |= {(folder, value.tag) for value in event.summary.value}
    assert {
        ("skirt", "loss/stage_0"),
        ("skirt", "predictions"),
        ("skirt/eval", "predictions"),
        ("skirt/eval", "ne"),
    } <= tags


def test_a_finished_training_does_not_move(trained, tiny_records, capfd):
    before = made_trainings.variables(os.path.join(trained, "skirt", "model.ckpt-6"))
    made_trainings.train_all(tiny_records, trained, "--max_steps=6", "--epochs_per_eval=1")
    after = made_trainings.variables(os.path.join(trained, "skirt", "model.ckpt-6"))
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert "best NE" in capfd.readouterr().out.splitlines()[-1]


def test_a_model_that_was_moved_evaluates_and_predicts_by_its_folder_alone(trained, tiny_records, tmp_path, program):
    shutil.copytree(trained, tmp_path / "first")
    os.rename(tmp_path / "first", tmp_path / "moved")
    words = (f"--model_dir={tmp_path / 'moved'}", f"--data_dir={tiny_records}", f"--output={tmp_path / 'found.csv'}")
    assert program("eval_all.py", *words, "--category=skirt") == 0
    assert len(pd.read_csv(tmp_path / "found.csv")) == 16
    photo = np.random.RandomState(0).randint(0, 255, [90, 70, 3]).astype(np.uint8)
    found = Predictor(tmp_path / "moved" / "skirt").predict(photo)
    assert found == Predictor(os.path.join(trained, "skirt")).predict(photo)
    assert len(found["keypoints"]) == 4


def test_an_evaluation_that_a_kill_cut_off_is_made_up_for(trained, tiny_records, tmp_path):
    folder = tmp_path / "skirt"
    shutil.copytree(os.path.join(trained, "skirt"), folder)
    whole = (folder / "metrics.csv").read_text()
    (folder / "metrics.csv").write_text("\n".join(whole.splitlines()[:-1]) + "\n")
    # The kill also left half of a checkpoint's copy, which no file names.
    (folder / "best" / "model.ckpt-6.data-00000-of-00001.tmp").write_bytes(b"half")
    made_trainings.train_all(tiny_records, tmp_path, "--max_steps=6", "--epochs_per_eval=1")
    assert (folder / "metrics.csv").read_text() == whole


def test_a_signal_after_the_last_step_ends_the_program_too(tiny_records, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_is_finished", lambda *_: signal.raise_signal(signal.SIGTERM) is None)
    with pytest.raises(SystemExit) as leaving:
        training.train(made_trainings.job(tiny_records, tmp_path))
    assert leaving.value.code == 143


def test_other_settings_are_refused_by_name_and_nothing_changes(trained, tiny_records):
    path = os.path.join(trained, "skirt", "model.json")
    with open(path, encoding="utf-8") as file:
        before = file.read()
    with pytest.raises(DataError) as error:
        made_trainings.train_all(tiny_records, trained, "--learning_rate=0.5", "--feats_channels=16", "--batch_size=2")
    message = str(error.value)
    assert "learning_rate is 0.0025 there, 0.5 was asked for" in message
    assert "feats_channels is 8 there, 16 was asked for" in message
    assert "batch_size is 4 there, 2 was asked for" in message
    with open(path, encoding="utf-8") as file:
        assert file.read() == before


def test_a_training_goes_on_for_longer_with_other_threads(trained, tiny_records, tmp_path):
    shutil.copytree(os.path.join(trained, "skirt"), tmp_path / "skirt")
    made_trainings.train_all(tiny_records, tmp_path, "--max_steps=8", "--num_readers=3", "--epochs_per_eval=1")
    assert list(pd.read_csv(tmp_path / "skirt" / "metrics.csv")["step"]) == [4, 6, 8]


def test_a_loss_that_is_not_finite_names_step_rate_and_the_last_good_checkpoint(tiny_records, tmp_path):
    # The first step's rate throws the weights so far that the loss of a later step overflows.
    words = ("--max_steps=8", "--learning_rate=1e30", "--warmup_steps=0", "--val_fraction=0", "--end_learning_rate=0")
    with pytest.raises(DataError) as error:
        made_trainings.train_all(tiny_records, tmp_path, *words)
    message = str(error.value)
    assert "is not finite at learning rate 1e+30" in message
    assert "last good checkpoint is" in message
    assert "model.ckpt-0" in message
    good = made_trainings.variables(os.path.join(tmp_path, "skirt", "model.ckpt-0"))
    assert all(np.isfinite(value).all() for value in good.values())
    assert tf.train.latest_checkpoint(tmp_path / "skirt").endswith("model.ckpt-0")


def test_rollback_goes_back_with_half_the_rate_and_remembers_it(tiny_records, tmp_path, capfd, monkeypatch):
    from utility import training

    monkeypatch.setattr(training, "_SMALLEST_FACTOR", 1 / 2)
    words = ("--max_steps=8", "--learning_rate=1e30", "--warmup_steps=0", "--val_fraction=0", "--end_learning_rate=0")
    with pytest.raises(DataError, match="at learning rate 5e\\+29"):
        made_trainings.train_all(tiny_records, tmp_path, *words, "--on_nan=rollback")
    assert "back to" in capfd.readouterr().err
    assert json.loads((tmp_path / "skirt" / "rollbacks.json").read_text())["rate_factor"] == 0.5


def test_moving_average_is_what_evaluations_measure_and_swa_recomputes_batch_norm(tiny_records, tmp_path):
    made_trainings.train_all(
        tiny_records, tmp_path / "a", "--max_steps=4", "--epochs_per_eval=1", "--moving_average=0.9"
    )
    checkpoint = tmp_path / "a" / "skirt" / "model.ckpt-4"
    values = made_trainings.variables(str(checkpoint))
    plain = {name for name in values if name.endswith(("kernel", "gamma", "beta", "moving_mean", "moving_variance"))}
    assert {name + "/ExponentialMovingAverage" for name in plain} <= values.keys()
    # The same folder with the averages in the weights' own place evaluates to the same NE.
    moved = {name: values[name + "/ExponentialMovingAverage"] for name in plain}
    moved.update({name: values[name] for name in values if name.endswith("bias") or name == "global_step"})
    moved.update({n: values[n + "/ExponentialMovingAverage"] for n in values if n.endswith("bias")})
    assert _ne_of(moved, tiny_records, tmp_path / "b") == pytest.approx(_last_ne(tmp_path / "a"), rel=1e-5)


def _last_ne(parent):
    return pd.read_csv(parent / "skirt" / "metrics.csv")["ne"].iloc[-1]


def _ne_of(values, tiny_records, parent):
    from utility import checkpoints
    from utility.estimators import evaluation_estimator, validation_input

    prefix = str(parent / "plain" / "model.ckpt-4")
    checkpoints.write(prefix, values)
    job = made_trainings.job(tiny_records, parent)
    return evaluation_estimator(job).evaluate(validation_input(job), checkpoint_path=prefix)["ne"]


def test_swa_leaves_a_model_of_mean_weights_under_their_own_names(tiny_records, tmp_path):
    words = ("--max_steps=8", "--swa_start_epoch=1", "--val_fraction=0", "--learning_rate=0.01", "--warmup_steps=0")
    made_trainings.train_all(tiny_records, tmp_path, *words)
    folder = tmp_path / "skirt"
    averaged = made_trainings.variables(model_directory.checkpoint(str(folder)))
    last = made_trainings.variables(str(folder / "model.ckpt-8"))
    name = next(name for name in averaged if name.endswith("kernel"))
    np.testing.assert_array_equal(averaged[name], last[name + "/StochasticWeightAverage"])
    assert not np.array_equal(averaged[name], last[name])
    variance = next(name for name in averaged if name.endswith("moving_variance"))
    assert not np.allclose(averaged[variance], last[variance], rtol=1e-3)


def test_early_stopping_ends_a_training_and_keeps_it_ended(tiny_records, tmp_path):
    # A rate of almost 0: only batch norm's statistics move, and evaluations soon stop getting better.
    words = (
        "--max_steps=60",
        "--epochs_per_eval=0.25",
        "--early_stopping=1",
        "--learning_rate=1e-12",
        "--train_epochs=60",
    )
    made_trainings.train_all(tiny_records, tmp_path, *words)
    table = pd.read_csv(tmp_path / "skirt" / "metrics.csv")
    assert table["step"].iloc[-1] < 60
    assert table["ne"].iloc[-1] >= table["ne"].iloc[:-1].min()
    made_trainings.train_all(tiny_records, tmp_path, *words)
    assert len(pd.read_csv(tmp_path / "skirt" / "metrics.csv")) == len(table)


def test_seq_train_starts_each_category_from_all(tmp_path, capfd):
    records = tmp_path / "records"
    for category in ("skirt", "trousers"):
        made_trainings.write_records(records, category, num_train=8, num_validation=0)
    words = ("--seq_train", "--category_epochs=all:1,skirt:0.5", "--model_to_train=skirt", "--warmup_steps=0")
    made_trainings.train_all(records, tmp_path / "models", *words)
    assert tf.train.latest_checkpoint(tmp_path / "models" / "all").endswith("model.ckpt-4")
    assert tf.train.latest_checkpoint(tmp_path / "models" / "skirt").endswith("model.ckpt-1")
    everything = made_trainings.variables(str(tmp_path / "models" / "all" / "model.ckpt-4"))
    start = made_trainings.variables(str(tmp_path / "models" / "skirt" / "model.ckpt-0"))
    kernel = "tiny/stem/conv/kernel"
    np.testing.assert_array_equal(start[kernel], everything[kernel])
