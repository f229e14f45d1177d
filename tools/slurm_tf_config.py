"""Prints the TF_CONFIG of a training on several machines for this task of a Slurm job, as a line for the shell.

eval "$(python tools/slurm_tf_config.py)" && python train_cpn.py --data_dir=RECORDS --model_dir=MODELS

That is for a script which srun runs in every task. The first task is the chief, the others are workers, the last ones
parameter servers if there are any. It is worked out from what Slurm tells each task (SLURM_STEP_NODELIST or
SLURM_JOB_NODELIST, SLURM_TASKS_PER_NODE, SLURM_PROCID and SLURM_NODEID), with tasks in blocks, as Slurm places them
unless told otherwise. docs/many_machines.md says more.
"""

import itertools
import json
import os
import re
import shlex

from base.errors import DataError, UsageError
from configs import command_line

_MOST_HOSTS = 100_000
_LOWEST_PORT, _PORTS = 20_000, 10_000  # from which a job takes as many as one machine has tasks
# Of a list of hosts: a name with ranges in brackets, as `node[01-03,7]`, up to a comma outside of them.
_ENTRY = re.compile(r"((?:[^,\[\]]|\[[^\[\]]*\])+)(?:,|$)")
_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")
_TASKS = re.compile(r"(\d{1,9})(?:\(x(\d{1,9})\))?")


def main(flags):
    """Prints the line; nothing is set where the job has one task.

    Raises:
        DataError: Slurm's variables are missing, or say what does not fit together.
        UsageError: there are as many parameter servers as tasks, or more.
    """
    variables = os.environ
    hosts = hosts_of_tasks(variables)
    if flags.num_parameter_servers >= len(hosts):
        count = f"--num_parameter_servers={flags.num_parameter_servers}"
        raise UsageError(f"{count} of {len(hosts)} tasks: expected fewer, the chief is no parameter server")
    rank = _number(variables, "SLURM_PROCID", len(hosts) - 1)
    first_port = flags.first_port
    if first_port is None:
        first_port = _LOWEST_PORT + _number(variables, "SLURM_JOB_ID", 2**63, "0") % _PORTS
    config = tf_config(hosts, rank, first_port, flags.num_parameter_servers)
    print(f"export TF_CONFIG={shlex.quote(json.dumps(config) if config else '')}")


def tf_config(hosts, rank, first_port, num_parameter_servers=0):
    """Returns the content of TF_CONFIG for the task `rank` of those on some hosts; None for a task alone.

    Args:
        hosts: the host of each task.
        rank: which of them this is.
        first_port: the port of the first task on a host; the next ones have the next ports.
        num_parameter_servers: the last so many tasks are some.
    """
    if len(hosts) == 1:
        return None
    addresses = [f"{host}:{first_port + hosts[:number].count(host)}" for number, host in enumerate(hosts)]
    workers = len(hosts) - num_parameter_servers
    parts = {"chief": addresses[:1], "worker": addresses[1:workers], "ps": addresses[workers:]}
    first = {"chief": 0, "worker": 1, "ps": workers}
    kind = "chief" if rank == 0 else "worker" if rank < workers else "ps"
    cluster = {name: own for name, own in parts.items() if own}
    return {"cluster": cluster, "task": {"type": kind, "index": rank - first[kind]}}


def hosts_of_tasks(variables):
    """Returns the host of each task of a job step, by Slurm's variables of the environment.

    Raises:
        DataError: they are missing, wrong, or do not fit together.
    """
    name = "SLURM_STEP_NODELIST" if variables.get("SLURM_STEP_NODELIST") else "SLURM_JOB_NODELIST"
    hosts = expand(_text(variables, name), name)
    kind = "SLURM_STEP_TASKS_PER_NODE" if variables.get("SLURM_STEP_TASKS_PER_NODE") else "SLURM_TASKS_PER_NODE"
    counts = _counts(_text(variables, kind), kind)
    if len(counts) != len(hosts):
        raise DataError(kind, None, f"is of {len(counts)} nodes: expected {len(hosts)}, as {name} has")
    nodes = [node for node, count in enumerate(counts) for _ in range(count)]
    rank = _number(variables, "SLURM_PROCID", len(nodes) - 1)
    node = _number(variables, "SLURM_NODEID", len(hosts) - 1, str(nodes[rank]))
    if node != nodes[rank]:
        what = (
            f"is {node} where task {rank} of tasks in blocks is on node {nodes[rank]}: expected srun without another "
        )
        raise DataError("SLURM_NODEID", None, f"{what}--distribution than block")
    return [hosts[node] for node in nodes]


def expand(text, name="the list"):
    """Returns the hosts of a list as Slurm writes it, such as `gpu[01-03,7],login`; `name` stands in errors.

    Raises:
        DataError: it is none.
    """
    if not re.fullmatch(f"(?:{_ENTRY.pattern})+", text) or text.endswith(","):
        raise _no_list(name, text)
    hosts = []
    for match in _ENTRY.finditer(text):
        pieces = re.split(r"\[([^\[\]]*)\]", match[1])
        choices = [_range(piece, name, text) if number % 2 else [piece] for number, piece in enumerate(pieces)]
        hosts += map("".join, itertools.islice(itertools.product(*choices), _MOST_HOSTS + 1))
        if len(hosts) > _MOST_HOSTS:
            raise DataError(name, None, f"has more than {_MOST_HOSTS:,} hosts: expected as many as a cluster has")
    return hosts


def _range(text, name, whole):
    """Returns the numbers between brackets, with the zeros that the first of a range begins with."""
    numbers = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not low <= high < low + _MOST_HOSTS:
            raise _no_list(name, whole)
        numbers += [f"{number:0{len(match[1])}d}" for number in range(low, high + 1)]
    return numbers


def _counts(text, name):
    """Returns the number of tasks of each node, of a text such as `2(x3),1`."""
    matches = [_TASKS.fullmatch(part) for part in text.split(",")]
    counts = [(int(match[1]), int(match[2] or 1)) for match in matches if match]
    if not all(matches) or not 0 < sum(tasks * nodes for tasks, nodes in counts) <= _MOST_HOSTS:
        raise DataError(name, None, f"is {text[:100]!r}: expected the tasks of each node, such as 2(x3),1")
    return [tasks for tasks, nodes in counts for _ in range(nodes)]


def _text(variables, name):
    if not variables.get(name):
        raise DataError(name, None, "is not set: expected to be run by srun, once for each task")
    return variables[name]


def _number(variables, name, most, default=None):
    text = variables.get(name) or default or _text(variables, name)
    if not re.fullmatch(r"\d{1,18}", text) or int(text) > most:
        raise DataError(name, None, f"is {text[:100]!r}: expected a number from 0 to {most}")
    return int(text)


def _no_list(name, text):
    return DataError(name, None, f"is {text[:100]!r}: expected a list of hosts, such as node[01-03,7]")


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=["first_port", "num_parameter_servers"])
