"""The training of one model after the other: where it starts, how it goes on, what comes out."""

import contextlib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

import tensorflow as tf

from base import files, full_disk
from base.errors import DataError, UsageError
from base.files import exclusive_folder
from base.remote import places
from preprocessing.data import manifest
from preprocessing.data.manifest import naming_damage
from utility.model import checkpoints, codec, model_directory
from utility.training import (
    clustering,
    optimization,
    phases,
    rollbacks,
    shared_folder,
    stochastic_averaging,
    training_plan,
)
from utility.training.distribution import Distribution, distribute
from utility.training.estimators import evaluation_estimator, global_step, run_training, validation_input
from utility.training.evaluation import Evaluation
from utility.training.hooks import HeaderHook, ProgressHook, SaveHook, Stop, StopTrainingHook
from utility.training.job import Job
from utility.training.pictures import PicturesHook
from utility.training.schedule import schedule
from utility.training.settings import TrainingSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What a training came to.

    Attributes:
        ne: the best normalised error on validation, a fraction; None without validation.
        checkpoint: the prefix of the model's checkpoint.
    """

    ne: Optional[float]
    checkpoint: str


def train_all(settings: TrainingSettings, net: str, net_options: Mapping[str, Any]) -> None:
    """Trains the models that the settings name, one after the other; a finished one is passed over.

    Args:
        settings: the TrainingSettings.
        net: a name of the registry.
        net_options: the net's options that differ from the registry's defaults.

    Raises:
        DataError: records, a checkpoint or the machine are wrong; also a loss that is not finite.
        UsageError: the flags contradict each other, or the environment.
    """
    distribution = distribute(settings)
    if distribution.is_cluster and settings.on_nan == "rollback":
        # Every process would have to leave the step under way and start anew, which TensorFlow's servers cannot.
        raise UsageError("--on_nan=rollback works on one machine: expected --on_nan=stop with TF_CONFIG")
    if distribution.is_cluster and settings.seq_train and places.mirror_of(settings.model_dir):
        # A worker could fetch `all` before the chief has sent it.
        raise UsageError(
            "--seq_train of several machines needs a folder that they share: expected no URL in --model_dir"
        )
    with shared_folder.shared(settings.model_dir, distribution):
        for category, own_settings in training_plan.models(settings):
            if not distribution.is_chief:
                files.receive(settings.model_dir)
            train(plan_job(category, own_settings, net, net_options, distribution))


def plan_job(
    category: str, settings: TrainingSettings, net: str, net_options: Mapping[str, Any], distribution: Distribution
) -> Job:
    """Returns the `Job` of a category (arguments as for `train_all`)."""
    model_dir = os.path.join(settings.model_dir, category)
    start = model_dir if model_directory.latest_checkpoint(model_dir) else settings.checkpoint_path
    images, validation = training_plan.count_images(settings.data_dir, category)
    return Job(
        category,
        model_dir,
        settings,
        training_plan.describe(category, settings, net, net_options, start, manifest.schema_of(settings.data_dir)),
        images,
        0 if settings.val_fraction == 0 else sum(validation.values()),
        schedule(settings, sum(images.values())),
        distribution,
    )


def train(job: Job) -> Optional[Result]:
    """Trains one model into its folder, or goes on with it where an earlier call stopped.

    Returns:
        The Result; None in a worker that is not the chief.
    """
    parts = phases.parts(job)
    if not job.distribution.is_chief:
        for part in map(clustering.prepared, parts):
            factor = rollbacks.rate_factor(job.model_dir)
            with _naming_fault(part, None, factor):
                run_training(part, [], factor)
        return None
    stop, records = Stop(), naming_damage(job.settings.data_dir, job.category)
    with exclusive_folder(job.model_dir), stop.signals(), full_disk.naming(job.model_dir), records:
        kept = model_directory.kept(job.model_dir)
        binding = training_plan.binding(job.settings, job.images, [part.schedule.total_steps for part in parts])
        model_directory.claim(job.model_dir, job.model, binding, training_plan.binding_defaults())
        checkpoints.remove_left_over(job.model_dir, kept)
        evaluation = None
        for part in parts:
            if part is not parts[-1] and global_step(job.model_dir) > part.schedule.total_steps:
                continue
            part = clustering.prepared(part)
            evaluation = _evaluation(part, stop)
            if not _is_finished(part, evaluation):
                _train_until_finite(part, evaluation, stop)
        if job.settings.swa_start_epoch is not None:
            stochastic_averaging.finish(job, evaluation)
        stop.leave_if_asked()  # after the last step nobody else looks, and the next category would begin
    best = evaluation.best if evaluation else None
    checkpoint = model_directory.checkpoint(job.model_dir)
    result = f"best NE {best.ne:.4f} ({100 * best.ne:.2f} %) at step {best.step}" if best else "no validation"
    _log.info("%s: %s, model %s", job.category, result, checkpoint)
    return Result(best.ne if best else None, checkpoint)


def _evaluation(job: Job, stop: Stop) -> Optional[Evaluation]:
    """Returns the Evaluation of a training, or of a part of one; None without validation photos."""
    if not job.num_validation:
        return None
    estimator, patience, since = evaluation_estimator(job), job.settings.early_stopping, job.schedule.start_step
    return Evaluation(estimator, job.model_dir, job.model, validation_input(job), patience, stop, since)


def _is_finished(job: Job, evaluation: Optional[Evaluation]) -> bool:
    """Makes up for an evaluation that a kill has cut off, and returns whether there is nothing left to train."""
    checkpoint = model_directory.latest_checkpoint(job.model_dir)
    if not checkpoint:
        return False
    checkpoints.check(checkpoint)
    step, total = checkpoints.read_step(checkpoint), job.schedule.total_steps
    is_due = step > job.schedule.start_step and (step >= total or step % job.schedule.steps_per_eval == 0)
    if evaluation and is_due and evaluation.is_missing(checkpoint):
        evaluation(checkpoint)
    return step >= total or bool(evaluation and evaluation.should_stop())


def _train_until_finite(job: Job, evaluation: Optional[Evaluation], stop: Stop) -> None:
    """Runs the training; where the loss is not finite, goes back with half the learning rate, if that is wanted."""
    while True:
        factor = rollbacks.rate_factor(job.model_dir)
        progress = ProgressHook(job.category, job.schedule.total_steps, job.settings.batch_size)
        save = SaveHook(
            os.path.join(job.model_dir, checkpoints.PREFIX),
            job.schedule.steps_per_eval,
            job.schedule.total_steps,
            60 * job.settings.save_minutes,
            evaluation,
        )
        header = HeaderHook(lambda parameters: _header(job, parameters))
        pictures = PicturesHook(job.model_dir, job.model, job.schedule.steps_per_eval)
        try:
            with contextlib.closing(progress), _naming_fault(job, progress, factor):
                run_training(job, [header, progress, pictures, StopTrainingHook(stop), save], factor)
            stop.leave_if_asked()
            return
        except _NotFinite as error:
            if job.settings.on_nan != "rollback" or not rollbacks.add(job.model_dir, factor):
                raise
            good = model_directory.latest_checkpoint(job.model_dir)
            _log.warning("%s: %s; back to %s with half the learning rate", job.category, error.short, good)


class _NotFinite(DataError):
    """A loss or a gradient was not finite; `short` says so without advice."""

    def __init__(self, job: Job, step: int, rate: float, fault: str) -> None:
        good = model_directory.latest_checkpoint(job.model_dir)
        self.short = f"step {step}: {fault} at learning rate {rate:.3g}"
        advice = "a smaller --learning_rate, --clip_gradients, or --on_nan=rollback (on one machine) would help"
        what = f"{fault} at learning rate {rate:.3g}; the last good checkpoint is {good}: {advice}"
        super().__init__(job.model_dir, f"step {step}", what)


@contextlib.contextmanager
def _naming_fault(job: Job, progress: Optional[ProgressHook], factor: float) -> Iterator[None]:
    """Turns the failure of a step into a `_NotFinite` that names the step and its learning rate.

    Args:
        job: a `Job`.
        progress: the training's ProgressHook; None in a worker, which counts from the checkpoint.
        factor: of the learning rate.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        fault = re.search(r"the (loss|gradient of \S+) is not finite", error.message)
        if not fault:
            raise
        done = progress.step if progress and progress.step is not None else global_step(job.model_dir)
        rate = optimization.learning_rate(tf.constant(done), job.settings, job.schedule, factor)
        raise _NotFinite(job, done + 1, float(rate), fault[0]) from error


def _header(job: Job, parameters: int) -> list[str]:
    model, settings, length = job.model, job.settings, job.schedule
    options = " ".join(f"{name}={value}" for name, value in model.net_options.items())
    photos = ", ".join(f"{name} {count}" for name, count in job.images.items())
    epochs = length.total_steps / length.steps_per_epoch
    checkpoint = model_directory.latest_checkpoint(job.model_dir)
    if checkpoint:
        start = f"goes on from {checkpoint}"
    elif settings.checkpoint_path:
        start = f"starts from {settings.checkpoint_path}"
    else:
        start = "starts from random weights"
    return [
        f"{job.category}: {model.net} {options}",
        f"  {parameters:,} parameters, {len(model.keypoints)} keypoints, input {model.train_image_size} px, "
        f"{codec.of(model).summary()}",
        f"  photos: {photos}; validation {job.num_validation or 'none'}",
        f"  {length.total_steps} steps of {settings.batch_size} photos ({round(epochs, 2):g} epochs), "
        f"an evaluation every {length.steps_per_eval}",
        f"  {settings.optimizer}, rate {settings.learning_rate:g} {settings.schedule}, "
        f"weight decay {settings.weight_decay:g}, seed {settings.tf_random_seed}",
        f"  {start}, on {_devices(job)}",
    ]


def _devices(job: Job) -> str:
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    each = f"{job.distribution.num_devices} {kind}" if job.distribution.num_devices > 1 else kind
    workers = f", {job.distribution.workers} workers" if job.distribution.workers > 1 else ""
    return f"{each}{workers} ({job.distribution.kind} distribution)" if job.distribution.kind != "none" else each
