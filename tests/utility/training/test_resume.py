"""Trainings that were killed, against one that was not."""

import os
import random
import signal
import time

import made_trainings
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from base.files import exclusive_folder

STEPS = 30
WORDS = (
    f"--max_steps={STEPS}",
    "--epochs_per_eval=5",
    "--learning_rate=0.01",
    "--warmup_steps=5",
    "--moving_average=0.9",
    "--augment",
)


@pytest.fixture(scope="module")
def undisturbed(tiny_records, tmp_path_factory):
    parent = tmp_path_factory.mktemp("undisturbed")
    made_trainings.train_all(tiny_records, parent, *WORDS)
    return parent


def start(tiny_records, parent, *more):
    return made_trainings.start(tiny_records, parent, *WORDS, *more)


def wait_for_step(process, parent, step):
    folder = os.path.join(parent, "skirt")
    while process.poll() is None:
        checkpoint = tf.train.latest_checkpoint(folder)
        if checkpoint and int(checkpoint.rsplit("-", 1)[1]) >= step:
            return
        time.sleep(0.05)
    raise AssertionError(f"ended before step {step}: {process.stderr.read()}")


def assert_same(one, other):
    """Compares every weight, optimizer slot and average of the last checkpoints, and the tables of evaluations."""
    name = os.path.join("skirt", f"model.ckpt-{STEPS}")
    values, others = (made_trainings.variables(os.path.join(parent, name)) for parent in (one, other))
    assert values.keys() == others.keys()
    for name, value in values.items():
        np.testing.assert_allclose(value, others[name], rtol=1e-5, atol=1e-5, err_msg=name)
    tables = [pd.read_csv(os.path.join(parent, "skirt", "metrics.csv")) for parent in (one, other)]
    assert list(tables[0]["step"]) == [20, 30]
    pd.testing.assert_frame_equal(*tables, rtol=1e-4)


def test_a_killed_training_ends_with_the_weights_of_an_undisturbed_one(tiny_records, undisturbed, tmp_path):
    step = int(os.environ.get("KILLED_AT") or random.randint(1, STEPS - 4))
    print(f"killed at step {step}: KILLED_AT={step} in the environment repeats it")  # shown where the test fails
    process = start(tiny_records, tmp_path, "--save_minutes=0.001")
    wait_for_step(process, tmp_path, step)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    with exclusive_folder(os.path.join(tmp_path, "skirt")):
        pass  # the system freed the dead process's lock
    made_trainings.train_all(tiny_records, tmp_path, *WORDS)
    assert_same(undisturbed, tmp_path)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_training_after_a_checkpoint(tiny_records, tmp_path, number, code):
    endless = ("--max_steps=100000", "--train_epochs=100000", "--epochs_per_eval=100000", "--noaugment")
    process = start(tiny_records, tmp_path, *endless)
    wait_for_step(process, tmp_path, 0)
    line = ""
    while "step" not in line.partition("skirt: ")[2]:  # the progress of the first step
        line = process.stderr.readline()
        assert line, "ended early"
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert int(tf.train.latest_checkpoint(tmp_path / "skirt").rsplit("-", 1)[1]) > 0


def test_two_runs_of_one_seed_are_the_same_and_another_seed_is_not(tiny_records, undisturbed, tmp_path):
    made_trainings.train_all(tiny_records, tmp_path / "same", *WORDS)
    assert_same(undisturbed, tmp_path / "same")
    made_trainings.train_all(tiny_records, tmp_path / "other", "--tf_random_seed=5", "--max_steps=1")
    values = made_trainings.variables(str(tmp_path / "other" / "skirt" / "model.ckpt-0"))
    first = made_trainings.job(tiny_records, tmp_path / "first", "--max_steps=1")
    assert first.settings.tf_random_seed != 5
    kernel = "tiny/stem/conv/kernel"
    undisturbed_kernel = made_trainings.variables(os.path.join(undisturbed, "skirt", f"model.ckpt-{STEPS}"))[kernel]
    assert not np.allclose(values[kernel], undisturbed_kernel, atol=1e-2)
