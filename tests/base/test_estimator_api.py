"""The Estimator API: what it supplies where TensorFlow has dropped it, and when it warns."""

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base import estimator_api

MAJOR, MINOR = estimator_api.NEWEST_TESTED
SUFFIXES = st.sampled_from(["", "-rc1", ".dev20270101", "+cpu"])


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.integers(MINOR + 1, 999), st.integers(0, 99), SUFFIXES)
def test_a_newer_release_gets_one_line(minor, patch, suffix):
    version = f"{MAJOR}.{minor}.{patch}{suffix}"
    line = estimator_api.untested(version)
    assert version in line
    assert "\n" not in line
    assert estimator_api.untested(f"{MAJOR + 1}.0.0") is not None


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.integers(15, MINOR), st.integers(0, 99), SUFFIXES)
def test_a_tested_or_older_release_gets_none(minor, patch, suffix):
    assert estimator_api.untested(f"{MAJOR}.{minor}.{patch}{suffix}") is None


def test_a_newer_release_is_said_once_and_runs():
    script = """
import tensorflow as tf
tf.__version__ = "2.999.0"
from base import estimator_api
print(estimator_api.Estimator.__name__)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "EstimatorV2\n"
    assert len(re.findall("2.999.0 is newer than", done.stderr)) == 1


class Strategy:
    """What a RunConfig asks of a strategy."""

    def configure(self, *_, **__):
        pass


@st.composite
def clusters(draw):
    sizes = {"chief": 1, "worker": draw(st.integers(0, 3)), "ps": draw(st.integers(0, 2))}
    ports = iter(range(1000, 2000))
    return {job: [f"localhost:{next(ports)}" for _ in range(size)] for job, size in sizes.items() if size}


def _config(monkeypatch, cluster, job, index, strategy):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": job, "index": index}}))
    return estimator_api.RunConfig(model_dir="unused", train_distribute=strategy)


@settings(derandomize=True, max_examples=30, deadline=None)
@given(clusters())
def test_every_task_has_its_place_in_the_cluster(cluster):
    """The tasks are numbered without a gap, the chief first and parameter servers last; all agree on the counts."""
    tasks = [(job, index) for job, addresses in cluster.items() for index in range(len(addresses))]
    with pytest.MonkeyPatch.context() as monkeypatch:
        configs = {}
        for job, index in tasks:
            config = _config(monkeypatch, cluster, job, index, Strategy())
            assert config._distribute_coordinator_mode == "independent_worker"
            assert estimator_api._is_task_of_a_cluster(config)
            configs[job, index] = _adopted(config, job, index)
    numbers = {task: config.global_id_in_cluster for task, config in configs.items()}
    assert sorted(numbers.values()) == list(range(len(tasks)))
    assert numbers["chief", 0] == 0
    for (job, index), number in numbers.items():
        assert configs[job, index].task_id == index
        assert configs[job, index].is_chief == (job == "chief")
        assert job != "ps" or number > max(other for (kind, _), other in numbers.items() if kind != "ps")
    workers, servers = len(cluster.get("worker", ())) + 1, len(cluster.get("ps", ()))
    assert {(config.num_worker_replicas, config.num_ps_replicas) for config in configs.values()} == {(workers, servers)}


def _adopted(config, job, index):
    """Returns the config of an Estimator that the coordinator runs as a task."""

    class Task:
        cluster_spec, task_type, task_id = config.cluster_spec, job, index
        master_target, is_chief = f"grpc://{job}", job == "chief"

    estimator_api._adopt(config, Task)
    assert config.master == f"grpc://{job}"
    assert not estimator_api._is_task_of_a_cluster(config)
    return config


@settings(derandomize=True, max_examples=10, deadline=None)
@given(clusters())
def test_without_a_strategy_or_a_cluster_nothing_is_coordinated(cluster):
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert not estimator_api._is_task_of_a_cluster(_config(monkeypatch, cluster, "chief", 0, None))
        monkeypatch.delenv("TF_CONFIG")
        alone = estimator_api.RunConfig(model_dir="unused", train_distribute=Strategy())
        assert not estimator_api._is_task_of_a_cluster(alone)
        assert (alone.is_chief, alone.num_worker_replicas, alone.global_id_in_cluster) == (True, 1, 0)
