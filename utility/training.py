"""The training of one model after the other: estimators, checkpoints, evaluation, resuming."""

import math
import os
import sys

import tensorflow as tf

from configs.errors import DataError
from configs.flag_table import GROUPS
from configs.keypoints import ALL, CATEGORIES, keypoint_names
from net import registry
from preprocessing import records
from preprocessing.files import exclusive
from preprocessing.input_fn import make_dataset
from utility import checkpoints, model_directory
from utility.best_checkpoint import BestCheckpoint
from utility.hooks import ProgressHook, StopHook
from utility.model_fn import model_fn


def train_all(settings, net, net_options):
    """Trains the models that the settings name, one after the other; a finished one is passed over.

    Args:
        settings: every flag of the training program, by name.
        net: a name of the registry.
        net_options: the net's options that differ from the registry's defaults.

    Raises:
        DataError: records, a checkpoint or the machine are wrong; also a loss that is not finite.
    """
    for category, changes in _plan(settings):
        train(category, {**settings, **changes}, net, net_options)


def _plan(settings):
    """Returns [(category, settings that differ)]: with seq_train `all` comes first, and the others start from it."""
    categories = settings["model_to_train"]
    if not settings["seq_train"]:
        return [(category, {}) for category in categories]
    first = (ALL, {"train_epochs": settings["seq_train_epochs"]})
    start = {"checkpoint_path": os.path.join(settings["model_dir"], ALL)}
    return [first] + [(category, start) for category in categories if category != ALL]


def train(category, settings, net, net_options):
    """Trains one model into `model_dir/<category>`, or goes on with it where an earlier call stopped.

    Returns:
        {"ne": best normalized error or None without validation, "checkpoint": prefix of the model's checkpoint}.
    """
    data_dir, model_dir = settings["data_dir"], os.path.join(settings["model_dir"], category)
    start = model_dir if tf.train.latest_checkpoint(model_dir) else settings["checkpoint_path"]
    model = describe(category, settings, net, net_options, start)
    with exclusive(model_dir):
        images = count_images(data_dir, category)
        validation = settings["val_fraction"] != 0 and sum(count_images(data_dir, category, True).values())
        schedule = _schedule(settings, sum(images.values()))
        model_directory.claim(model_dir, model)
        params = {
            "model": model,
            "data_format": settings["data_format"],
            "training": {**_training(settings), **schedule},
        }
        _print_header(model, settings, schedule, images, validation)
        stop = StopHook()
        best = BestCheckpoint(model_dir)
        with stop.signals(), checkpoints.warm_start(model_dir, model, settings) as start:
            config = _run_config(settings, schedule)
            estimator = tf.estimator.Estimator(model_fn, model_dir, config, params, warm_start_from=start)
            _run(
                estimator,
                category,
                settings,
                schedule,
                validation,
                best,
                [stop, ProgressHook(schedule, category, settings["batch_size"])],
            )
        stop.exit_if_asked()
    checkpoint = model_directory.checkpoint(model_dir, prefer_best=bool(validation))
    result = f"best NE {best.ne:.4f} ({100 * best.ne:.2f} %)" if validation else "no validation"
    print(f"{category}: {result}, model {checkpoint}", flush=True)
    return {"ne": best.ne if validation else None, "checkpoint": checkpoint}


def describe(category, settings, net, net_options, start=None):
    """Returns the description (`model_directory.read`) of the model that the settings ask for.

    What was not asked for is taken over from the checkpoint `start`, whose weights are used to it.
    """
    inherited = checkpoints.inherited(start, net)
    options = {name: value for name, value in inherited["net_options"].items() if name not in settings["given"]}
    return {
        "net": net,
        "net_options": {**registry.get_net(net).options, **net_options, **options},
        "category": category,
        "keypoints": list(keypoint_names(category)),
        "train_image_size": settings["train_image_size"],
        "heatmap_size": settings["heatmap_size"],
        "heatmap_sigma": settings["heatmap_sigma"],
        "target_scale": settings["target_scale"],
        "normalisation": inherited["normalisation"],
        "decode": settings["decode"] or "dark",
    }


def count_images(data_dir, category, validation=False):
    """Returns {category: number of records} of the training, or the validation, of a model.

    Raises:
        DataError: a training without records.
    """
    names = CATEGORIES if category == ALL else (category,)
    counts = {name: records.count_records(records.list_shards(data_dir, name, validation)) for name in names}
    if not validation and not any(counts.values()):
        raise DataError(data_dir, None, f"has no training records of {category}: convert the photos first")
    return counts


def _training(settings):
    return {flag.name: settings[flag.name] for flag in GROUPS["training"]}


def _schedule(settings, num_images):
    steps_per_epoch = num_images / settings["batch_size"]
    total_steps = max(1, round(settings["train_epochs"] * steps_per_epoch))
    total_steps = min(total_steps, settings["max_steps"] or total_steps)
    return {
        "steps_per_epoch": steps_per_epoch,
        "total_steps": total_steps,
        "steps_per_eval": max(1, min(total_steps, math.ceil(settings["epochs_per_eval"] * steps_per_epoch))),
    }


def _run_config(settings, schedule):
    return tf.estimator.RunConfig(
        tf_random_seed=settings["tf_random_seed"],
        save_checkpoints_steps=schedule["steps_per_eval"],
        save_summary_steps=settings["save_summary_steps"],
        keep_checkpoint_max=2,
        log_step_count_steps=None,
    )


def _run(estimator, category, settings, schedule, validation, best, hooks):
    inputs = {
        "data_dir": settings["data_dir"],
        "category": category,
        "image_size": settings["train_image_size"],
        "num_readers": settings["num_readers"],
        "num_preprocessing_threads": settings["num_preprocessing_threads"],
    }

    def train_input():
        return make_dataset(
            training=True,
            batch_size=settings["batch_size"],
            augmentation={},
            seed=settings["tf_random_seed"],
            start_step=_global_step(estimator),
            drop_remainder=True,
            **inputs,
        )

    def validation_input():
        return make_dataset(training=False, validation=True, batch_size=settings["eval_batch_size"], **inputs)

    if not validation:
        estimator.train(train_input, hooks, max_steps=schedule["total_steps"])
        return
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(train_input, schedule["total_steps"], hooks),
        tf.estimator.EvalSpec(validation_input, steps=None, exporters=best, start_delay_secs=0, throttle_secs=0),
    )


def _global_step(estimator):
    checkpoint = estimator.latest_checkpoint()
    return int(tf.train.load_variable(checkpoint, "global_step")) if checkpoint else 0


def _print_header(model, settings, schedule, images, validation):
    net = model["net"] + "".join(f" {key}={value}" for key, value in model["net_options"].items())
    lines = [
        f"{model['category']}: {net}",
        f"  {len(model['keypoints'])} keypoints, input {model['train_image_size']} px, "
        f"maps {model['heatmap_size']} cells, sigma {model['heatmap_sigma']}",
        f"  photos: {', '.join(f'{name} {count}' for name, count in images.items())}; validation {validation or 'none'}",
        f"  {schedule['total_steps']} steps of {settings['batch_size']}, {settings['optimizer']} "
        f"{settings['learning_rate']:g} {settings['schedule']}, on {_device()}",
    ]
    print("\n".join(lines), file=sys.stderr, flush=True)


def _device():
    gpus = tf.config.list_physical_devices("GPU")
    return f"{len(gpus)} GPU" if gpus else "CPU"
