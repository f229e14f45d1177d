"""The checkpoint of lowest validation error, kept in `best/` beside the last ones, and the table of all evaluations."""

import contextlib
import glob
import json
import math
import os
import shutil

import pandas as pd
import tensorflow as tf

from preprocessing.files import atomic_write, cannot_write
from utility import full_disk
from utility.model_directory import BEST

_SCORE = "best.json"
METRICS = "metrics.csv"


class BestCheckpoint:
    """Keeps a copy of the checkpoint whose NE is the lowest so far; NaN never is.

    A kill at any time leaves either the old copy or the new one: files are added under their final names before
    `checkpoint` names them, and old ones go last.

    Attributes:
        ne: the lowest NE so far, infinity before the first evaluation.
        step: the step that it was measured at, None before the first.
    """

    def __init__(self, model_dir):
        self._folder = os.path.join(model_dir, BEST)
        self.ne, self.step = math.inf, None
        if os.path.exists(os.path.join(self._folder, _SCORE)):
            with open(os.path.join(self._folder, _SCORE), encoding="utf-8") as file:
                score = json.load(file)
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
        files = glob.glob(glob.escape(checkpoint) + ".*")
        for file in files:
            _copy(file, os.path.join(self._folder, os.path.basename(file)))
        name = os.path.basename(checkpoint)
        # An absolute folder: TensorFlow takes the name as relative to where it runs when the folder is relative.
        with full_disk.naming_checkpoint(os.path.join(self._folder, name)):
            tf.compat.v1.train.update_checkpoint_state(os.path.abspath(self._folder), name, [name])
        current = {os.path.basename(file) for file in files}
        for file in glob.glob(os.path.join(glob.escape(self._folder), "model.ckpt-*")):
            if os.path.basename(file) not in current:
                os.remove(file)


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
    """Returns a DataFrame with a row an evaluation, by rising step: step, loss, ne."""
    path = os.path.join(model_dir, METRICS)
    if not os.path.exists(path):
        return pd.DataFrame(
            {"step": pd.Series(dtype=int), "loss": pd.Series(dtype=float), "ne": pd.Series(dtype=float)}
        )
    return pd.read_csv(path)


def add_metrics(model_dir, step, loss, ne):
    """Adds an evaluation; a resumed training replaces the rows of the steps that it repeats."""
    table = read_metrics(model_dir)
    row = pd.DataFrame({"step": [step], "loss": [loss], "ne": [ne]})
    table = pd.concat([table[table["step"] < step], row]) if len(table) else row
    with atomic_write(os.path.join(model_dir, METRICS), encoding="utf-8") as file:
        table.to_csv(file, index=False, float_format="%.6g")
