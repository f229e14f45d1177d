"""A trained model's folder: `model.json` says which net, category, sizes and codec made the checkpoints beside it.

MODELS/skirt/model.json            the description
MODELS/skirt/checkpoint, model.ckpt-N.*   the last checkpoints
MODELS/skirt/best/                 the checkpoint of lowest validation error, when there was a validation
"""

import json
import os

import tensorflow as tf

from configs.errors import DataError
from configs.keypoints import ALL, CATEGORIES
from preprocessing.files import atomic_write

FORMAT_VERSION = 1
DESCRIPTION = "model.json"
BEST = "best"

_KINDS = {
    "net": str,
    "net_options": dict,
    "category": str,
    "keypoints": list,
    "train_image_size": int,
    "heatmap_size": int,
    "heatmap_sigma": (int, float),
    "target_scale": (int, float),
    "normalisation": dict,
    "decode": str,
}


def write(model_dir, model):
    """Writes the description of a model (the keys of `read`) into its folder."""
    with atomic_write(os.path.join(model_dir, DESCRIPTION)) as file:
        json.dump({"format_version": FORMAT_VERSION, **model}, file, indent=2, sort_keys=True)
        file.write("\n")


def read(model_dir):
    """Reads the description of the model in `model_dir`.

    Returns:
        A dict: net, net_options, category, keypoints (names, in the order of the channels), train_image_size and
        heatmap_size (pixels and cells, square), heatmap_sigma (cells), heatmap_loss (`mse` where it is missing),
        target_scale (height of the trained maps), normalisation ({mean, scale}: lists of 3, RGB), decode, and what else
        the training noted.

    Raises:
        DataError: there is none, it is broken, or a newer version wrote it.
    """
    path = os.path.join(model_dir, DESCRIPTION)
    try:
        with open(path, encoding="utf-8") as file:
            model = json.load(file)
    except FileNotFoundError as error:
        raise DataError(path, None, "is missing: a folder that a training wrote is needed") from error
    except (OSError, ValueError) as error:
        raise DataError(path, None, f"cannot be read ({error}): the file that the training wrote is needed") from error
    if not isinstance(model, dict):
        raise DataError(path, None, "is no JSON object: the file that the training wrote is needed")
    version = model.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise DataError(
            path,
            "format_version",
            f"{version!r} is newer than this program reads ({FORMAT_VERSION}): update the program",
        )
    for key, kind in _KINDS.items():
        if not isinstance(model.get(key), kind):
            raise DataError(path, key, f"{model.get(key)!r} is missing or of the wrong kind")
    return model


def claim(model_dir, model, training):
    """Writes the description into a fresh folder; in one that has checkpoints it must be the same.

    Args:
        model_dir: the model's own folder.
        model: its description, the keys of `read`.
        training: {name: value} of the training's settings, noted under the description's key `training`.

    Raises:
        DataError: the folder belongs to a model or a training of other settings; the differences are named.
    """
    if tf.train.latest_checkpoint(model_dir):
        there = read(model_dir)
        changed = _differences(there, model) + _differences(there.get("training", {}), training)
        if changed:
            path = os.path.join(model_dir, DESCRIPTION)
            what = f"is of other settings: {'; '.join(changed)}. The same settings, or another --model_dir, are needed"
            raise DataError(path, None, what)
    else:
        write(model_dir, {**model, "training": training})


def _differences(there, here):
    """Returns a text for each value that differs; a nested dict is compared value by value."""
    texts = []
    for key in sorted(here):
        old, new = there.get(key), json.loads(json.dumps(here[key]))
        if isinstance(old, dict) and isinstance(new, dict):
            texts += _differences(old, {**dict.fromkeys(old), **new})
        elif old != new:
            texts.append(f"{key} is {json.dumps(old)} there, {json.dumps(new)} was asked for")
    return texts


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
        prefix = tf.train.latest_checkpoint(place)
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
    folders = {name: os.path.join(parent, name) for name in (*CATEGORIES, ALL)}
    models = {name: folder for name, folder in folders.items() if os.path.isfile(os.path.join(folder, DESCRIPTION))}
    if not models:
        raise DataError(parent, None, f"holds no model: {DESCRIPTION}, or folders of models such as skirt/, is needed")
    return models
