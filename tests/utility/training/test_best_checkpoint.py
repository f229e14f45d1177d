"""The best checkpoint under NaN, kills and repeated steps."""

import math
import os

import pytest
import tensorflow as tf

from utility.model import model_directory
from utility.training.best_checkpoint import BestCheckpoint, add_metrics, read_metrics


def write_checkpoint(folder, step, weight=0.0):
    os.makedirs(folder, exist_ok=True)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("step", initializer=step)
        tf.compat.v1.get_variable("weight", initializer=weight)
        session.run(tf.compat.v1.global_variables_initializer())
        prefix = os.path.join(folder, "model.ckpt")
        return tf.compat.v1.train.Saver().save(session, prefix, global_step=step, write_meta_graph=False)


def kept_step(folder):
    return int(tf.train.load_variable(tf.train.latest_checkpoint(os.path.join(folder, "best")), "step"))


def test_the_lowest_error_wins_and_nan_never_does(tmp_path):
    folder = str(tmp_path)
    best = BestCheckpoint(folder)
    taken = [
        best.offer(write_checkpoint(folder, step), step, ne) for step, ne in enumerate([math.nan, 0.5, 0.7, 0.4, 0.4])
    ]
    assert taken == [False, True, False, True, False]
    assert kept_step(folder) == 3
    again = BestCheckpoint(folder)
    assert (again.ne, again.step) == (0.4, 3)
    assert sorted(name for name in os.listdir(tmp_path / "best") if "ckpt" in name) == [
        "model.ckpt-3.data-00000-of-00001",
        "model.ckpt-3.index",
    ]


def test_a_folder_named_from_where_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("models/skirt")
    BestCheckpoint("models/skirt").offer(write_checkpoint("models/skirt", 3), 3, 0.5)
    assert kept_step("models/skirt") == 3
    os.rename("models", "moved")
    assert kept_step("moved/skirt") == 3


@pytest.mark.parametrize("fails_at", ["copyfile", "update_checkpoint_state"])
def test_a_kill_while_copying_leaves_the_old_one(tmp_path, monkeypatch, fails_at):
    folder = str(tmp_path)
    BestCheckpoint(folder).offer(write_checkpoint(folder, 1), 1, 0.5)
    calls = []

    def die(*args, **kwargs):
        calls.append(args)
        raise KeyboardInterrupt

    where = "shutil.copyfile" if fails_at == "copyfile" else "tensorflow.compat.v1.train.update_checkpoint_state"
    with monkeypatch.context() as patch:
        patch.setattr(where, die)
        with pytest.raises(KeyboardInterrupt):
            BestCheckpoint(folder).offer(write_checkpoint(folder, 2), 2, 0.3)
    assert calls
    assert kept_step(folder) == 1
    assert BestCheckpoint(folder).ne == 0.5
    assert BestCheckpoint(folder).offer(write_checkpoint(folder, 2), 2, 0.3)
    assert kept_step(folder) == 2


@pytest.mark.parametrize("copied", [0, 1, 2])
def test_another_checkpoint_of_the_same_name_never_mixes_with_the_best(tmp_path, monkeypatch, copied):
    """As the averaged weights of a step beside the step's own; a kill may come after any of the copied files."""
    folder = str(tmp_path)
    best = BestCheckpoint(folder)
    best.offer(write_checkpoint(folder, 5, weight=1.0), 5, 0.5)
    averaged = write_checkpoint(str(tmp_path / "swa"), 5, weight=2.0)
    replace, calls = os.replace, []

    def die(source, target):
        if len(calls) == copied:
            raise KeyboardInterrupt
        calls.append(target)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", die)
        with pytest.raises(KeyboardInterrupt):
            best.offer(averaged, 5, 0.3)
    weights = []
    for _ in range(3):  # the same again changes nothing
        prefix = model_directory.checkpoint(folder)
        weights.append(float(tf.train.load_variable(prefix, "weight")))
        BestCheckpoint(folder).offer(averaged, 5, 0.3)
    assert weights[0] == (1.0 if copied < 2 else 2.0)  # both files are there: `checkpoint` has named them
    assert weights[1:] == [2.0, 2.0]
    assert len(list((tmp_path / "best").glob("*.index"))) == 1


@pytest.mark.parametrize("removed", [0, 1])
def test_a_kill_after_the_naming_leaves_one_checkpoint_in_the_end(tmp_path, monkeypatch, removed):
    folder = str(tmp_path)
    BestCheckpoint(folder).offer(write_checkpoint(folder, 1), 1, 0.5)
    second = write_checkpoint(folder, 2)
    remove, calls = os.remove, []

    def die(path):
        if len(calls) == removed:
            raise KeyboardInterrupt
        calls.append(path)
        remove(path)

    with monkeypatch.context() as patch:
        patch.setattr("os.remove", die)
        with pytest.raises(KeyboardInterrupt):
            BestCheckpoint(folder).offer(second, 2, 0.3)
    assert BestCheckpoint(folder).offer(second, 2, 0.3)
    assert sorted(os.listdir(tmp_path / "best")) == [
        "best.json",
        "checkpoint",
        "model.ckpt-2.data-00000-of-00001",
        "model.ckpt-2.index",
    ]


def test_repeated_steps_replace_their_rows(tmp_path):
    for step, ne in ((10, 0.5), (20, 0.4), (30, 0.3), (20, 0.45)):
        add_metrics(str(tmp_path), step, 1.0, ne)
    assert read_metrics(str(tmp_path)).to_dict("list") == {"step": [10, 20], "loss": [1.0, 1.0], "ne": [0.5, 0.45]}
