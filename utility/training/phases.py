"""A training in phases: the stages of a net one after the other, the earlier ones frozen.

The step says which phase is under way. So a training resumes in the phase in which it was stopped, and each phase is a
training as every other, with a warm-up and a schedule of its own.
"""

import dataclasses
import itertools

from base.errors import UsageError
from net import registry
from utility.training.job import Job


def parts(job: Job) -> list[Job]:
    """Returns the job's phases, each as a `Job` that begins and ends with it; the job itself where the net has none.

    Raises:
        UsageError: the training has fewer steps than phases, or would average weights over phases.
    """
    declared = registry.get_net(job.model.net).phases
    if declared is None:
        return [job]
    if job.settings.swa_start_epoch is not None:
        raise UsageError("--swa_start_epoch averages a net that is trained as a whole: expected --moving_average")
    phases = declared(registry.make_options(job.model.net, job.model.net_options))
    total = job.schedule.total_steps
    if total < len(phases):
        raise UsageError(
            f"{total} steps are too few for {len(phases)} stages: expected more --train_epochs or --max_steps"
        )
    edges = [0]
    for number, share in enumerate(itertools.accumulate(phase.share for phase in phases), start=1):
        # Every phase gets a step or more; the last ends with the training.
        edges.append(min(max(round(total * share), edges[-1] + 1), total - len(phases) + number))
    found = []
    for phase, start, end in zip(phases, edges, edges[1:]):
        schedule = dataclasses.replace(job.schedule, start_step=start, total_steps=end)
        # A phase that ends early would be taken for one under way.
        settings = job.settings if end == total else dataclasses.replace(job.settings, early_stopping=0)
        found.append(dataclasses.replace(job, schedule=schedule, settings=settings, phase=phase))
    return found
