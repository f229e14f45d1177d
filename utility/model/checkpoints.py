"""Starting a model from the weights of another: of an imported backbone, or of one of our own models.

What fits is copied by name, batch norm's statistics included, and the rest keeps its random start. Heads whose
keypoints differ are sliced by the keypoints' names, so that a category can start from `all`; a head with a
keypoint that the source does not have, as one of another schema, starts fresh.
"""

import contextlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Mapping
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf

from base import checked_json, files, full_disk
from base.errors import DataError
from base.estimator_api import WarmStartSettings
from base.files import atomic_write
from base.plain_paths import plain
from net import backbones, registry
from utility.model import checkpoint_index, model_directory, warm_start_plan
from utility.model.description import ModelDescription, Normalisation

_log = logging.getLogger(__name__)

BACKBONE = "backbone.json"  # what the importer of weights writes beside its checkpoint
PREFIX = "model.ckpt"
_NUMBERED = re.compile(rf"{re.escape(PREFIX)}-(\d+)")
_CHECKPOINT_FILE = re.compile(rf"{_NUMBERED.pattern}\.(?:index|meta|data-\d{{5}}-of-\d{{5}})")
# TensorFlow's names of what becomes a checkpoint's data, its index, and the list of checkpoints.
_UNFINISHED = re.compile(rf"{re.escape(PREFIX)}(-\d+)?(_temp|\S*\.tempstate\d+)|checkpoint\.tmp[0-9a-f]{{32}}")
# The options that weights were trained with: another value of them spoils what the weights compute.
_OF_WEIGHTS = {name: row for name, row in registry.all_option_rows().items() if row.of_weights}
_BACKBONE = checked_json.fields(
    {
        "backbone": checked_json.choice(backbones.names()),
        "net_options": checked_json.fields(
            {}, {name: checked_json.by_option(row) for name, row in _OF_WEIGHTS.items()}, others=True
        ),
    },
    {"normalisation": model_directory.NORMALISATION},
    others=True,
)


# What TensorFlow raises at a damaged checkpoint: IndexError where it reads beyond an end.
DAMAGE = (tf.errors.OpError, OSError, ValueError, RuntimeError, IndexError)


class Source(NamedTuple):
    """A checkpoint to start from.

    Attributes:
      prefix: path of the checkpoint, without the endings of its files.
      model: the ModelDescription beside it; None where there is none.
      backbone: where it holds a backbone alone, the description of that, `read_backbone`; else None.
    """

    prefix: str
    model: Optional[ModelDescription] = None
    backbone: Optional[dict] = None


def find(path):
    """Returns the `Source` at `path`: a checkpoint's prefix, or a folder (a model's best checkpoint before its last).

    Raises:
      DataError: there is no checkpoint.
    """
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    if os.path.basename(folder.rstrip("/")) == model_directory.BEST:
        description_folder = os.path.dirname(folder.rstrip("/"))
    else:
        description_folder = folder
    prefix = model_directory.checkpoint(path)
    if os.path.isfile(os.path.join(description_folder, BACKBONE)):
        return Source(prefix, backbone=read_backbone(description_folder))
    if os.path.isfile(os.path.join(description_folder, model_directory.DESCRIPTION)):
        return Source(prefix, model_directory.read(description_folder))
    return Source(prefix)


def read_backbone(folder):
    """Reads the description of an imported backbone: {backbone, net_options, normalisation, …}.

    Raises:
      DataError: it is broken.
    """
    path = os.path.join(folder, BACKBONE)
    try:
        return checked_json.read(path, _BACKBONE)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(path, None, "is missing: expected what tools/import_weights.py writes") from error


def write_backbone(folder, arrays, description):
    """Writes the checkpoint of a backbone and its description into `folder`.

    Args:
      folder: made when missing.
      arrays: {variable name: array}.
      description: what `read_backbone` returns.

    Returns:
      The checkpoint's prefix.
    """
    prefix = os.path.join(folder, PREFIX)
    write(prefix, arrays)
    with atomic_write(os.path.join(folder, BACKBONE), encoding="utf-8") as file:
        json.dump(description, file, indent=2, sort_keys=True)
        file.write("\n")
    return prefix


def write(prefix, arrays):
    """Writes {variable name: array} as a checkpoint that `model_directory.latest_checkpoint` finds in its folder."""
    names = sorted(arrays)
    os.makedirs(os.path.dirname(prefix), exist_ok=True)
    with full_disk.naming_checkpoint(prefix):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            values = [tf.compat.v1.placeholder(arrays[name].dtype, arrays[name].shape) for name in names]
            save = tf.raw_ops.SaveV2(
                prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values
            )
            session.run(save, dict(zip(values, (arrays[name] for name in names))))
        # An absolute folder: TensorFlow takes the name as relative to where it runs when the folder is relative.
        tf.compat.v1.train.update_checkpoint_state(os.path.abspath(os.path.dirname(prefix)), os.path.basename(prefix))


def remove_left_over(model_dir, kept):
    """Removes what TensorFlow left of checkpoints when it was killed; the caller holds the model folder.

    That is what it had not finished, folders of parts and indices and lists; and checkpoints before the last one that
    are not on its list: it takes one off before it removes it, and puts a new one on after it has written it.

    Args:
        model_dir: the model's folder.
        kept: the prefixes that are on the list.
    """
    for folder in (model_dir, *(os.path.join(model_dir, name) for name in model_directory.CHECKPOINT_FOLDERS)):
        for name in os.listdir(folder) if os.path.isdir(folder) and not os.path.islink(folder) else ():
            if _UNFINISHED.fullmatch(name):
                files.remove(os.path.join(folder, name))
    numbered = (_NUMBERED.fullmatch(os.path.basename(prefix)) for prefix in kept)
    steps = {int(match[1]) for match in numbered if match}
    for name in os.listdir(model_dir):
        match = _CHECKPOINT_FILE.fullmatch(name)
        if match and int(match[1]) not in steps and int(match[1]) < max(steps, default=0):
            files.remove(os.path.join(model_dir, name))


@contextlib.contextmanager
def naming_damage(prefix):
    """Turns TensorFlow's errors at reading a checkpoint into a DataError that names it."""
    try:
        yield
    except DAMAGE as error:
        raise DataError(
            prefix, None, f"cannot be restored ({reason(error)}): expected an undamaged checkpoint"
        ) from error


def reason(error):
    """Returns the first line that says something of an error of TensorFlow's, cut where it is long."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.startswith("Graph execution error")), repr(error))[:200]


def open_reader(prefix):
    """Returns TensorFlow's reader of a checkpoint (`tf.train.load_checkpoint`).

    Raises:
        DataError: its index is damaged, or names variables that its data do not hold.
    """
    with naming_damage(prefix):
        checkpoint_index.check(prefix)
        return tf.train.load_checkpoint(plain(prefix))


def check(prefix):
    """Reads every variable of a checkpoint.

    Raises:
        DataError: it is damaged.
    """
    reader = open_reader(prefix)
    with naming_damage(prefix):
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)


def read_step(prefix):
    """Returns the step at which a checkpoint was written.

    Raises:
        DataError: it is damaged, or has none.
    """
    reader = open_reader(prefix)
    with naming_damage(prefix):
        return int(reader.get_tensor("global_step"))


def inherited(path, net):
    """Returns what a model of `net` takes over from the checkpoint that it starts from.

    Args:
      path: of the checkpoint, see `find`; None: there is none.
      net: a name of the registry.

    Returns:
      net_options: the options that the weights were trained with, {name: value}, where they are known.
      normalisation: the `Normalisation` of their input, the data set's where it is not known.
    """
    source = find(path) if path else Source("")
    options: Mapping = {}
    normalisation = Normalisation(registry.MEAN_RGB, (registry.SCALE,) * 3)
    if source.model:
        options, normalisation = source.model.net_options, source.model.normalisation
    elif source.backbone:
        options, own = source.backbone["net_options"], source.backbone.get("normalisation")
        normalisation = Normalisation(tuple(own["mean"]), tuple(own["scale"])) if own else normalisation
    names = _OF_WEIGHTS.keys() & registry.option_rows(net)
    return {name: value for name, value in options.items() if name in names}, normalisation


@contextlib.contextmanager
def warm_start(model_dir, model, settings):
    """Prepares the start of a new model from another checkpoint; prints a table of what is restored.

    It yields a setting of the Estimator, which replaces the variables' initial values, because a Scaffold's init_fn
    does not run in every replica of a MirroredStrategy.

    Args:
      model_dir: the new model's folder; one that has a checkpoint goes on from that instead.
      model: the ModelDescription of the new model.
      settings: TrainingSettings: where to start from.

    Yields:
      WarmStartSettings for the Estimator, valid inside the block; None where there is nothing to do.

    Raises:
      DataError: there is no checkpoint, it has nothing in common with the model, or, unless --ignore_missing_vars,
        variables are missing or do not fit.
    """
    if not settings.checkpoint_path or model_directory.latest_checkpoint(model_dir):
        yield None
        return
    source = find(settings.checkpoint_path)
    check(source.prefix)
    reader = open_reader(source.prefix)
    shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    is_backbone = source.backbone is not None
    plan = warm_start_plan.make_plan(model, source.model and source.model.keypoints, shapes, settings, is_backbone)
    _log.info("starting from %s\n%s", source.prefix, "\n".join(warm_start_plan.table(plan)))
    if not settings.ignore_missing_vars:
        warm_start_plan.check(plan, source.prefix, is_backbone)
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, PREFIX)
        write(prefix, {name: _value(reader, copy) for name, copy in plan.copies.items()})
        yield WarmStartSettings(prefix, [f"{re.escape(name)}:0$" for name in plan.copies])


def _value(reader, copy):
    value = reader.get_tensor(copy.name)
    return value if copy.axis is None else np.take(value, copy.indices, copy.axis)
