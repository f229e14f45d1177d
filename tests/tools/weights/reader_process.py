"""Reads files of weights in a process of its own, one for each line of stdin, for the tests of hostile files.

For each path a line of JSON: {"shapes": {name: [shape, …]}} or {"error": lines}; `seconds` of the processor; and
`memory`, the bytes that the process and its children have at most taken beyond what they had at the start.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import types

import h5py  # noqa: F401 (taken in before the forks, so that a case does not take a third of a second)

from base.errors import ProgramError
from tools.weights import hdf5_layout, keras_hdf5, sources


def forked(command, **_):
    """Stands for subprocess.run of `hdf5_layout.py`: a fork of this process, which has the libraries already."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if not child:
            os.dup2(output.fileno(), 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            hdf5_layout.main(command[-1])
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return types.SimpleNamespace(returncode=os.waitstatus_to_exitcode(status), stdout=output.read())


def seconds():
    """Returns the seconds of the processor that the process and its ended children have taken."""
    return sum(os.times()[:4])


def memory():
    return 1024 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def read(path):
    try:
        _, arrays = sources.read(path)
    except ProgramError as error:
        return {"error": error.lines()}
    arrays = {name: array if isinstance(array, list) else [array] for name, array in arrays.items()}
    assert all(array.dtype == "float32" for of_name in arrays.values() for array in of_name)
    return {"shapes": {name: [array.shape for array in of_name] for name, of_name in arrays.items()}}


def main():
    if "--fork" in sys.argv:
        hdf5_layout.MOST_SECONDS = 2
        keras_hdf5.subprocess = types.SimpleNamespace(run=forked, TimeoutExpired=subprocess.TimeoutExpired)
    start = memory()
    for line in sys.stdin:
        begun = seconds()
        answer = read(line.rstrip("\n"))
        print(json.dumps({**answer, "seconds": seconds() - begun, "memory": memory() - start}), flush=True)


if __name__ == "__main__":
    main()
