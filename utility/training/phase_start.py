"""The start of a phase from the last checkpoint of the former one."""

import functools
import re
from typing import Any

import tensorflow as tf

from utility.model import averaging, checkpoints
from utility.training import phase_files
from utility.training.job import Job

v1: Any = tf.compat.v1


class PhaseStartHook(v1.train.SessionRunHook):
    """Restores the last checkpoint of the former phase as the phase begins with it.

    What the net's variables and their averages hold there is taken over, or what those hold that the phase copies from;
    the optimizer starts anew, with variables of its own. Later checkpoints are restored as they are.

    Args:
        job: the `Job` of the phase.
    """

    def __init__(self, job: Job) -> None:
        self._start = job.schedule.start_step
        copies = job.phase is not None and phase_files.read(job.model_dir).copies
        self._copies = job.phase.copies if copies and job.phase else {}

    def begin(self) -> None:
        (saver,) = v1.get_collection(v1.GraphKeys.SAVERS)  # the Estimator's
        saver.restore = functools.partial(self._restore, saver.restore)

    def _restore(self, as_it_is: Any, session: Any, path: str) -> None:
        if checkpoints.read_step(path) != self._start:
            as_it_is(session, path)
            return
        reader = checkpoints.open_reader(path)
        kept = {averaging.name_of(variable) for variable in averaging.net_variables()} | {"global_step"}
        kept |= {name + ending for name in kept for ending in (averaging.MOVING, averaging.STOCHASTIC)}
        initializers, values = [], {}
        for variable in _components():
            name = re.sub(r"/replica_\d+", "", averaging.name_of(variable))
            initializers.append(variable.initializer)
            if name in kept:
                values[variable.initializer.inputs[1]] = reader.get_tensor(self._source(name))
        session.run(initializers, values)

    def _source(self, name: str) -> str:
        """Returns the name of the variable whose value a variable takes."""
        for ours, theirs in self._copies.items():
            if name.startswith(ours):
                return theirs + name[len(ours) :]
        return name


def _components() -> list[tf.Variable]:
    """Returns the variables of the graph, those of each replica by themselves."""
    found: dict[str, tf.Variable] = {}
    for variable in v1.global_variables():
        for component in getattr(variable, "values", (variable,)):
            found[component.name] = component
    return list(found.values())
