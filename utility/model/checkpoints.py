"""Starting a model from the weights of another: of an imported backbone, or of one of our own models.

What fits is copied by name, batch norm's statistics included, and the rest keeps its random start. Heads whose
keypoints differ are sliced by the keypoints' names, so that a category can start from `all`.
"""

import contextlib
import glob
import json
import os
import re
import shutil
import sys
import tempfile
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from base import checked_json, full_disk
from base.errors import DataError
from base.estimator_api import WarmStartSettings
from base.files import atomic_write
from base.plain_paths import plain
from configs.flag_table import FLAGS
from net import registry
from utility.model import checkpoint_index, model_directory, warm_start_plan

BACKBONE = "backbone.json"  # what the importer of weights writes beside its checkpoint
PREFIX = "model.ckpt"
# The options that weights were trained with: another value of them spoils what the weights compute.
_INHERITED_OPTIONS = ("resnet_stride", "padding", "bn_epsilon")
_BACKBONE = checked_json.fields(
    {
        "backbone": checked_json.by_flag(FLAGS["backbone"]),
        "net_options": checked_json.fields(
            {}, {name: checked_json.by_flag(FLAGS[name]) for name in _INHERITED_OPTIONS}, others=True
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
      description: the JSON beside it, of a model or of a backbone; {} where there is none.
      is_backbone: whether it holds a backbone alone.
    """

    prefix: str
    description: dict
    is_backbone: bool


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
        return Source(prefix, read_backbone(description_folder), True)
    if os.path.isfile(os.path.join(description_folder, model_directory.DESCRIPTION)):
        return Source(prefix, model_directory.read(description_folder), False)
    return Source(prefix, {}, False)


def read_backbone(folder):
    """Reads the description of an imported backbone: {backbone, net_options, normalisation, …}.

    Raises:
      DataError: it is broken.
    """
    path = os.path.join(folder, BACKBONE)
    try:
        return checked_json.read(path, _BACKBONE)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(path, None, "is missing: what tools/import_weights.py writes is needed") from error


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


def remove_left_over(model_dir):
    """Removes what TensorFlow had not finished of checkpoints when it was killed: folders of parts, and indices.

    The caller holds the model folder: no training is writing into it.
    """
    for ending in ("_temp", ".tempstate*"):
        for path in glob.glob(os.path.join(glob.escape(model_dir), "**", f"{PREFIX}*{ending}"), recursive=True):
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.remove(path)


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
      {"net_options": the options that the weights were trained with, where they are known; "normalisation": {mean,
      scale}, the data set's where it is not}.
    """
    description = find(path).description if path else {}
    names = set(_INHERITED_OPTIONS) & set(registry.get_net(net).options)
    options = {name: value for name, value in description.get("net_options", {}).items() if name in names}
    own = {"mean": list(registry.MEAN_RGB), "scale": [registry.SCALE] * 3}
    return {"net_options": options, "normalisation": description.get("normalisation", own)}


@contextlib.contextmanager
def warm_start(model_dir, model, settings):
    """Prepares the start of a new model from another checkpoint; prints a table of what is restored.

    It yields a setting of the Estimator, which replaces the variables' initial values, because a Scaffold's init_fn
    does not run in every replica of a MirroredStrategy.

    Args:
      model_dir: the new model's folder; one that has a checkpoint goes on from that instead.
      model: the new model's description, as `model_directory.read` returns it.
      settings: the flags of the group `warm start`, by name.

    Yields:
      WarmStartSettings for the Estimator, valid inside the block; None where there is nothing to do.

    Raises:
      DataError: there is no checkpoint, it has nothing in common with the model, or, unless --ignore_missing_vars,
        variables are missing or do not fit.
    """
    if not settings["checkpoint_path"] or model_directory.latest_checkpoint(model_dir):
        yield None
        return
    source = find(settings["checkpoint_path"])
    check(source.prefix)
    reader = open_reader(source.prefix)
    shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    plan = warm_start_plan.make_plan(model, source.description, shapes, settings)
    print(f"starting from {source.prefix}\n" + "\n".join(warm_start_plan.table(plan)), file=sys.stderr, flush=True)
    if not settings["ignore_missing_vars"]:
        warm_start_plan.check(plan, source.prefix, source.is_backbone)
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, PREFIX)
        write(prefix, {name: _value(reader, copy) for name, copy in plan.copies.items()})
        yield WarmStartSettings(prefix, [f"{re.escape(name)}:0$" for name in plan.copies])


def _value(reader, copy):
    value = reader.get_tensor(copy.name)
    return value if copy.axis is None else np.take(value, copy.indices, copy.axis)
