"""A trained model's folder: `model.json` says which net, category, sizes and codec made the checkpoints beside it.

MODELS/skirt/model.json            the description
MODELS/skirt/checkpoint, model.ckpt-N.*   the last checkpoints
MODELS/skirt/best/                 the checkpoint of lowest validation error, when there was a validation
"""

import json
import os
import re

import tensorflow as tf

from base import checked_json
from base import schema as schemas
from base.checked_json import by_flag, choice, fields, items, number, whole
from base.errors import DataError
from base.files import atomic_write
from base.schema import ALL, CATEGORY_PATTERN
from configs import cross_checks
from configs.flag_table import FLAGS
from net import registry
from utility.model import codec

FORMAT_VERSION = 1
DESCRIPTION = "model.json"
BEST = "best"
_OF_A_TRAINING = (BEST, "swa", "rollbacks.json")  # what goes on with its checkpoints only

NORMALISATION = fields(
    {"mean": items(number(-1e4, 1e4), 3, 3), "scale": items(number(1e-6, 1e4), 3, 3)}  # pixels, and their factors
)
_DESCRIPTION = fields(
    {
        "net": checked_json.name,
        "net_options": fields({}, others=True),  # `net_options` checks them
        "category": checked_json.name,
        "keypoints": items(checked_json.name, 1, 10_000),
        "train_image_size": by_flag(FLAGS["train_image_size"]),
        "normalisation": NORMALISATION,
    },
    {
        "codec": lambda value, key: choice(codec.names())(value, key),  # now: codecs may have been added
        "schema": schemas.of_json,
        "training": fields({}, others=True),
    },
    others=True,
)


def write(model_dir, model):
    """Writes the description of a model (the keys of `read`) into its folder."""
    with atomic_write(os.path.join(model_dir, DESCRIPTION)) as file:
        json.dump({"format_version": FORMAT_VERSION, **_plain(model)}, file, indent=2, sort_keys=True)
        file.write("\n")


def _plain(model):
    """Returns a description as JSON has it."""
    return {**model, "schema": model["schema"].to_json()} if "schema" in model else model


def read(model_dir):
    """Reads the description of the model in `model_dir`.

    Returns:
        A dict: net, net_options, codec (`heatmap` where it is missing), schema (a Schema, FashionAI's where it is
        missing), category, keypoints (names, in the order of the
        channels), train_image_size (pixels, square), normalisation ({mean, scale}: lists of 3, RGB), the codec's own
        settings, and what else the training noted. Those of `heatmap`: heatmap_size (cells, square), heatmap_sigma
        (cells), heatmap_loss (`mse` where it is missing), target_scale (height of the trained maps), decode.

    Raises:
        DataError: there is none, it is broken, or a newer version wrote it.
    """
    path = os.path.join(model_dir, DESCRIPTION)
    try:
        return checked_json.read(path, _check)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(path, None, "is missing: a folder that a training wrote is needed") from error


def _check(value, key):
    """The check of a description; what an older program did not write gets the value that it meant."""
    version = fields({"format_version": whole(1, 10**9)}, others=True)(value, key)["format_version"]
    if version > FORMAT_VERSION:
        expected = f"at most {FORMAT_VERSION}, which is what this program reads"
        raise checked_json.Unexpected("format_version", expected, version)
    model = {"codec": "heatmap", "schema": schemas.default(), **_DESCRIPTION(value, key)}
    choice((*model["schema"].category_names, ALL))(model["category"], "category")
    if model["codec"] == "heatmap":
        model = {"heatmap_loss": "mse", **model}
    settings = codec.find(model["codec"]).setting_names
    model = fields({name: by_flag(FLAGS[name]) for name in settings}, others=True)(model, key)
    choice(registry.names())(model["net"], "net")
    model["net_options"] = net_options(model["net"])(model["net_options"], "net_options")
    size, heatmap_size = model["train_image_size"], model.get("heatmap_size")
    if heatmap_size and size % heatmap_size:
        raise checked_json.Unexpected("heatmap_size", f"a divisor of train_image_size, {size}", heatmap_size)
    if model["net"] == "hourglass":
        own = cross_checks.hourglass_size(size)
        whole(own, own)(heatmap_size, "heatmap_size")
    return model


def net_options(net):
    """Returns the check of the options of a net of the registry; those that are missing get their defaults."""
    options = registry.get_net(net).options
    check = fields({}, {name: by_flag(FLAGS[name]) for name in options})
    return lambda value, key: {**options, **check(value, key)}


def claim(model_dir, model, training):
    """Writes the description into a fresh folder; in one that has checkpoints it must be the same.

    Args:
        model_dir: the model's own folder.
        model: its description, the keys of `read`.
        training: {name: value} of the training's settings, noted under the description's key `training`.

    Raises:
        DataError: the folder belongs to a model or a training of other settings (the differences are named), or holds
            what is left of one without its checkpoints: the best one of that would count as this one's.
    """
    if latest_checkpoint(model_dir):
        there = read(model_dir)
        # A setting that the file lacks is one that its program did not have: it trained as the default does.
        settings = {name: FLAGS[name].default for name in training if name in FLAGS}
        changed = _differences(_plain(there), _plain(model))
        changed += _differences({**settings, **there.get("training", {})}, training)
        if changed:
            path = os.path.join(model_dir, DESCRIPTION)
            what = f"is of other settings: {'; '.join(changed)}. The same settings, or another --model_dir, are needed"
            raise DataError(path, None, what)
    else:
        left = [name for name in _OF_A_TRAINING if os.path.lexists(os.path.join(model_dir, name))]
        if left:
            what = f"holds no checkpoint, but {', '.join(left)} of another training: remove it, or name another place"
            raise DataError(model_dir, None, what)
        write(model_dir, {**model, "training": training})


def _differences(there, here):
    """Returns a text for each value that differs; a nested dict is compared value by value."""
    texts = []
    for key in sorted(here):
        old, new = there.get(key), json.loads(json.dumps(here[key]))
        if isinstance(old, dict) and isinstance(new, dict):
            texts += _differences(old, {**dict.fromkeys(old), **new})
        elif old != new:
            texts.append(f"{key} is {_shown(old)} there, {_shown(new)} was asked for")
    return texts


def _shown(value):
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def latest_checkpoint(folder):
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


def check_kept(folder):
    """Checks that the checkpoints which a training keeps, and removes as it goes on, lie in its own folder.

    Raises:
        DataError: the folder's file `checkpoint` is damaged, or names others.
    """
    if latest_checkpoint(folder) is None:
        return
    for name in tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths:
        if os.path.realpath(os.path.dirname(name)) != os.path.realpath(folder):
            what = f"expected checkpoints of this folder, got {name!r}: the training removes old ones of its list"
            raise DataError(os.path.join(folder, "checkpoint"), "all_model_checkpoint_paths", what)


def _named_in(text, folder):
    """Returns the prefix that a `checkpoint` file's text names; None where it is damaged."""
    if not all(character.isprintable() or character in "\r\n\t" for character in text):
        return None
    try:
        state = tf.train.get_checkpoint_state(folder)
    except (ValueError, RecursionError):
        return None
    prefix = state.model_checkpoint_path if state else ""
    return prefix if prefix and prefix.removeprefix(folder).isprintable() else None


def checkpoint(path):
    """Returns the prefix of the checkpoint to use: a model's best one, its last where no validation chose a best.

    Args:
        path: a model's folder, another folder of checkpoints, or itself the prefix of one.

    Raises:
        DataError: there is none.
    """
    if not os.path.isdir(path):
        if os.path.isfile(f"{path}.index"):
            return path
        raise DataError(path, None, "is no checkpoint: a folder, or a prefix such as …/model.ckpt-1000, is needed")
    for place in (os.path.join(path, BEST), path):
        prefix = latest_checkpoint(place)
        if prefix:
            return prefix
    raise DataError(path, None, "holds no checkpoint: a folder in which a training saved one is needed")


def find(parent):
    """Returns {category: folder} of the models in `parent`, which may be a model's own folder.

    Raises:
        DataError: there is none.
    """
    if os.path.isfile(os.path.join(parent, DESCRIPTION)):
        return {read(parent)["category"]: parent}
    names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
    folders = {name: os.path.join(parent, name) for name in names if re.fullmatch(CATEGORY_PATTERN, name)}
    folders = {name: folder for name, folder in folders.items() if os.path.isfile(os.path.join(folder, DESCRIPTION))}
    # A folder of another name is somebody's copy.
    models = {name: folder for name, folder in folders.items() if read(folder)["category"] == name}
    if not models:
        raise DataError(parent, None, f"holds no model: {DESCRIPTION}, or folders of models such as skirt/, is needed")
    return models
