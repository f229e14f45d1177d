"""A trained model's folder: `model.json` says which net, category, sizes and codec made the checkpoints beside it.

MODELS/skirt/model.json            the description
MODELS/skirt/checkpoint, model.ckpt-N.*   the last checkpoints
MODELS/skirt/best/                 the checkpoint of lowest validation error, when there was a validation
"""

import dataclasses
import json
import os
import re
from collections.abc import Collection, Mapping
from typing import Any, Callable, Optional

from base import checked_json
from base import late_tensorflow as tf
from base import schema as schemas
from base.checked_json import boolean, by_option, choice, fields, items, number, whole
from base.errors import DataError
from base.files import atomic_write
from base.schema import ALL, CATEGORY_PATTERN
from base.version import VERSION
from net import registry
from utility.model import codec, description
from utility.model.description import ModelDescription

FORMAT_VERSION = 1
DESCRIPTION = "model.json"
BEST = "best"
CHECKPOINT_FOLDERS = (BEST, "swa")  # below the model's own
_OF_A_TRAINING = (*CHECKPOINT_FOLDERS, "rollbacks.json")  # what goes on with its checkpoints only

NORMALISATION = fields(
    {"mean": items(number(-1e4, 1e4), 3, 3), "scale": items(number(1e-6, 1e4), 3, 3)}  # pixels, and their factors
)
_DESCRIPTION = fields(
    {
        "net": checked_json.name,
        "net_options": fields({}, others=True),  # `net_options` checks them
        "category": checked_json.name,
        "keypoints": items(checked_json.name, 1, 10_000),
        "train_image_size": by_option(description.TRAIN_IMAGE_SIZE),
        "normalisation": NORMALISATION,
    },
    {
        "box_margin": number(description.BOX_MARGIN.low, description.BOX_MARGIN.high),
        "keep_aspect": boolean,
        "codec": lambda value, key: choice(codec.names())(value, key),  # now: codecs may have been added
        "schema": schemas.of_json,
        "training": fields({}, others=True),
        "code_version": checked_json.name,
    },
    others=True,
)


def write(model_dir: str, model: ModelDescription) -> None:
    """Writes the description of a model into its folder, with the version of this code."""
    content = dataclasses.replace(model, code_version=VERSION).to_json()
    with atomic_write(os.path.join(model_dir, DESCRIPTION)) as file:
        json.dump({**content, "format_version": FORMAT_VERSION}, file, indent=2, sort_keys=True)
        file.write("\n")


def read(model_dir: str) -> ModelDescription:
    """Reads the description of the model in `model_dir`; what an older release did not write gets what it meant.

    Raises:
        DataError: there is none, it is broken, or a newer version wrote it.
    """
    path = os.path.join(model_dir, DESCRIPTION)
    try:
        return checked_json.read(path, _check)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(path, None, "is missing: expected a folder that a training wrote") from error


def _check(value: Any, key: str) -> ModelDescription:
    """The check of a description."""
    version = fields({"format_version": whole(1, 10**9)}, others=True)(value, key)["format_version"]
    if version > FORMAT_VERSION:
        expected = f"at most {FORMAT_VERSION}, which is what this program reads"
        raise checked_json.Unexpected("format_version", expected, version)
    content = {"box_margin": 0.0, "codec": "heatmap", "schema": schemas.default(), **_DESCRIPTION(value, key)}
    choice((*content["schema"].category_names, ALL))(content["category"], "category")
    own = content["schema"].keypoint_names(content["category"])
    if set(content["keypoints"]) != set(own):  # a channel without a partner cannot be flipped
        expected = f"those of {content['category']} in the schema, {', '.join(own)}"
        raise checked_json.Unexpected("keypoints", expected, content["keypoints"])
    if content["codec"] == "heatmap":
        content = {"heatmap_loss": "mse", **content}
    settings = {row.name: by_option(row) for row in codec.find(content["codec"]).setting_rows}
    content = fields(settings, others=True)(content, key)
    choice(registry.names())(content["net"], "net")
    choice((registry.get_net(content["net"]).codec,))(content["codec"], "codec")
    content["net_options"] = net_options(content["net"])(content["net_options"], "net_options")
    if "heatmap_size" in settings:
        _check_size(content["net"], content["train_image_size"], content["heatmap_size"])
    return description.from_json(content, tuple(settings))


def _check_size(net: str, size: int, heatmap_size: int) -> None:
    if size % heatmap_size:
        raise checked_json.Unexpected("heatmap_size", f"a divisor of train_image_size, {size}", heatmap_size)
    own = registry.get_net(net).heatmap_size(size)
    if own is not None:
        whole(own, own)(heatmap_size, "heatmap_size")


def net_options(net: str) -> Callable[[Any, str], dict[str, Any]]:
    """Returns the check of the options of a net of the registry.

    Those that are missing get their defaults; older files also have those of backbones that are not the model's, which
    are left out.
    """
    check = fields({}, {name: by_option(row) for name, row in registry.option_rows(net).items()})
    return lambda value, key: registry.complete(net, check(value, key))


def claim(model_dir: str, model: ModelDescription, training: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Writes the description into a fresh folder; in one that has checkpoints it must be the same.

    A schema of the same keypoints, categories and normalising pairs takes the place of the one there: names, outlines
    and measurements bind no weights.

    Args:
        model_dir: the model's own folder.
        model: its ModelDescription.
        training: {name: value} of the training's settings, noted under the description's key `training`.
        defaults: of these settings. One that the file lacks is one that its program did not have: it trained as the
            default does.

    Raises:
        DataError: the folder belongs to a model or a training of other settings (the differences are named), or holds
            what is left of one without its checkpoints: the best one of that would count as this one's.
    """
    if latest_checkpoint(model_dir):
        there = read(model_dir)
        changed = _differences(_binding(there), _binding(model))
        changed += _differences({**defaults, **there.training}, training)
        if changed:
            path = os.path.join(model_dir, DESCRIPTION)
            what = f"is of other settings: {'; '.join(changed)}: expected the same settings, or another --model_dir"
            raise DataError(path, None, what)
        if there.schema != model.schema:  # what is drawn, or measured, follows the records
            write(model_dir, dataclasses.replace(there, schema=model.schema))
    else:
        left = [name for name in _OF_A_TRAINING if os.path.lexists(os.path.join(model_dir, name))]
        if left:
            what = f"holds no checkpoint, but {', '.join(left)} of another training: remove it, or name another place"
            raise DataError(model_dir, None, what)
        write(model_dir, dataclasses.replace(model, training=training))


def _binding(model: ModelDescription) -> dict[str, Any]:
    """Returns what of a description a training cannot resume without: names, outlines and measurements may change."""
    bare = dataclasses.replace(model, schema=model.schema.points_alone, training={}, code_version=None, others={})
    return bare.to_json()


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Returns a text for each value that differs; a nested dict is compared value by value."""
    texts = []
    for key in sorted(here):
        old, new = (json.loads(json.dumps(value)) for value in (there.get(key), here[key]))  # tuples are lists there
        if isinstance(old, dict) and isinstance(new, dict):
            texts += _differences(old, {**dict.fromkeys(old), **new})
        elif old != new:
            texts.append(f"{key} is {_shown(old)} there, {_shown(new)} was asked for")
    return texts


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def latest_checkpoint(folder: str) -> Optional[str]:
    """Returns the prefix of the last checkpoint that was written into a folder; None where there is none.

    `tf.train.latest_checkpoint` takes the folder's name as a pattern, and one with brackets for empty.

    Raises:
        DataError: the folder's file `checkpoint` is damaged, or names a checkpoint that is not there.
    """
    path = os.path.join(folder, "checkpoint")
    try:
        text = checked_json.read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    prefix = _named_in(text, folder)
    if prefix is None:
        raise DataError(path, "model_checkpoint_path", "expected the name of a checkpoint, as a training writes it")
    if not os.path.isfile(f"{prefix}.index"):
        raise DataError(path, "model_checkpoint_path", f"expected a checkpoint that is there, got {prefix!r}")
    return prefix


def kept(folder: str) -> list[str]:
    """Returns the prefixes of the checkpoints that a training keeps, and removes as it goes on.

    Raises:
        DataError: the folder's file `checkpoint` is damaged, or names checkpoints that do not lie in the folder.
    """
    if latest_checkpoint(folder) is None:
        return []
    names = list(tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths)
    for name in names:
        if os.path.realpath(os.path.dirname(name)) != os.path.realpath(folder):
            what = f"expected checkpoints of this folder, got {name!r}: the training removes old ones of its list"
            raise DataError(os.path.join(folder, "checkpoint"), "all_model_checkpoint_paths", what)
    return names


def _named_in(text: str, folder: str) -> Optional[str]:
    """Returns the prefix that a `checkpoint` file's text names; None where it is damaged."""
    if not all(character.isprintable() or character in "\r\n\t" for character in text):
        return None
    try:
        state = tf.train.get_checkpoint_state(folder)
    except (ValueError, RecursionError):
        return None
    prefix = state.model_checkpoint_path if state else ""
    return prefix if prefix and prefix.removeprefix(folder).isprintable() else None


def checkpoint(path: str) -> str:
    """Returns the prefix of the checkpoint to use: a model's best one, its last where no validation chose a best.

    Args:
        path: a model's folder, another folder of checkpoints, or itself the prefix of one.

    Raises:
        DataError: there is none.
    """
    if not os.path.isdir(path):
        if os.path.isfile(f"{path}.index"):
            return path
        raise DataError(path, None, "is no checkpoint: expected a folder, or a prefix such as …/model.ckpt-1000")
    for place in (os.path.join(path, BEST), path):
        prefix = latest_checkpoint(place)
        if prefix:
            return prefix
    raise DataError(path, None, "holds no checkpoint: expected a folder in which a training saved one")


def find(parent: str, names: Optional[Collection[str]] = None) -> dict[str, str]:
    """Returns {category: folder} of the models in `parent`, which may be a model's own folder.

    Args:
        parent: the folder.
        names: the only categories that count, of which there may be none; None for all. A damaged description of
            another category's model does not matter then.

    Raises:
        DataError: there is no model; a description that counts is damaged.
    """
    if os.path.isfile(os.path.join(parent, DESCRIPTION)):
        category = read(parent).category
        return {category: parent} if names is None or category in names else {}
    there = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
    folders = {name: os.path.join(parent, name) for name in there if re.fullmatch(CATEGORY_PATTERN, name)}
    folders = {name: folder for name, folder in folders.items() if os.path.isfile(os.path.join(folder, DESCRIPTION))}
    # A folder of another name is somebody's copy.
    counting = folders if names is None else folders.keys() & set(names)
    models = {name: folder for name, folder in folders.items() if name in counting and read(folder).category == name}
    if not models and (names is None or not folders):
        raise DataError(parent, None, f"holds no model: expected {DESCRIPTION}, or folders of models such as skirt/")
    return models
