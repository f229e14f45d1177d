"""Trainings that share their batches, against one that has them alone."""

import json
import os
import re
import shutil
import signal
import socket

import made_stores
import made_trainings
import numpy as np
import pytest

from base.errors import DataError, UsageError
from base.remote import places
from base.remote.mirror import Mirror
from base.remote.store import Store
from preprocessing.input.input_fn import make_dataset
from utility.model import checkpoints
from utility.training import distribution, rollbacks, shared_folder, training
from utility.training.settings import TrainingSettings

# 20 steps in float32, an evaluation at the end.
WORDS = ("--max_steps=20", "--warmup_steps=0", "--learning_rate=0.001", "--epochs_per_eval=100")


@pytest.fixture(scope="module")
def alone(tiny_records, tmp_path_factory):
    """The last checkpoint of one process on one device, and the loss that it printed last."""
    return run([start(tiny_records, tmp_path_factory.mktemp("alone"))])


def start(tiny_records, parent, *more, **environment):
    """Starts a training as a process; it remembers where its model goes."""
    process = made_trainings.start(tiny_records, parent, *WORDS, *more, **environment)
    process.model_dir = os.path.join(parent, "skirt")
    return process


def run(processes):
    """Waits for the processes of one training; returns the variables it ended with and the chief's last loss."""
    outputs = [process.communicate(timeout=280) for process in processes]
    for process, (_, errors) in zip(processes, outputs):
        assert process.returncode == 0, errors
        process.errors = errors
    chief_lines = outputs[0][1]
    loss = float(re.findall(r"step 20/20 loss (\S+)", chief_lines)[-1])
    return made_trainings.variables(os.path.join(processes[0].model_dir, "model.ckpt-20")), loss


def assert_equal_training(found, expected):
    (variables, loss), (expected_variables, expected_loss) = found, expected
    assert loss == pytest.approx(expected_loss, rel=0.01)
    assert variables.keys() == expected_variables.keys()
    for name, value in expected_variables.items():
        np.testing.assert_allclose(variables[name], value, rtol=0.01, atol=1e-3, err_msg=name)


def test_two_devices_train_as_one(tiny_records, alone, tmp_path):
    assert_equal_training(run([start(tiny_records, tmp_path, "--num_devices=2")]), alone)


def test_two_devices_decay_weights_no_more_than_one(tiny_records, tmp_path):
    words = ("--optimizer=adamw", "--weight_decay=20")
    two, _ = run([start(tiny_records, tmp_path / "2", *words, "--num_devices=2")])
    made_trainings.train_all(tiny_records, tmp_path / "1", *WORDS, *words)
    one = made_trainings.variables(str(tmp_path / "1" / "skirt" / "model.ckpt-20"))
    sums = [sum(np.sum(values[name] ** 2) for name in values if name.endswith("kernel")) for values in (one, two)]
    assert sums[1] == pytest.approx(sums[0], rel=0.01)  # 20 steps at 0.001 take off a third; twice would take off half


REPLICAS = {
    "clipping, warm-up, moving average, rollback": (
        "--clip_gradients=30 --warmup_steps=6 --moving_average=0.9 --on_nan=rollback --learning_rate=0.003",
        {made_trainings.MOST: "20"},
        ["model.ckpt-20", "best/model.ckpt-20"],
    ),
    "SWA": ("--clip_gradients=30 --swa_start_epoch=2", {}, ["model.ckpt-20", "swa/model.ckpt-20"]),
}


@pytest.mark.parametrize("case", sorted(REPLICAS))
def test_two_devices_end_with_the_weights_of_one(tiny_records, tmp_path, case):
    words, environment, checkpoints_written = REPLICAS[case]
    processes = [
        start(tiny_records, tmp_path / str(devices), f"--num_devices={devices}", *words.split(), **environment)
        for devices in (1, 2)
    ]
    one, two = (run([process]) for process in processes)
    assert_equal_training(two, one)
    for name in checkpoints_written:
        expected, found = (made_trainings.variables(os.path.join(process.model_dir, name)) for process in processes)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_allclose(found[key], value, rtol=0.01, atol=1e-3, err_msg=f"{name} {key}")
    factors = [rollbacks.rate_factor(process.model_dir) for process in processes]
    assert factors == ([0.5, 0.5] if environment else [1, 1])


def test_two_devices_start_from_the_weights_of_a_checkpoint(tiny_records, alone, tmp_path):
    weights = {name: value for name, value in alone[0].items() if name.startswith("tiny/") and "Momentum" not in name}
    checkpoints.write(str(tmp_path / "source" / "model.ckpt"), weights)
    process = start(
        tiny_records, tmp_path, "--num_devices=2", "--max_steps=1", f"--checkpoint_path={tmp_path / 'source'}"
    )
    assert "starting from" in process.communicate(timeout=280)[1]
    assert process.returncode == 0
    found = made_trainings.variables(os.path.join(process.model_dir, "model.ckpt-0"))
    for name, value in weights.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_chief_and_worker_train_as_one_process(tiny_records, alone, tmp_path):
    processes = [start(tiny_records, tmp_path, TF_CONFIG=config) for config in configs("chief", "worker")]
    assert_equal_training(run(processes), alone)
    assert not list(tmp_path.rglob("tmp_worker*"))


def test_chief_and_worker_train_at_the_rate_that_rollbacks_left(tiny_records, tmp_path):
    made_trainings.train_all(tiny_records, tmp_path / "one", *WORDS, "--max_steps=1")  # a rollback leaves a checkpoint
    rollbacks.add(str(tmp_path / "one" / "skirt"), 1 / 4)
    shutil.copytree(tmp_path / "one", tmp_path / "both")
    expected = run([start(tiny_records, tmp_path / "one")])
    processes = [start(tiny_records, tmp_path / "both", TF_CONFIG=config) for config in configs("chief", "worker")]
    assert_equal_training(run(processes), expected)


def cluster(index):
    return distribution.Distribution(distribution.MULTI_WORKER, None, 2, 1, 2, index)


def test_a_worker_that_does_not_see_the_chiefs_folder_ends(tmp_path, monkeypatch):
    """The chief looks into a folder of the same name on another disk."""
    monkeypatch.setattr(shared_folder, "_PATIENCE", 1)
    monkeypatch.setattr(training, "distribute", lambda settings: cluster(1))
    settings = TrainingSettings(model_dir=str(tmp_path / "workers"))
    seen = "has not been seen by the chief within 1 seconds: expected --model_dir to be one"
    with shared_folder.shared(str(tmp_path / "chiefs"), cluster(0)), pytest.raises(DataError, match=seen):
        training.train_all(settings, "hourglass", {})
    assert os.listdir(tmp_path / "workers") == []


def test_workers_that_see_the_chiefs_folder_begin_whenever_they_start(tmp_path):
    folder = str(tmp_path / "models [1]")
    with shared_folder.shared(folder, cluster(0)):
        for _ in range(3):  # one that was started again, too
            with shared_folder.shared(folder, cluster(1)):
                assert os.listdir(folder) == []
    with shared_folder.shared(folder, distribution.Distribution()), shared_folder.shared(folder, cluster(None)):
        assert os.listdir(folder) == []  # one machine and a parameter server have nobody to wait for


def test_workers_with_copies_of_a_store_see_whether_it_is_the_chiefs(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_folder._SignsInStore, "pause", 0.05)
    monkeypatch.setattr(shared_folder, "_PATIENCE", 1)
    url, other = made_stores.new_url(), made_stores.new_url()
    copies = [Mirror(Store(place), str(tmp_path), name) for name, place in (("a", url), ("b", url), ("c", other))]
    for copy in copies:
        places.add_mirror(copy)
    chief, worker, stray = (copy.path for copy in copies)
    try:
        with shared_folder.shared(chief, cluster(0)):
            for _ in range(2):
                with shared_folder.shared(worker, cluster(1)):
                    assert made_stores.content(url) == {}
            with pytest.raises(DataError, match="has not been seen"), shared_folder.shared(stray, cluster(1)):
                raise AssertionError("never reached")
        assert made_stores.content(other) == {}
    finally:
        places.clear()


def test_parameter_server_chief_and_worker_train_together(tiny_records, tmp_path):
    server, *processes = (
        start(tiny_records, tmp_path, TF_CONFIG=config) for config in configs("ps", "chief", "worker")
    )
    outputs = [process.communicate(timeout=280) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert "best NE" in outputs[0][1]
    server.terminate()  # it serves until it is told not to
    server.communicate(timeout=30)
    assert server.returncode == -signal.SIGTERM


def configs(*types):
    """Returns the TF_CONFIG of each task of a cluster on this machine that has one of each type."""
    cluster = {name: [free_address()] for name in types}
    return [json.dumps({"cluster": cluster, "task": {"type": name, "index": 0}}) for name in types]


def test_xla_compiles_the_step_and_changes_no_weight(tiny_records, alone, tmp_path):
    process = start(tiny_records, tmp_path, "--xla", TF_CPP_MIN_LOG_LEVEL="0")
    assert_equal_training(run([process]), alone)
    assert "Compiled cluster using XLA!" in process.errors


def test_mixed_precision_trains_nearly_the_same_weights_in_float32(tiny_records, alone, tmp_path):
    variables, loss = run([start(tiny_records, tmp_path, "--mixed_precision")])
    expected, expected_loss = alone
    assert loss == pytest.approx(expected_loss, rel=0.02)
    assert {name: value.dtype for name, value in variables.items()} == {n: v.dtype for n, v in expected.items()}
    assert any((variables[name] != value).any() for name, value in expected.items())


def free_address():
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return f"localhost:{listener.getsockname()[1]}"


def test_workers_parts_together_are_the_whole_batch(tiny_records):
    common = {
        "data_dir": tiny_records,
        "category": "skirt",
        "training": True,
        "image_size": 32,
        "seed": 3,
        "start_step": 2,
    }

    def ids(**changes):
        dataset = make_dataset(**common, **changes).take(6)
        return [list(features["image_id"]) for features, _ in dataset.as_numpy_iterator()]

    whole = ids(batch_size=4)
    parts = [ids(batch_size=2, batches_per_step=2, workers=2, worker=worker) for worker in (0, 1)]
    assert [first + second for first, second in zip(*parts)] == whole


def test_one_device_needs_no_strategy(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert distribution.distribute(TrainingSettings()) == distribution.Distribution()


BROKEN = ["{", "[]", "null", "[" * 100_000] + [
    json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})
    for cluster, kind, index in [
        ({"chief": ["a:1"]}, "worker", 0),
        ({"chief": ["a:1"]}, "chief", 1),
        ({"chief": ["a:1"]}, "chief", 0.0),
        ({"chief": "localhost:1"}, "chief", 0),
        ({"chief": ["localhost"]}, "chief", 0),
        ({"chief": [5]}, "chief", 0),
        ({"chief": ["a:1", "a:2"]}, "chief", 1),
        ({"chief": ["a:1"], "evaluator": ["a:2"]}, "evaluator", 0),
        ({"master": ["a:1"]}, "master", 0),
    ]
]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_tf_config_is_one_line(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(DataError, match="^TF_CONFIG: is wrong"):
        distribution.distribute(TrainingSettings())


def test_a_strategy_of_machines_needs_a_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UsageError, match="TF_CONFIG"):
        distribution.distribute(TrainingSettings(distribution="multi_worker"))
