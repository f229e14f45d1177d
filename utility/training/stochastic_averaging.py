"""The end of a training with SWA: the averaged model as a checkpoint, measured against the best one."""

import json
import logging
import math
import os
from collections.abc import Iterator
from typing import Any, Callable, Optional

import numpy as np
import tensorflow as tf

from base import checked_json
from base.files import atomic_write
from utility.model import averaging, checkpoints, model_directory
from utility.model.network import run_net
from utility.training.best_checkpoint import BestCheckpoint
from utility.training.estimators import training_input
from utility.training.evaluation import Evaluation
from utility.training.job import Job

_log = logging.getLogger(__name__)

v1 = tf.compat.v1

_FOLDER = "swa"
_RESULT = "swa.json"  # that the averaged model of this step has been measured and offered, and its NE
_RESULT_CONTENT = checked_json.fields({"step": checked_json.whole(0, 2**63)}, others=True)
_MOST_STEPS = 200  # batches for batch norm's statistics: their mean hardly moves any more


def finish(job: Job, evaluation: Optional[Evaluation] = None) -> None:
    """Writes the averaged model of a finished training, and makes it the best one if it is.

    Args:
        job: a `training.Job`.
        evaluation: its `Evaluation`; None: the averaged model is taken unseen.
    """
    last = model_directory.latest_checkpoint(job.model_dir)
    assert last, "a training has ended here"
    step = checkpoints.read_step(last)
    if _finished_step(job) == step:
        return
    epochs = math.floor(step / job.schedule.steps_per_epoch)
    if epochs < max(job.settings.swa_start_epoch or 1, 1):
        _log.warning("%s: ended before --swa_start_epoch, nothing to average", job.category)
        return
    prefix = os.path.join(job.model_dir, _FOLDER, f"{checkpoints.PREFIX}-{step}")
    if model_directory.latest_checkpoint(os.path.dirname(prefix)) != prefix:
        values = average_net(last, lambda: _batches(job), lambda images: _forward(job, images))
        checkpoints.write(prefix, {**values, "global_step": np.int64(step)})
    ne = _offer(job, evaluation, prefix, step)
    # Last: a kill before it has the model offered again.
    with atomic_write(os.path.join(job.model_dir, _FOLDER, _RESULT), encoding="utf-8") as file:
        json.dump({"step": step, "ne": ne}, file)


def _finished_step(job: Job) -> Optional[int]:
    try:
        return checked_json.read(os.path.join(job.model_dir, _FOLDER, _RESULT), _RESULT_CONTENT)["step"]
    except (FileNotFoundError, NotADirectoryError):
        return None


def _offer(job: Job, evaluation: Optional[Evaluation], prefix: str, step: int) -> Optional[float]:
    """Offers the averaged model to those that choose the best one; returns its NE, None without an evaluation."""
    if not evaluation:
        BestCheckpoint(job.model_dir).take(prefix)
        return None
    ne = evaluation.measure_apart(prefix, _FOLDER)
    best = evaluation.best
    known = "the best" if best.offer(prefix, step, ne) else f"best {best.ne:.4f} at step {best.step}"
    _log.info("%s: averaged weights NE %.4f on validation, %s", job.category, ne, known)
    return ne


def _batches(job: Job) -> tf.data.Dataset:
    """Returns one pass over the training photos, augmented as in training, of a limited number of batches."""
    batch_size, photos = job.settings.batch_size, sum(job.images.values())
    steps = min(_MOST_STEPS, max(1, photos // batch_size))
    local = {"batch_size": batch_size, "start_step": 0, "batches_per_step": 1, "workers": 1, "worker": 0}
    return training_input(job, **local)().take(steps)


def _forward(job: Job, images: tf.Tensor) -> Any:
    return run_net(images, job.model.with_net(bn_momentum=0.0), True, job.settings.data_format)


def average_net(
    checkpoint: str, batches: Callable[[], tf.data.Dataset], forward: Callable[[tf.Tensor], Any]
) -> dict[str, np.ndarray]:
    """Returns {variable name: array} of the averaged net, batch norm's statistics recomputed.

    Args:
        checkpoint: the prefix of a checkpoint of a training with SWA.
        batches: function() -> a finite dataset of (features, labels).
        forward: function(images) that builds the net in training, with a batch-norm momentum of 0.
    """
    reader = checkpoints.open_reader(checkpoint)
    with tf.Graph().as_default():
        features, _ = v1.data.make_one_shot_iterator(batches()).get_next()
        forward(features["image"])
        variables = averaging.net_variables()
        statistics = [variable for variable in variables if averaging.name_of(variable).endswith(averaging.STATISTICS)]
        update = tf.group(*v1.get_collection(v1.GraphKeys.UPDATE_OPS))
        values = {
            averaging.name_of(variable): reader.get_tensor(averaging.name_of(variable) + averaging.STOCHASTIC)
            for variable in variables
        }
        with v1.Session() as session:
            for variable in variables:
                variable.load(values[averaging.name_of(variable)], session)
            for variable, value in zip(statistics, _mean_statistics(session, update, statistics)):
                values[averaging.name_of(variable)] = value
    return values


def _mean_statistics(session: Any, update: tf.Operation, statistics: list[tf.Variable]) -> Iterator[np.ndarray]:
    """Averages the batches' own statistics; the variance of all is the mean variance and the variance of the means."""
    seen = []
    while True:
        try:
            session.run(update)  # with a momentum of 0 the moving statistics become the batch's
        except tf.errors.OutOfRangeError:
            break
        seen.append(
            {averaging.name_of(variable): value for variable, value in zip(statistics, session.run(statistics))}
        )
    for variable in statistics:
        name = averaging.name_of(variable)
        mean = np.mean([batch[name] for batch in seen], axis=0)
        if name.endswith("moving_variance"):
            means = name.replace("moving_variance", "moving_mean")
            mean = mean + np.var([batch[means] for batch in seen], axis=0)
        yield mean
