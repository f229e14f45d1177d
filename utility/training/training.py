"""The training of one model after the other: where it starts, how it goes on, what comes out."""

import contextlib
import os
import re
import sys
from typing import Any, NamedTuple

import tensorflow as tf

from base import full_disk
from base.errors import DataError, UsageError
from base.files import exclusive_folder
from preprocessing.data import manifest
from preprocessing.data.manifest import naming_damage
from utility.model import checkpoints, codec, model_directory
from utility.training import optimization, rollbacks, shared_folder, stochastic_averaging, training_plan
from utility.training.distribution import distribute
from utility.training.estimators import evaluation_estimator, global_step, run_training, validation_input
from utility.training.evaluation import Evaluation
from utility.training.hooks import HeaderHook, ProgressHook, SaveHook, Stop, StopTrainingHook
from utility.training.pictures import PicturesHook


class Job(NamedTuple):
    """The training of one model.

    Attributes:
        category: a clothing category or `all`.
        model_dir: the model's own folder.
        settings: every flag of the training program by name, with the category's own values.
        model: the model's description (`model_directory.read`).
        images: {category: photos to train on}.
        num_validation: photos to evaluate on, 0 for no evaluation.
        schedule: {steps_per_epoch, total_steps, steps_per_eval}.
        distribution: a `distribution.Distribution`.
    """

    category: str
    model_dir: str
    settings: dict
    model: dict
    images: dict
    num_validation: int
    schedule: dict
    distribution: Any


def train_all(settings, net, net_options):
    """Trains the models that the settings name, one after the other; a finished one is passed over.

    Args:
        settings: every flag of the training program, by name.
        net: a name of the registry.
        net_options: the net's options that differ from the registry's defaults.

    Raises:
        DataError: records, a checkpoint or the machine are wrong; also a loss that is not finite.
        UsageError: the flags contradict each other, or the environment.
    """
    distribution = distribute(settings)
    if distribution.is_cluster and settings["on_nan"] == "rollback":
        # Every process would have to leave the step under way and start anew, which TensorFlow's servers cannot.
        raise UsageError("--on_nan=rollback works on one machine: expected --on_nan=stop with TF_CONFIG")
    with shared_folder.shared(settings["model_dir"], distribution):
        for category, own_settings in training_plan.models(settings):
            train(plan_job(category, own_settings, net, net_options, distribution))


def plan_job(category, settings, net, net_options, distribution):
    """Returns the `Job` of a category from the flags (arguments as for `train_all`)."""
    model_dir = os.path.join(settings["model_dir"], category)
    start = model_dir if model_directory.latest_checkpoint(model_dir) else settings["checkpoint_path"]
    images, validation = training_plan.count_images(settings["data_dir"], category)
    return Job(
        category,
        model_dir,
        settings,
        training_plan.describe(category, settings, net, net_options, start, manifest.schema_of(settings["data_dir"])),
        images,
        0 if settings["val_fraction"] == 0 else sum(validation.values()),
        training_plan.schedule(settings, sum(images.values())),
        distribution,
    )


def train(job):
    """Trains one model into its folder, or goes on with it where an earlier call stopped.

    Returns:
        {"ne": best normalised error or None without validation, "checkpoint": prefix of the model's checkpoint};
        None in a worker that is not the chief.
    """
    if not job.distribution.is_chief:
        factor = rollbacks.rate_factor(job.model_dir)
        with _naming_fault(job, None, factor):
            run_training(job, [], factor)
        return None
    stop, records = Stop(), naming_damage(job.settings["data_dir"], job.category)
    with exclusive_folder(job.model_dir), stop.signals(), full_disk.naming(job.model_dir), records:
        checkpoints.remove_left_over(job.model_dir)
        model_directory.check_kept(job.model_dir)
        model_directory.claim(job.model_dir, job.model, training_plan.binding(job.settings, job.images))
        evaluation = None
        if job.num_validation:
            estimator, patience = evaluation_estimator(job), job.settings["early_stopping"]
            evaluation = Evaluation(estimator, job.model_dir, job.model, validation_input(job), patience, stop)
        if not _is_finished(job, evaluation):
            _train_until_finite(job, evaluation, stop)
        if job.settings["swa_start_epoch"] is not None:
            stochastic_averaging.finish(job, evaluation)
        stop.leave_if_asked()  # after the last step nobody else looks, and the next category would begin
    best = evaluation.best if evaluation else None
    checkpoint = model_directory.checkpoint(job.model_dir)
    result = f"best NE {best.ne:.4f} ({100 * best.ne:.2f} %) at step {best.step}" if best else "no validation"
    print(f"{job.category}: {result}, model {checkpoint}", flush=True)
    return {"ne": best.ne if best else None, "checkpoint": checkpoint}


def _is_finished(job, evaluation):
    """Makes up for an evaluation that a kill has cut off, and returns whether there is nothing left to train."""
    checkpoint = model_directory.latest_checkpoint(job.model_dir)
    if not checkpoint:
        return False
    checkpoints.check(checkpoint)
    step, total = checkpoints.read_step(checkpoint), job.schedule["total_steps"]
    is_due = step > 0 and (step >= total or step % job.schedule["steps_per_eval"] == 0)
    if evaluation and is_due and evaluation.is_missing(checkpoint):
        evaluation(checkpoint)
    return step >= total or bool(evaluation and evaluation.should_stop())


def _train_until_finite(job, evaluation, stop):
    """Runs the training; where the loss is not finite, goes back with half the learning rate, if that is wanted."""
    while True:
        factor = rollbacks.rate_factor(job.model_dir)
        progress = ProgressHook(job.category, job.schedule["total_steps"], job.settings["batch_size"])
        save = SaveHook(
            os.path.join(job.model_dir, checkpoints.PREFIX),
            job.schedule["steps_per_eval"],
            job.schedule["total_steps"],
            60 * job.settings["save_minutes"],
            evaluation,
        )
        header = HeaderHook(lambda parameters: _header(job, parameters))
        pictures = PicturesHook(job.model_dir, job.model, job.schedule["steps_per_eval"])
        try:
            with contextlib.closing(progress), _naming_fault(job, progress, factor):
                run_training(job, [header, progress, pictures, StopTrainingHook(stop), save], factor)
            stop.leave_if_asked()
            return
        except _NotFinite as error:
            if job.settings["on_nan"] != "rollback" or not rollbacks.add(job.model_dir, factor):
                raise
            good = model_directory.latest_checkpoint(job.model_dir)
            print(f"{job.category}: {error.short}; back to {good} with half the rate", file=sys.stderr, flush=True)


class _NotFinite(DataError):
    """A loss or a gradient was not finite; `short` says so without advice."""

    def __init__(self, job, step, rate, fault):
        good = model_directory.latest_checkpoint(job.model_dir)
        self.short = f"step {step}: {fault} at learning rate {rate:.3g}"
        advice = "a smaller --learning_rate, --clip_gradients, or --on_nan=rollback (on one machine) would help"
        what = f"{fault} at learning rate {rate:.3g}; the last good checkpoint is {good}: {advice}"
        super().__init__(job.model_dir, f"step {step}", what)


@contextlib.contextmanager
def _naming_fault(job, progress, factor):
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
        settings = {**job.settings, **job.schedule, "rate_factor": factor}
        rate = optimization.learning_rate(tf.constant(done), settings, job.schedule["steps_per_epoch"])
        raise _NotFinite(job, done + 1, float(rate), fault[0]) from error


def _header(job, parameters):
    model, settings, schedule = job.model, job.settings, job.schedule
    options = " ".join(f"{name}={value}" for name, value in model["net_options"].items())
    photos = ", ".join(f"{name} {count}" for name, count in job.images.items())
    checkpoint = model_directory.latest_checkpoint(job.model_dir)
    if checkpoint:
        start = f"goes on from {checkpoint}"
    elif settings["checkpoint_path"]:
        start = f"starts from {settings['checkpoint_path']}"
    else:
        start = "starts from random weights"
    return [
        f"{job.category}: {model['net']} {options}",
        f"  {parameters:,} parameters, {len(model['keypoints'])} keypoints, input {model['train_image_size']} px, "
        f"{codec.of(model).summary()}",
        f"  photos: {photos}; validation {job.num_validation or 'none'}",
        f"  {schedule['total_steps']} steps of {settings['batch_size']} photos ({settings['train_epochs']:g} epochs), "
        f"an evaluation every {schedule['steps_per_eval']}",
        f"  {settings['optimizer']}, rate {settings['learning_rate']:g} {settings['schedule']}, "
        f"weight decay {settings['weight_decay']:g}, seed {settings['tf_random_seed']}",
        f"  {start}, on {_devices(job)}",
    ]


def _devices(job):
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    each = f"{job.distribution.num_devices} {kind}" if job.distribution.num_devices > 1 else kind
    workers = f", {job.distribution.workers} workers" if job.distribution.workers > 1 else ""
    return f"{each}{workers} ({job.distribution.kind} distribution)" if job.distribution.kind != "none" else each
