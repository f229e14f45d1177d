"""What a training shall do, worked out from the flags before anything runs: models, descriptions, numbers of steps."""

import math
import os

from base import schema as schemas
from base.errors import DataError, UsageError
from base.schema import ALL
from configs import per_category
from configs.flag_table import GROUPS
from net import registry
from preprocessing.data import manifest
from utility.model import checkpoints, codec

# Settings that may differ when a training goes on: they decide how long, how watched and by which machine it runs.
_FREE = {
    "train_epochs",
    "max_steps",
    "epochs_per_eval",
    "category_epochs",
    "category_learning_rates",  # the learning rate that they set is compared
    "eval_batch_size",
    "early_stopping",
    "on_nan",
    "val_fraction",
    "save_summary_steps",
    "save_minutes",
    "xla",
}


def models(settings):
    """Returns [(category, settings of its model)], in the order of training.

    With seq_train `all` comes first, and each category starts from it. A category's own epochs and learning rate take
    the place of the common ones.

    Raises:
        UsageError: a category that the records' schema has not.
        DataError: the records' manifest is wrong.
    """
    schema = manifest.schema_of(settings["data_dir"])
    categories = settings["model_to_train"] or schema.category_names
    own_flags = {
        "category_epochs": per_category.parse("category_epochs", settings["category_epochs"]),
        "category_learning_rates": per_category.parse("category_learning_rates", settings["category_learning_rates"]),
    }
    for flag, named in {"model_to_train": categories, **own_flags}.items():
        for category in named:
            if category not in (*schema.category_names, ALL):
                expected = f"expected categories of the records' schema, {', '.join(schema.category_names)}, or {ALL}"
                raise UsageError(f"--{flag}: {expected}; got {category}")
    if settings["seq_train"]:
        start = {"checkpoint_path": os.path.join(settings["model_dir"], ALL)}
        plan = [(ALL, {"train_epochs": settings["seq_train_epochs"]})]
        plan += [(category, start) for category in categories if category != ALL]
    else:
        plan = [(category, {}) for category in categories]
    return [(category, {**settings, **changes, **_own(category, *own_flags.values())}) for category, changes in plan]


def _own(category, epochs, rates):
    own = {"train_epochs": epochs.get(category), "learning_rate": rates.get(category)}
    return {name: value for name, value in own.items() if value is not None}


def describe(category, settings, net, net_options, start=None, schema=None):
    """Returns the description (`model_directory.read`) of the model that the settings ask for.

    What was not asked for is taken over from the checkpoint `start`, whose weights are used to it. `schema` is that of
    the records; FashionAI's where not given.
    """
    schema = schema or schemas.default()
    inherited = checkpoints.inherited(start, net)
    options = {name: value for name, value in inherited["net_options"].items() if name not in settings["given"]}
    return {
        "net": net,
        "net_options": {**registry.get_net(net).options, **net_options, **options},
        "category": category,
        "schema": schema,
        "keypoints": list(schema.keypoint_names(category)),
        "train_image_size": settings["train_image_size"],
        "normalisation": inherited["normalisation"],
        **_codec_settings(registry.get_net(net).codec, settings),
    }


def _codec_settings(name, settings):
    """Returns what a model's description says of its codec."""
    own = {setting: settings[setting] for setting in codec.find(name).setting_names}
    if "decode" in own:
        own["decode"] = own["decode"] or "dark"
    return {"codec": name, **own}


def count_images(data_dir, category):
    """Returns {category: number of records} of the training of a model, and the same of its validation.

    Raises:
        DataError, DataErrors: a training without records, or records that are missing, cut or of another kind.
    """
    names = manifest.schema_of(data_dir).category_names if category == ALL else (category,)
    counts = manifest.verify(data_dir, names)
    training, validation = ({name: count[half] for name, count in counts.items()} for half in (0, 1))
    if not any(training.values()):
        raise DataError(data_dir, None, f"has no training records of {category}: convert the photos first")
    return training, validation


def training_settings(settings):
    """Returns the flags that the training of a model depends on, by name: those of the group `training`."""
    return {flag.name: settings[flag.name] for flag in (*GROUPS["training"], *GROUPS["augmentation"])}


def binding(settings, images):
    """Returns what must stay the same when a training goes on in its folder: settings by name, and the photos."""
    kept = {name: value for name, value in training_settings(settings).items() if name not in _FREE}
    return {**kept, "images": images}


def schedule(settings, num_images):
    """Returns {steps_per_epoch (a float), total_steps, steps_per_eval}."""
    steps_per_epoch = num_images / settings["batch_size"]
    total_steps = max(1, round(settings["train_epochs"] * steps_per_epoch))
    total_steps = min(total_steps, settings["max_steps"] or total_steps)
    steps_per_eval = max(1, math.ceil(settings["epochs_per_eval"] * steps_per_epoch))
    return {"steps_per_epoch": steps_per_epoch, "total_steps": total_steps, "steps_per_eval": steps_per_eval}
