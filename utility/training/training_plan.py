"""What a training shall do, worked out from its settings before anything runs: models, descriptions, photos."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from base import schema as schemas
from base.errors import DataError, UsageError
from base.options import rows
from base.schema import ALL, Schema
from net import registry
from preprocessing.data import manifest
from preprocessing.input.augmentation_options import AugmentationOptions
from utility.model import checkpoints, codec
from utility.model.description import ModelDescription
from utility.training import per_category
from utility.training.settings import TrainingSettings

# Settings that may differ when a training resumes: what is trained beside it, where it started from, how long, how
# watched and by which machines it runs.
_FREE = {
    "model_to_train",
    "seq_train",
    "seq_train_epochs",
    "checkpoint_path",
    "checkpoint_model_scope",
    "model_scope",
    "checkpoint_exclude_scopes",
    "ignore_missing_vars",
    "distribution",
    "num_devices",
    "num_readers",
    "num_preprocessing_threads",
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


def models(settings: TrainingSettings) -> list[tuple[str, TrainingSettings]]:
    """Returns [(category, settings of its model)], in the order of training.

    With seq_train `all` comes first, and each category starts from it. A category's own epochs and learning rate take
    the place of the common ones.

    Raises:
        UsageError: a category that the records' schema has not.
        DataError: the records' manifest is wrong.
    """
    schema = manifest.schema_of(settings.data_dir)
    categories = settings.model_to_train or schema.category_names
    own_flags = {
        "category_epochs": per_category.parse("category_epochs", settings.category_epochs),
        "category_learning_rates": per_category.parse("category_learning_rates", settings.category_learning_rates),
    }
    for flag, named in {"model_to_train": categories, **own_flags}.items():
        for category in named:
            if category not in (*schema.category_names, ALL):
                expected = f"expected categories of the records' schema, {', '.join(schema.category_names)}, or {ALL}"
                raise UsageError(f"--{flag}: {expected}; got {category}")
    if settings.seq_train:
        start = {"checkpoint_path": os.path.join(settings.model_dir, ALL)}
        plan: list[tuple[str, dict[str, Any]]] = [(ALL, {"train_epochs": settings.seq_train_epochs})]
        plan += [(category, start) for category in categories if category != ALL]
    else:
        plan = [(category, {}) for category in categories]
    return [
        (category, dataclasses.replace(settings, **{**changes, **_own(category, *own_flags.values())}))
        for category, changes in plan
    ]


def _own(category: str, epochs: Mapping[str, float], rates: Mapping[str, float]) -> dict[str, Any]:
    own = {"train_epochs": epochs.get(category), "learning_rate": rates.get(category)}
    return {name: value for name, value in own.items() if value is not None}


def describe(
    category: str,
    settings: TrainingSettings,
    net: str,
    net_options: Mapping[str, Any],
    start: Optional[str] = None,
    schema: Optional[Schema] = None,
) -> ModelDescription:
    """Returns the description of the model that the settings ask for.

    What was not asked for is taken over from the checkpoint `start`, whose weights are used to it. `schema` is that of
    the records; FashionAI's where not given.
    """
    schema = schema or schemas.default()
    inherited, normalisation = checkpoints.inherited(start, net)
    options = {name: value for name, value in inherited.items() if name not in settings.given}
    own_codec = registry.get_net(net).codec
    return ModelDescription(
        net,
        registry.complete(net, {**net_options, **options}),
        category,
        schema,
        schema.keypoint_names(category),
        settings.train_image_size,
        normalisation,
        own_codec,
        _codec_settings(own_codec, settings),
        settings.box_margin or 0.0,
        registry.get_net(net).keep_aspect,
    )


def _codec_settings(name: str, settings: TrainingSettings) -> dict[str, Any]:
    """Returns what a model's description says of its codec."""
    own = {row.name: settings.flags.get(row.name, row.default) for row in codec.find(name).setting_rows}
    if "decode" in own:
        own["decode"] = own["decode"] or "dark"
    return own


def count_images(data_dir: str, category: str) -> tuple[dict[str, int], dict[str, int]]:
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


def binding(settings: TrainingSettings, images: Mapping[str, int], phase_ends: Sequence[int] = ()) -> dict[str, Any]:
    """Returns what must stay the same when a training resumes in its folder: settings by name, photos, phases' ends."""
    own = {row.name: getattr(settings, row.name) for row in rows(TrainingSettings) if row.name not in _FREE}
    augmentation = {name: settings.flags[name] for name in _augmentation_defaults()}
    phases = {"phase_ends": list(phase_ends)} if len(phase_ends) > 1 else {}
    return {**own, **augmentation, "images": images, **phases}


def binding_defaults() -> dict[str, Any]:
    """Returns the defaults of the settings of `binding`."""
    own = {row.name: row.default for row in rows(TrainingSettings) if row.name not in _FREE}
    return {**own, **_augmentation_defaults()}


def _augmentation_defaults() -> dict[str, Any]:
    return {"augment": True, **{row.name: row.default for row in rows(AugmentationOptions)}}
