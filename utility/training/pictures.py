"""Pictures for TensorBoard: photos with the predicted points, and lines to where the visible ones truly are."""

import os

import numpy as np
import tensorflow as tf

from base.schema import ALL
from utility import drawing

v1 = tf.compat.v1

_MOST_PHOTOS = 8
_TILE = 256
_NAMES = ("image", "points", "truth", "visible", "category")


class PicturesHook(v1.train.SessionRunHook):
    """Writes one sheet of pictures: of the first batch that it sees, then of the batch of every so many steps.

    Args:
        folder: of the event file.
        model: the model's description.
        every_steps: distance of the sheets, in runs of the session; None: the first batch only, as an evaluation wants.
    """

    def __init__(self, folder, model, every_steps=None):
        self._folder, self._model, self._every_steps = folder, model, every_steps

    def begin(self):
        graph = v1.get_default_graph()
        self._fetches = {name: graph.get_tensor_by_name(f"pictures/{name}:0")[:_MOST_PHOTOS] for name in _NAMES}
        self._step = v1.train.get_global_step()
        self._runs = 0

    def before_run(self, run_context):
        del run_context
        is_due = self._runs % self._every_steps == 0 if self._every_steps else self._runs == 0
        self._runs += 1
        return v1.train.SessionRunArgs({**self._fetches, "step": self._step} if is_due else None)

    def after_run(self, run_context, run_values):
        del run_context
        if run_values.results is not None:
            self._write(run_values.results)

    def _write(self, batch):
        sheet = drawing.contact_sheet([self._draw(batch, row) for row in range(len(batch["image"]))], 4, _TILE)
        image = v1.Summary.Image(
            height=sheet.shape[0], width=sheet.shape[1], colorspace=3, encoded_image_string=drawing.encode(sheet)
        )
        writer = v1.summary.FileWriterCache.get(self._folder)
        writer.add_summary(v1.Summary(value=[v1.Summary.Value(tag="predictions", image=image)]), int(batch["step"]))
        writer.flush()

    def _draw(self, batch, row):
        image = np.clip(batch["image"][row], 0, 255).astype(np.uint8)
        schema, category = self._model.schema, self._model.category
        if category == ALL:
            category = schema.category_names[batch["category"][row]]
        shown = batch["visible"][row] > 0
        names = [name for name, is_shown in zip(self._model.keypoints, shown) if is_shown]
        points = dict(zip(names, batch["points"][row][shown]))
        truth = dict(zip(names, batch["truth"][row][shown]))
        return drawing.draw_keypoints(image, schema, category, points, truth=truth)


def evaluation_folder(model_dir):
    """Returns where an Estimator writes what its evaluations measure."""
    return os.path.join(model_dir, "eval")
