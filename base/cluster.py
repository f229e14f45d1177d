"""The door to Ray: work on many machines, started, fed and kept quiet here alone.

Ray Data does what is hard about it: it holds the readers back while the workers are busy, does again what a dead worker
or machine had in hand, and gives results in order. Every node needs the packages of this project, the same files under
the same paths, and nothing else: the project's own code is sent along.
"""

import contextlib
import functools
import importlib.util
import logging
import os
import pickle
import signal
import socket
from typing import NamedTuple

from base import stderr
from base.errors import DataError, UsageError, one_line

_ROOMS = ("base", "configs", "net", "preprocessing", "utility")  # what is sent along
_CORES_OF_WORKER = 4  # that a net makes good use of: a machine of more has several workers
_EXTRA = "pip install -e '.[cluster]'"
_MOST_FAILURES = 3  # one after the other, without a result between them
_SECONDS_TO_CONNECT = 20
_GOES_ON = "the same command goes on when it runs again"
_ITEM = "item"  # the one column of the tables that Ray Data moves

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def connected(address=None, verbosity=0):
    """Connects to a Ray cluster, within the block.

    Args:
        address: `auto` or host:port of one that runs; None starts one of this machine's cores, for the block.
        verbosity: 0 keeps what Ray, and the workers, have to say off the terminal.

    Raises:
        UsageError: Ray is not installed.
        DataError: there is no such cluster.
    """
    if importlib.util.find_spec("ray") is None:
        raise UsageError(f"--engine=ray requires Ray, which is not installed: {_EXTRA}")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would ask, and report to its makers
    _check_reachable(address)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _start(address, verbosity)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)  # Ray puts its own in their place
    try:
        yield
    finally:
        _ray().shutdown()


def _check_reachable(address):
    """Raises DataError where nobody listens at host:port: Ray itself would wait for minutes."""
    host, _, port = (address or "").rpartition(":")
    if host and "/" not in host and port.isdecimal() and len(port) < 6:
        try:
            socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_CONNECT).close()
        except (OSError, OverflowError) as error:
            raise _unreachable(address, error) from error


def _unreachable(address, error):
    where = f"the Ray cluster {address}" if address else "Ray"
    return DataError(where, None, f"cannot be reached ({one_line(str(error))}): expected a cluster that runs")


def _start(address, verbosity):
    if not verbosity:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # of its C++ code, in this process, too
    log = {"log_to_driver": verbosity > 0, "logging_level": logging.INFO if verbosity else logging.CRITICAL}
    sent = {"py_modules": [_folder(room) for room in _ROOMS], "env_vars": _environment(verbosity)}
    for attempt in range(1, _MOST_FAILURES + 1):
        try:
            with contextlib.nullcontext() if verbosity else stderr.quiet():
                _ray().init(address=address or "local", runtime_env=sent, **log)
            break
        except Exception as error:  # Ray raises that very class where a part of it does not start
            _ray().shutdown()
            # On a machine that is short of time, Ray gives itself up after 15 s; its second start finds its files read.
            if address or attempt == _MOST_FAILURES:
                raise _unreachable(address, error) from error
    _quieten(verbosity)


def _folder(room):
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), room)


def _environment(verbosity):
    return {"TF_CPP_MIN_LOG_LEVEL": str(max(0, 3 - 2 * verbosity)), "TF_ENABLE_ONEDNN_OPTS": "1"}


def _ray():
    """Returns Ray, imported when it is used: it takes seconds, and few have it."""
    import ray
    import ray.data

    return ray


def _quieten(verbosity):
    context = _ray().data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = verbosity > 0
    context.execution_options.preserve_order = True
    if not verbosity:
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def num_workers():
    """Returns how many workers the connected cluster has for `stream`."""
    return share_of(_ray().nodes()).workers


def stream(items, read, make_worker=None):
    """Yields what is made of the items, in their order, on the connected cluster.

    Where a machine dies, what it had in hand is done again by the others.

    Args:
        items: a list of what can be pickled.
        read: function(item) -> piece, which can be pickled; runs on one core.
        make_worker: function() -> function(piece) -> result; called once in each worker, which has a GPU or a few cores
            of its own. None: the pieces are the results.

    Raises:
        DataError: what `read` or a worker raised, or the cluster cannot do the work.
    """
    done, failures = 0, 0
    while done < len(items):
        before, lost = done, []
        for result in _until_lost(_stream_once(items[done:], read, make_worker), lost):
            yield result
            done += 1
        failures = failures + 1 if done == before else 0
        if lost and failures == _MOST_FAILURES:
            cause = one_line(str(lost[0]).strip().splitlines()[-1])
            raise DataError("the Ray cluster", None, f"cannot do the work ({cause}): {_GOES_ON}") from lost[0]
        if lost:
            _log.info("the Ray cluster lost workers (%s): going on with the others", type(lost[0]).__name__)


def _until_lost(results, lost):
    """Yields results until Ray has an error of its own, which is appended to the list `lost`."""
    try:
        yield from results
    except _ray().exceptions.RayError as error:
        lost.append(error)


def _stream_once(items, read, make_worker):
    share = share_of(_ray().nodes())
    data = _ray().data.from_items([{_ITEM: pickle.dumps(item)} for item in items], override_num_blocks=len(items))
    read = functools.partial(_read, os.getcwd(), read)
    data = data.map(read, num_cpus=share.cores_of_reader)
    if make_worker:
        pool = _ray().data.ActorPoolStrategy(size=min(share.workers, len(items)))
        data = data.map(_Worker, fn_constructor_args=[os.getcwd(), make_worker], compute=pool, **share.of_worker)
    for row in data.iter_rows():
        result, fault = pickle.loads(row[_ITEM])
        if fault:
            raise fault
        yield result


def _read(folder, read, row):
    return _outcome(folder, read, pickle.loads(row[_ITEM]))


class _Worker:
    """Makes results of pieces; what it needs for that it makes when the first one comes, where a fault has a reader."""

    def __init__(self, folder, make):
        self._folder, self._make, self._work = folder, make, None

    def __call__(self, row):
        piece, fault = pickle.loads(row[_ITEM])
        if fault:
            return row
        return _outcome(self._folder, self._made, piece)

    def _made(self, piece):
        self._work = self._work or self._make()
        return self._work(piece)


def _outcome(folder, function, argument):
    """Returns a row of Ray Data: what the function returns in a folder, or the error that the user is to see as it is.

    It is the program's own folder, so that paths mean there what they mean to the program.
    """
    try:
        with contextlib.suppress(FileNotFoundError):  # then paths are absolute, or named in an error
            os.chdir(folder)
        result = function(argument), None
    except DataError as error:
        result = None, error
    return {_ITEM: pickle.dumps(result)}


class Share(NamedTuple):
    """What of a cluster is whose.

    Attributes:
        workers: how many there are.
        of_worker: the arguments of Ray Data for what each has.
        cores_of_reader: of each call of `read`.
    """

    workers: int
    of_worker: dict
    cores_of_reader: float


def share_of(nodes):
    """Returns the Share of the nodes that live, as `ray.nodes()` has them: a worker for each GPU, or for a few cores.

    Raises:
        DataError: there is none.
    """
    resources = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = sum(int(own.get("GPU", 0)) for own in resources)
    cores = [int(own["CPU"]) for own in resources if own.get("CPU", 0) >= 1]
    if not cores:
        raise DataError("the Ray cluster", None, "has no node with a core: expected one at least")
    if gpus:  # a worker that dies has no other's GPU to come back on: `stream` begins anew with those that live
        return Share(gpus, {"num_gpus": 1, "ray_remote_args_fn": functools.partial(dict, max_restarts=0)}, 1)
    group = min(_CORES_OF_WORKER, *cores)
    # A worker uses its cores and claims a quarter of them: where machines die, those that live have room for it.
    return Share(sum(own // group for own in cores), {"num_cpus": group / 4}, min(1, group / 2))
