"""The Estimators of a training job, their input, and the run itself on one device, several, or several machines."""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable

import tensorflow as tf

from base.estimator_api import Estimator, EstimatorSpec, EvalSpec, RunConfig, TrainSpec, train_and_evaluate
from base.plain_paths import plain
from preprocessing.input.augmentation_options import AugmentationOptions
from preprocessing.input.input_fn import make_dataset
from utility.model import checkpoints, model_directory
from utility.training.distribution import MULTI_WORKER, read_cluster, session_config
from utility.training.job import Job
from utility.training.model_fn import model_fn
from utility.training.phase_start import PhaseStartHook


def run_training(job: Job, hooks: Sequence[Any], rate_factor: float) -> None:
    """Trains until the job's last step, or until a hook stops it.

    Args:
        job: a `training.Job`.
        hooks: session hooks of this process.
        rate_factor: factor of the learning rate.
    """
    total_steps = job.schedule.total_steps
    if job.phase and job.schedule.start_step:
        hooks = [*hooks, PhaseStartHook(job)]
    with checkpoints.warm_start(job.model_dir, job.model, job.settings) as start:
        config = RunConfig(train_distribute=job.distribution.strategy, **_config(job))
        folder = plain(_made(job.model_dir))
        estimator = Estimator(_as_written, folder, config, _params(job, rate_factor), start)
        if not job.distribution.is_cluster:
            estimator.train(training_input(job), hooks, max_steps=total_steps)
            return
        if job.distribution.index is None:
            # A parameter server waits outside Python, whose handlers of signals then do not run.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
        # In a cluster this starts the servers. The chief evaluates by a hook: the specification is never used.
        training = TrainSpec(training_input(job), total_steps, hooks)
        try:
            train_and_evaluate(estimator, training, EvalSpec(validation_input(job)))
        finally:
            _remove_own_folder(job.model_dir)


def _remove_own_folder(model_dir: str) -> None:
    """Removes what TensorFlow gives a worker that is not the chief to write its unused summaries to."""
    _, task = read_cluster()
    shutil.rmtree(os.path.join(model_dir, f"tmp_{task['type']}_{task['index']}"), ignore_errors=True)


def _made(folder: str) -> str:
    os.makedirs(folder, exist_ok=True)
    return folder


def _as_written(features: Any, labels: Any, mode: str, params: Mapping[str, Any]) -> EstimatorSpec:
    # Strategies have AutoGraph rewrite the model function; this one has nothing for it, and it takes a while.
    return tf.autograph.experimental.do_not_convert(model_fn)(features, labels, mode, params)


def evaluation_estimator(job: Job) -> Estimator:
    """Returns the Estimator that evaluates the job's checkpoints on this machine alone."""
    with _outside_the_cluster():
        folder = plain(_made(job.model_dir))
        return Estimator(model_fn, folder, RunConfig(**_config(job)), _params(job))


def training_input(job: Job, **changes: Any) -> Callable[..., tf.data.Dataset]:
    """Returns the input function of the training: this worker's part of every batch, from where the training stands.

    Args:
        job: a `training.Job`.
        **changes: arguments of `make_dataset` that differ.
    """
    distribution, settings = job.distribution, job.settings

    def input_fn(input_context: Any = None) -> tf.data.Dataset:
        mirrored = distribution.kind == MULTI_WORKER or distribution.num_replicas > 1
        arguments = {
            "training": True,
            "batch_size": settings.batch_size // distribution.num_replicas,
            "augmentation": AugmentationOptions.from_flags(settings.flags),
            "seed": settings.tf_random_seed,
            # A worker may be here before the chief has written the last checkpoint of the former phase.
            "start_step": max(global_step(job.model_dir), job.schedule.start_step)
            // (1 if mirrored else distribution.workers),
            "batches_per_step": distribution.num_replicas if mirrored else distribution.workers,
            "workers": distribution.workers,
            "worker": input_context.input_pipeline_id if input_context else distribution.index,
            "drop_remainder": True,
            **_inputs(job),
        }
        return make_dataset(**{**arguments, **changes})

    return input_fn


def validation_input(job: Job) -> Callable[[], tf.data.Dataset]:
    """Returns the input function of the evaluation: every validation photo once, whole."""
    batch_size = job.settings.eval_batch_size
    return lambda: make_dataset(training=False, validation=True, batch_size=batch_size, **_inputs(job))


def global_step(model_dir: str) -> int:
    """Returns the step of the last checkpoint, 0 where there is none."""
    checkpoint = model_directory.latest_checkpoint(model_dir)
    return checkpoints.read_step(checkpoint) if checkpoint else 0


def _inputs(job: Job) -> dict[str, Any]:
    return {
        "data_dir": job.settings.data_dir,
        "category": job.category,
        "image_size": job.settings.train_image_size,
        "box_margin": job.model.box_margin,
        "keep_aspect": job.model.keep_aspect,
        "num_preprocessing_threads": job.settings.num_preprocessing_threads,
    }


def _params(job: Job, rate_factor: float = 1.0) -> dict[str, Any]:
    given = {"settings": job.settings, "schedule": job.schedule, "rate_factor": rate_factor}
    given |= {"phase": job.phase, "clusters": job.clusters}
    return {"model": job.model, "data_format": job.settings.data_format, **given}


def _config(job: Job) -> dict[str, Any]:
    return {
        "tf_random_seed": job.settings.tf_random_seed,
        "session_config": session_config(job.settings, job.distribution),
        "save_summary_steps": job.settings.save_summary_steps,
        "save_checkpoints_steps": None,  # hooks.SaveHook saves
        "save_checkpoints_secs": None,
        "keep_checkpoint_max": 2,
        "log_step_count_steps": None,
        "checkpoint_save_graph_def": False,
    }


@contextlib.contextmanager
def _outside_the_cluster() -> Iterator[None]:
    """Hides TF_CONFIG, which every RunConfig reads when it is made."""
    cluster = os.environ.pop("TF_CONFIG", None)
    try:
        yield
    finally:
        if cluster is not None:
            os.environ["TF_CONFIG"] = cluster
