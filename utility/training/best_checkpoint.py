"""The checkpoint of lowest validation error, kept in `best/` beside the last ones, and the table of all evaluations."""

import contextlib
import filecmp
import glob
import json
import math
import os
import shutil

import numpy as np
import pandas as pd
import tensorflow as tf

from base import checked_json, full_disk
from base.errors import DataError
from base.files import atomic_write, cannot_write
from utility.model import model_directory
from utility.model.checkpoints import PREFIX
from utility.model.model_directory import BEST

_SCORE = "best.json"
_SCORE_CONTENT = checked_json.fields({"ne": checked_json.number(0, 1e30), "step": checked_json.whole(0, 2**63)})
METRICS = "metrics.csv"
_COLUMNS = {"step": int, "loss": float, "ne": float}


class BestCheckpoint:
    """Keeps a copy of the checkpoint whose NE is the lowest so far; NaN never is.

    A kill at any time leaves either the old copy or the new one: files are added under their final names before
    `checkpoint` names them, and old ones go last.

    Args:
        model_dir: the model's folder.
        since: the step at which the phase under way began; the best one of a former phase is given up for any of it,
            for it lacks a stage.

    Attributes:
        ne: the lowest NE so far, infinity before the first evaluation.
        step: the step that it was measured at, None before the first.
    """

    def __init__(self, model_dir, since=0):
        self._folder = os.path.join(model_dir, BEST)
        try:
            score = checked_json.read(os.path.join(self._folder, _SCORE), _SCORE_CONTENT)
        except (FileNotFoundError, NotADirectoryError):
            score = {"ne": math.inf, "step": None}
        if since and score["step"] is not None and score["step"] <= since:
            score = {"ne": math.inf, "step": None}
        self.ne, self.step = score["ne"], score["step"]

    def offer(self, checkpoint, step, ne):
        """Takes the checkpoint (a prefix) if its NE is lower than the best so far; returns whether it was."""
        if not ne < self.ne:
            return False
        self.take(checkpoint)
        self.ne, self.step = ne, step
        with atomic_write(os.path.join(self._folder, _SCORE), encoding="utf-8") as file:
            json.dump({"ne": ne, "step": step}, file)
        return True

    def take(self, checkpoint):
        """Makes the checkpoint (a prefix) the best one."""
        os.makedirs(self._folder, exist_ok=True)
        current = model_directory.latest_checkpoint(self._folder)
        if not (current and _is_copy(checkpoint, current)):  # it is, where a kill came before the score was noted
            current = self._add(checkpoint, current)
        names = {os.path.basename(file) for file in _counterparts(checkpoint, current).values()}
        for file in glob.glob(os.path.join(glob.escape(self._folder), f"{PREFIX}-*")):
            if os.path.basename(file) not in names:
                os.remove(file)

    def _add(self, checkpoint, current):
        """Copies the checkpoint and names the copy in `checkpoint`; returns the copy's prefix."""
        name = os.path.basename(checkpoint)
        if current and os.path.basename(current) == name:  # a kill must not leave half of either under one name
            name += "-again"
        copy = os.path.join(self._folder, name)
        for file, target in _counterparts(checkpoint, copy).items():
            _copy(file, target)
        # An absolute folder: TensorFlow takes the name as relative to where it runs when the folder is relative.
        with full_disk.naming_checkpoint(copy):
            tf.compat.v1.train.update_checkpoint_state(os.path.abspath(self._folder), name, [name])
        return copy


def _counterparts(checkpoint, copy):
    """Returns {file of the checkpoint: the file that it has in the copy}; both are given as prefixes."""
    return {file: copy + file[len(checkpoint) :] for file in glob.glob(glob.escape(checkpoint) + ".*")}


def _is_copy(checkpoint, other):
    """Returns whether the other checkpoint has the same name and the same bytes."""
    if os.path.basename(checkpoint) != os.path.basename(other):
        return False
    pairs = _counterparts(checkpoint, other).items()
    return all(os.path.exists(target) and filecmp.cmp(file, target, shallow=False) for file, target in pairs)


def _copy(file, target):
    temporary = target + ".tmp"  # a name that `take` clears away after a kill
    try:
        shutil.copyfile(file, temporary)
        os.replace(temporary, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise cannot_write(target, error) from error


def read_metrics(model_dir):
    """Returns a DataFrame with a row an evaluation, by rising step: step, loss, ne.

    Raises:
        DataError: the table is damaged.
    """
    path = os.path.join(model_dir, METRICS)
    try:
        lines = checked_json.read_text(path).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        lines = [",".join(_COLUMNS)]
    rows = [_row(path, number, line) for number, line in enumerate(lines, 1)] or [None]
    if rows[0] != tuple(_COLUMNS):
        raise DataError(path, "line 1", f"expected the columns {','.join(_COLUMNS)}, got {lines[:1]}")
    columns = zip(*rows[1:]) if rows[1:] else [()] * len(_COLUMNS)
    return pd.DataFrame({name: pd.Series(column, dtype=_COLUMNS[name]) for name, column in zip(_COLUMNS, columns)})


def _row(path, number, line):
    """Returns the fields of a line of the table as what they are; NaN is written as nothing."""
    fields = line.split(",")
    if number == 1:
        return tuple(fields)
    try:
        step, loss, ne = fields
        values = np.int64(int(step)), float(loss or "nan"), float(ne or "nan")
    except (ValueError, OverflowError) as error:
        raise DataError(path, f"line {number}", f"expected step,loss,ne, got {line[:60]!r}") from error
    return values


def add_metrics(model_dir, step, loss, ne):
    """Adds an evaluation; a resumed training replaces the rows of the steps that it repeats."""
    table = read_metrics(model_dir)
    row = pd.DataFrame({"step": [step], "loss": [loss], "ne": [ne]})
    table = pd.concat([table[table["step"] < step], row]) if len(table) else row
    with atomic_write(os.path.join(model_dir, METRICS), encoding="utf-8") as file:
        table.to_csv(file, index=False, float_format="%.6g")
