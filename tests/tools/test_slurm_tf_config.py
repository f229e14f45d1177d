"""TF_CONFIG from Slurm's variables: every task of a job has its part of one cluster, on its own host."""

import json
import shlex

import hypothesis
import hypothesis.strategies as st
import pytest
from conftest import run_program

from base.errors import DataError
from tools import slurm_tf_config
from tools.slurm_tf_config import expand, hosts_of_tasks, tf_config
from utility.training import distribution

LISTS = {
    "node1": ["node1"],
    "node[01-03,7]": ["node01", "node02", "node03", "node7"],
    "gpu[1-2],login,a.b-c[8-10]": ["gpu1", "gpu2", "login", "a.b-c8", "a.b-c9", "a.b-c10"],
    "r[1-2]n[08-10]": ["r1n08", "r1n09", "r1n10", "r2n08", "r2n09", "r2n10"],
    "n[1,3]-ib": ["n1-ib", "n3-ib"],
    "10.0.0.[1-2]": ["10.0.0.1", "10.0.0.2"],
}


@pytest.mark.parametrize("text", LISTS)
def test_lists_of_hosts_as_scontrol_shows_them(text):
    assert expand(text) == LISTS[text]


WRONG = ["", ",", "a,", ",a", "a,,b", "a[", "a]", "a[1-", "a[]", "a[2-1]", "a[x]", "a[1,]", "a[[1]]", "a[1-2-3]"]
TOO_LARGE = ["a[1-999999999]", "[1-99999][1-99999]"]


@pytest.mark.parametrize("text", WRONG + TOO_LARGE)
def test_what_is_no_list_is_refused(text):
    with pytest.raises(DataError, match="expected"):
        expand(text, "SLURM_JOB_NODELIST")


def fold(hosts):
    """Writes names with numbers at their ends as Slurm does: neighbours of one name and width are a range."""
    entries = []
    for name, width, low, high in hosts:
        ends = f"{low:0{width}d}" if low == high else f"{low:0{width}d}-{high:0{width}d}"
        entries.append(f"{name}[{ends}]")
    return ",".join(entries)


_NAMES = st.from_regex("[a-z][a-z0-9-]{0,5}[a-z]", fullmatch=True)
_PARTS = st.tuples(_NAMES, st.integers(1, 5), st.integers(0, 200), st.integers(0, 20))


@hypothesis.given(st.lists(_PARTS, min_size=1, max_size=5))
def test_a_list_expands_to_what_it_was_made_of(parts):
    parts = [(name, width, low, low + more) for name, width, low, more in parts]
    expected = [f"{name}{number:0{width}d}" for name, width, low, high in parts for number in range(low, high + 1)]
    assert expand(fold(parts)) == expected


@hypothesis.given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(0, 3))
def test_the_tasks_of_a_job_agree_on_one_cluster(data, counts, servers):
    count = sum(counts)
    servers = min(servers, count - 1)
    nodes = [node for node, tasks in enumerate(counts) for _ in range(tasks)]
    found = []
    for rank in range(count):
        variables = {
            "SLURM_JOB_NODELIST": f"n[1-{len(counts)}]",
            "SLURM_TASKS_PER_NODE": ",".join(map(str, counts)),
            "SLURM_PROCID": str(rank),
            "SLURM_NODEID": str(nodes[rank]),
        }
        hosts = hosts_of_tasks(variables)
        assert hosts[rank] == f"n{nodes[rank] + 1}"
        found.append(tf_config(hosts, rank, 20000, servers))
    if count == 1:
        assert found == [None]
        return
    assert all(config["cluster"] == found[0]["cluster"] for config in found)
    own = [config["cluster"][config["task"]["type"]][config["task"]["index"]] for config in found]
    assert len(set(own)) == count == sum(map(len, found[0]["cluster"].values()))
    assert found[0]["task"] == {"type": "chief", "index": 0}
    assert len(found[0]["cluster"].get("ps", [])) == servers
    distribution._check_cluster(**{key: data.draw(st.sampled_from(found))[key] for key in ("cluster", "task")})


JOB = {
    "SLURM_JOB_NODELIST": "gpu[01-02]",
    "SLURM_TASKS_PER_NODE": "2(x2)",
    "SLURM_PROCID": "3",
    "SLURM_NODEID": "1",
    "SLURM_JOB_ID": "12345",
}


@pytest.fixture
def job(monkeypatch):
    for name in ("SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE", "TF_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_line_is_for_a_shell(job, capsys):
    assert run_program("tools/slurm_tf_config.py") == 0
    export, line = shlex.split(capsys.readouterr().out)
    name, text = line.split("=", 1)
    assert (export, name) == ("export", "TF_CONFIG")
    job.setenv("TF_CONFIG", text)
    cluster, task = distribution.read_cluster()
    ports = [22345, 22346]
    assert cluster == {"chief": [f"gpu01:{ports[0]}"],
                       "worker": [f"gpu01:{ports[1]}", f"gpu02:{ports[0]}", f"gpu02:{ports[1]}"]}  # fmt: skip
    assert task == {"type": "worker", "index": 2}


def test_parameter_servers_and_ports(job, capsys):
    assert run_program("tools/slurm_tf_config.py", "--num_parameter_servers=1", "--first_port=5000") == 0
    config = json.loads(shlex.split(capsys.readouterr().out)[1].split("=", 1)[1])
    assert config["cluster"]["ps"] == ["gpu02:5001"]
    assert config["task"] == {"type": "ps", "index": 0}
    assert run_program("tools/slurm_tf_config.py", "--num_parameter_servers=4") == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLURM_JOB_NODELIST", ""),
        ("SLURM_JOB_NODELIST", "gpu[1"),
        ("SLURM_TASKS_PER_NODE", "2(x3)"),
        ("SLURM_TASKS_PER_NODE", "two"),
        ("SLURM_TASKS_PER_NODE", "0(x2)"),
        ("SLURM_TASKS_PER_NODE", "999999999(x999999999)"),
        ("SLURM_PROCID", "4"),
        ("SLURM_PROCID", "-1"),
        ("SLURM_NODEID", "0"),
        ("SLURM_JOB_ID", "x"),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_the_variable(job, capsys, name, value):
    job.setenv(name, value)
    assert run_program("tools/slurm_tf_config.py") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"slurm_tf_config.py: {name}: is ")


def test_a_task_alone_needs_no_cluster(job, capsys):
    for name, value in {"SLURM_JOB_NODELIST": "a", "SLURM_TASKS_PER_NODE": "1", "SLURM_PROCID": "0"}.items():
        job.setenv(name, value)
    job.setenv("SLURM_NODEID", "0")
    assert run_program("tools/slurm_tf_config.py") == 0
    assert capsys.readouterr().out == "export TF_CONFIG=''\n"
    assert slurm_tf_config.tf_config(["a"], 0, 1) is None
