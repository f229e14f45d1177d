"""What of a Ray cluster is whose; without Ray itself, see tests/utility/prediction/test_engine_ray.py."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import cluster
from base.errors import DataError, UsageError


def node(cores=0, gpus=0, alive=True):
    return {"Alive": alive, "Resources": {"CPU": float(cores), "GPU": float(gpus), "memory": 1e9}}


@given(st.lists(st.integers(1, 64), min_size=1, max_size=20), st.lists(st.integers(0, 8), max_size=3))
def test_a_worker_for_a_few_cores_which_fits_on_every_node_with_room_for_those_of_the_dead(cores, dead):
    nodes = [*map(node, cores), *(node(number, number, alive=False) for number in dead), node()]
    share = cluster.share_of(nodes)
    claimed = share.of_worker["num_cpus"]
    assert len(cores) <= share.workers <= sum(cores)
    assert claimed + share.cores_of_reader <= min(cores)
    assert share.workers * claimed <= sum(cores) / 4


def test_a_worker_for_each_gpu_that_is_not_waited_for_when_it_dies():
    share = cluster.share_of([node(8, 4), node(8, 4), node(64, 0), node(8, 4, alive=False)])
    assert share.workers == 8
    assert share.of_worker["num_gpus"] == 1
    assert share.of_worker["ray_remote_args_fn"]() == {"max_restarts": 0}


def test_a_cluster_without_cores_is_refused():
    with pytest.raises(DataError, match="has no node with a core"):
        cluster.share_of([node(), node(4, alive=False)])


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    expected = r"requires Ray, which is not installed: pip install -e '.\[cluster\]'"
    with pytest.raises(UsageError, match=expected), cluster.connected():
        pass


def test_where_no_cluster_is_it_is_told_at_once():
    with pytest.raises(DataError, match=r"the Ray cluster 127.0.0.1:1: cannot be reached \(.*refused\)"):
        cluster._check_reachable("127.0.0.1:1")
    for address in (None, "auto", "local", "ray://127.0.0.1:1", "nonsense:abc"):  # Ray's own to find, or to refuse
        cluster._check_reachable(address)


def test_a_fault_in_the_data_comes_back_as_it_was_raised_and_others_end_the_work(tmp_path, monkeypatch):
    """The functions that Ray runs, one after the other: what one cannot read, the next does not see."""
    monkeypatch.chdir(tmp_path)  # which is undone at the end
    fault = DataError("photo.jpg", "line 2", "is damaged")

    def read(item):
        if item == "bad":
            raise fault
        return item * 2

    worker = cluster._Worker(str(tmp_path), lambda: lambda piece: piece + 1)
    rows = [cluster._read(str(tmp_path), read, {"item": pickle.dumps(item)}) for item in (3, "bad")]
    (good, nothing), (none, told) = (pickle.loads(worker(row)["item"]) for row in rows)
    assert (good, nothing, none, str(told)) == (7, None, None, str(fault))
    with pytest.raises(ZeroDivisionError):
        cluster._read("/nowhere", lambda item: 1 // item, {"item": pickle.dumps(0)})
