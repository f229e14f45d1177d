"""Keeps the checkpoint of lowest validation error beside the last ones."""

import csv
import glob
import json
import math
import os
import shutil

import tensorflow as tf

from preprocessing.files import atomic_write
from utility.model_directory import BEST

_SCORE = "best.json"
_METRICS = "metrics.csv"


class BestCheckpoint(tf.estimator.Exporter):
    """An exporter that copies a checkpoint to `best/` when its NE is the lowest so far; NaN never is.

    Attributes:
        ne: the lowest NE so far, infinity before the first evaluation.
    """

    def __init__(self, model_dir):
        self._model_dir = model_dir
        self._folder = os.path.join(model_dir, BEST)
        self.ne = math.inf
        if os.path.exists(os.path.join(self._folder, _SCORE)):
            with open(os.path.join(self._folder, _SCORE), encoding="utf-8") as file:
                self.ne = json.load(file)["ne"]

    @property
    def name(self):
        return BEST

    def export(self, estimator, export_path, checkpoint_path, eval_result, is_the_final_export):
        del estimator, export_path, is_the_final_export
        self._append_metrics(eval_result)
        if not eval_result["ne"] < self.ne:
            return None
        self.ne = float(eval_result["ne"])
        self._copy(checkpoint_path)
        with atomic_write(os.path.join(self._folder, _SCORE)) as file:
            json.dump({"ne": self.ne, "step": int(eval_result["global_step"])}, file)
        return self._folder

    def _copy(self, checkpoint_path):
        """Copies the new files, names them in `checkpoint`, and only then removes the old ones."""
        os.makedirs(self._folder, exist_ok=True)
        files = glob.glob(checkpoint_path + ".*")
        for file in files:
            shutil.copy(file, os.path.join(self._folder, os.path.basename(file)))
        name = os.path.basename(checkpoint_path)
        tf.compat.v1.train.update_checkpoint_state(self._folder, name, [name])
        current = {os.path.basename(file) for file in files}
        for file in glob.glob(os.path.join(self._folder, "model.ckpt-*")):
            if os.path.basename(file) not in current:
                os.remove(file)

    def _append_metrics(self, eval_result):
        """Writes one row an evaluation, by step; a resumed training replaces the rows of the steps that it repeats."""
        path = os.path.join(self._model_dir, _METRICS)
        step = int(eval_result["global_step"])
        rows = []
        if os.path.exists(path):
            with open(path, encoding="utf-8", newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) < step]
        rows.append({"step": step, "loss": f"{eval_result['loss']:.6g}", "ne": f"{eval_result['ne']:.6f}"})
        with atomic_write(path, newline="") as file:
            writer = csv.DictWriter(file, list(rows[-1]))
            writer.writeheader()
            writer.writerows(rows)
