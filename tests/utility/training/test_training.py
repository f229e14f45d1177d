"""Trainings from the flags to the folder: evaluations, the best checkpoint, other settings, losses not finite."""

import dataclasses
import json
import math
import os
import re
import shutil
import subprocess
import sys

import made_trainings
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from base.errors import DataError, UsageError
from net import registry
from preprocessing.data import manifest
from utility.model import model_directory
from utility.prediction.predictor import Predictor
from utility.training import distribution, estimators, rollbacks, training
from utility.training.best_checkpoint import BestCheckpoint


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
    assert "best NE" in capfd.readouterr().err.splitlines()[-1]


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


SIGNALLED = """
import signal, sys
import made_trainings
from utility.training import training

training._is_finished = lambda *_: signal.raise_signal(signal.SIGTERM) is None
training.train(made_trainings.job(*sys.argv[1:]))
"""


def test_a_signal_after_the_last_step_ends_the_program_too(tiny_records, tmp_path):
    """In a process of its own, which the signal may end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", SIGNALLED, tiny_records, str(tmp_path)]
    ended = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 143, ended.stderr


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


def test_a_training_goes_on_for_longer_with_other_threads(tmp_path):
    """With several shards: the order of the records must not depend on how many are read at a time."""
    data = made_trainings.write_records(tmp_path / "records", shards=3)
    words = ("--epochs_per_eval=2", "--learning_rate=0.01", "--warmup_steps=0", "--augment")
    threads = ("--num_readers=3", "--num_preprocessing_threads=4")
    made_trainings.train_all(data, tmp_path / "whole", "--max_steps=8", *words)
    made_trainings.train_all(data, tmp_path / "begun", "--max_steps=6", *words)
    made_trainings.train_all(data, tmp_path / "begun", "--max_steps=8", *words, *threads)
    assert list(pd.read_csv(tmp_path / "begun" / "skirt" / "metrics.csv")["step"]) == [6, 8]
    last = [made_trainings.variables(str(tmp_path / name / "skirt" / "model.ckpt-8")) for name in ("begun", "whole")]
    for name, value in last[1].items():
        np.testing.assert_allclose(last[0][name], value, rtol=1e-5, atol=1e-5, err_msg=name)


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


def test_a_failure_at_the_first_step_after_a_resume_names_the_same_step_and_rate(tiny_records, tmp_path):
    # The rate falls at every step: the one that is named must be the failed step's own.
    words = ("--max_steps=8", "--learning_rate=1e30", "--warmup_steps=0", "--val_fraction=0", "--end_learning_rate=0")
    words += ("--schedule=cosine", "--save_minutes=0.001")
    messages = []
    for _ in range(2):
        with pytest.raises(DataError) as error:
            made_trainings.train_all(tiny_records, tmp_path, *words)
        messages.append(re.sub(r"tiny/\S+ is not finite", "… is not finite", str(error.value)))  # several are at once
    done = int(tf.train.latest_checkpoint(tmp_path / "skirt").rsplit("-", 1)[1])
    assert done > 0
    assert f"skirt: step {done + 1}: " in messages[0]
    rate = 1e30 * (1 + math.cos(math.pi * done / 8)) / 2
    assert f"is not finite at learning rate {rate:.3g};" in messages[0]
    assert messages[0] == messages[1]


def test_rollback_goes_back_with_half_the_rate_and_remembers_it(tiny_records, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(rollbacks, "_SMALLEST_FACTOR", 1 / 2)
    words = ("--max_steps=8", "--learning_rate=1e30", "--warmup_steps=0", "--val_fraction=0", "--end_learning_rate=0")
    with pytest.raises(DataError, match="at learning rate 5e\\+29"):
        made_trainings.train_all(tiny_records, tmp_path, *words, "--on_nan=rollback")
    assert "back to" in capfd.readouterr().err
    assert json.loads((tmp_path / "skirt" / "rollbacks.json").read_text())["rate_factor"] == 0.5


@pytest.mark.parametrize("index", [0, 1])
def test_every_process_of_a_cluster_trains_at_the_rate_that_rollbacks_left(tiny_records, tmp_path, monkeypatch, index):
    factors = []

    def run_training(job, hooks, factor):
        factors.append(factor)
        raise KeyboardInterrupt

    cluster = distribution.Distribution(distribution.MULTI_WORKER, None, 2, 1, 2, index)
    job = dataclasses.replace(made_trainings.job(tiny_records, tmp_path), distribution=cluster)
    made_trainings.train_all(tiny_records, tmp_path, "--max_steps=1")  # a rollback leaves a checkpoint
    rollbacks.add(job.model_dir, 1.0)
    monkeypatch.setattr(training, "run_training", run_training)
    with pytest.raises(KeyboardInterrupt):
        training.train(job)
    assert factors == [0.5]


def test_a_cluster_does_not_go_back(tiny_records, tmp_path, monkeypatch):
    cluster = distribution.Distribution(distribution.MULTI_WORKER, None, 2, 1, 2, 1)
    monkeypatch.setattr(training, "distribute", lambda settings: cluster)
    with pytest.raises(UsageError, match="--on_nan=rollback works on one machine"):
        made_trainings.train_all(tiny_records, tmp_path, "--on_nan=rollback")
    assert os.listdir(tmp_path) == []


def test_a_resume_from_a_damaged_checkpoint_names_it(trained, tiny_records, tmp_path):
    shutil.copytree(os.path.join(trained, "skirt"), tmp_path / "skirt")
    (data,) = (tmp_path / "skirt").glob("model.ckpt-6.data*")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 8
    data.write_bytes(content)
    with pytest.raises(DataError) as error:
        made_trainings.train_all(tiny_records, tmp_path, "--max_steps=8", "--epochs_per_eval=1")
    (line,) = error.value.lines()
    assert line.startswith(f"{tmp_path}/skirt/model.ckpt-6: cannot be restored (")
    assert "Graph execution" not in line


def test_records_are_counted_once(tiny_records, tmp_path, monkeypatch):
    calls = []
    verify = manifest.verify
    monkeypatch.setattr(manifest, "verify", lambda *words: calls.append(words) or verify(*words))
    job = made_trainings.job(tiny_records, tmp_path)
    assert (job.images, job.num_validation, len(calls)) == ({"skirt": 16}, 8, 1)
    assert made_trainings.job(tiny_records, tmp_path, "--val_fraction=0").num_validation == 0


def test_a_model_in_a_folder_of_any_name_resumes_predicts_and_is_started_from(tiny_records, tmp_path):
    """What TensorFlow takes for a pattern is one only to it."""
    parent = tmp_path / "-m [1] *? [!a] Röcke 裙子.v2\\"
    words = ("--epochs_per_eval=1", "--swa_start_epoch=1")
    made_trainings.train_all(tiny_records, parent, "--max_steps=4", *words)
    first = made_trainings.variables(str(parent / "skirt" / "model.ckpt-4"))
    made_trainings.train_all(tiny_records, parent, "--max_steps=12", *words)
    folder = parent / "skirt"
    assert list(pd.read_csv(folder / "metrics.csv")["step"]) == [4, 8, 12]
    assert sorted(path.name for path in folder.glob("*.index")) == ["model.ckpt-12.index", "model.ckpt-8.index"]
    plain = tmp_path / "plain"
    made_trainings.train_all(tiny_records, plain, "--max_steps=12", *words)
    found, expected = (made_trainings.variables(str(p / "skirt" / "model.ckpt-12")) for p in (parent, plain))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    photo = np.random.RandomState(0).randint(0, 255, [90, 70, 3]).astype(np.uint8)
    points = [Predictor(p / "skirt").predict(photo)["keypoints"]["hemline_left"]["x"] for p in (parent, plain)]
    assert points[0] == pytest.approx(points[1], abs=1e-2)
    made_trainings.train_all(tiny_records, tmp_path / "next", "--max_steps=1", f"--checkpoint_path={folder}")
    assert len(first) == len(expected)


def test_moving_average_is_what_evaluations_measure(tiny_records, tmp_path):
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
    from utility.model import checkpoints
    from utility.training.estimators import evaluation_estimator, validation_input

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
    mean, variance = statistics_of_the_stem(averaged["tiny/stem/conv/kernel"], tiny_records, tmp_path, *words)
    np.testing.assert_allclose(averaged["tiny/stem/norm/moving_mean"], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(averaged["tiny/stem/norm/moving_variance"], variance, rtol=1e-4, atol=1e-6)
    assert not np.allclose(last["tiny/stem/norm/moving_variance"], variance, rtol=1e-3)


def statistics_of_the_stem(kernel, tiny_records, parent, *words):
    """Returns mean and variance of the stem's outputs over an epoch of training batches, worked out by themselves."""
    job = made_trainings.job(tiny_records, parent, *words)
    local = {"batch_size": 4, "start_step": 0, "batches_per_step": 1, "workers": 1, "worker": 0}
    means, variances = [], []
    for features, _ in estimators.training_input(job, **local)().take(4):
        images = (tf.cast(features["image"], tf.float32) - registry.MEAN_RGB) * registry.SCALE
        outputs = tf.nn.conv2d(tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]]), kernel, 2, "VALID").numpy()
        rows = outputs.reshape([-1, outputs.shape[-1]])
        means.append(rows.mean(0))
        variances.append(rows.var(0, ddof=1))
    return np.mean(means, 0), np.mean(variances, 0) + np.var(means, 0)


@pytest.mark.parametrize("validation", [True, False])
def test_swa_that_a_kill_cut_off_is_finished_by_the_same_command(tiny_records, tmp_path, monkeypatch, validation):
    words = ("--max_steps=4", "--swa_start_epoch=1", "--learning_rate=0.01", "--warmup_steps=0", "--epochs_per_eval=9")
    words += () if validation else ("--val_fraction=0",)
    killed = []

    def die(self, checkpoint, *rest):
        if os.sep + "swa" + os.sep in checkpoint:
            killed.append(checkpoint)
            raise KeyboardInterrupt
        return take(self, checkpoint, *rest)

    name = "offer" if validation else "take"
    take = getattr(BestCheckpoint, name)
    with monkeypatch.context() as patch:
        patch.setattr(BestCheckpoint, name, die)
        with pytest.raises(KeyboardInterrupt):
            made_trainings.train_all(tiny_records, tmp_path / "killed", *words)
    assert killed
    made_trainings.train_all(tiny_records, tmp_path / "killed", *words)
    made_trainings.train_all(tiny_records, tmp_path / "whole", *words)
    bests = [tmp_path / parent / "skirt" for parent in ("killed", "whole")]
    found, expected = (made_trainings.variables(model_directory.checkpoint(str(folder))) for folder in bests)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-5, err_msg=key)
    results = [json.loads((folder / "swa" / "swa.json").read_text()) for folder in bests]
    assert results[0]["step"] == 4
    assert results[0] == pytest.approx(results[1])
    before = (bests[0] / "best" / "checkpoint").stat().st_mtime_ns
    made_trainings.train_all(tiny_records, tmp_path / "killed", *words)  # finished: nothing moves any more
    assert (bests[0] / "best" / "checkpoint").stat().st_mtime_ns == before


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
