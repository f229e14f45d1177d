"""Predictions of photos by models that were not trained on them: K trainings, each without a K-th of the photos.

FOLDER/fold_1/found.csv and scores.csv hold what was found in the photos of a fold. While it is made, records and models
stand there, too; a run that was stopped goes on with them, and a fold that is there is not made again.
"""

import dataclasses
import functools
import logging
import os

import numpy as np

from base.files import remove
from base.progress import Progress
from preprocessing.data import annotations, conversion, conversion_plan
from preprocessing.data.conversion_plan import Shard, name_in_data
from preprocessing.labelling import point_scores
from tools.suspicion import folds
from utility.prediction import model_choice, photo_reading, predict_all
from utility.prediction.photo_source import PhotoSource, SourcePhoto
from utility.training import training

_FOUND, _SCORES = "found.csv", "scores.csv"
_RECORDS, _MODELS = "records", "models"

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the models of a fold are trained and asked.

    Attributes:
        settings: TrainingSettings; its folders are put in their place here.
        net: a name of the registry.
        net_options: the net's options that differ from the registry's defaults.
        options: inference.Options.
        precision: of Predictor.
    """

    settings: object
    net: str
    net_options: dict
    options: object
    precision: str


def by_folds(rows, count, folder, recipe, on_remark):
    """Returns what is found in each row by models trained on the photos of the other folds.

    Args:
        rows: a list of N conversion_plan.Row.
        count: of the folds.
        folder: where their predictions are kept, and in between records and models.
        recipe: Recipe.
        on_remark: called with a line for each photo that was stored anew.

    Returns:
        points [N, K, 2] float64 in photo pixels, scores [N, K] float64; NaN where the row's garment lacks a keypoint.

    Raises:
        DataError, DataErrors: rows, photos, the checkpoint to start from or the machine are wrong.
        UsageError: flags of the training contradict each other, or the environment.
    """
    numbers = np.array(folds.deal(rows, count))
    shape = (len(rows), len(rows[0].schema.keypoints))
    points, scores = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
    for number in range(count):
        place = os.path.join(folder, f"fold_{number + 1}")
        held_out = [row for row, other in zip(rows, numbers) if other == number]
        if not os.path.exists(os.path.join(place, _FOUND)):
            _log.info("fold %d of %d", number + 1, count)
            _train(place, [row for row, other in zip(rows, numbers) if other != number], held_out, recipe, on_remark)
            _predict(held_out, [os.path.join(place, _MODELS)], place, recipe)
        points[numbers == number], scores[numbers == number] = _read(place, held_out)
        for left_over in (_RECORDS, _MODELS):
            remove(os.path.join(place, left_over))
    return points, scores


def by_models(rows, parents, folder, recipe):
    """Returns what models find in each row, as `by_folds` does.

    Args:
        rows: a list of conversion_plan.Row.
        parents: folders of models, whose outputs are averaged.
        folder: for the predictions.
        recipe: Recipe, of which `settings.eval_batch_size`, `options` and `precision` count.

    Raises:
        DataError: a photo or a model is wrong.
    """
    _predict(rows, parents, folder, recipe)
    return _read(folder, rows)


def _predict(rows, parents, folder, recipe):
    source = _source(rows)
    models = model_choice.find_models(parents, source.counts, source.schema)
    with Progress("photos", len(rows)) as progress:
        work = predict_all.Work(
            source, models, recipe.options, recipe.settings.eval_batch_size, precision=recipe.precision
        )
        predict_all.predict_all(work, os.path.join(folder, _FOUND), os.path.join(folder, _SCORES), progress.step)


def _read(folder, rows):
    """Returns the points and scores of rows, in their order, that were predicted into a folder."""
    found = annotations.read(os.path.join(folder, _FOUND), rows[0].schema)
    numbers = {key: number for number, key in enumerate(found.keys)}
    order = [numbers[name_in_data(row), row.category, row.box] for row in rows]
    return found.points[order], point_scores.read(os.path.join(folder, _SCORES), found).scores[order]


def _train(place, rest, held_out, recipe, on_remark):
    """Trains the models of a fold. The photos held out are converted, too: a broken one is told of at once."""
    records, schema = os.path.join(place, _RECORDS), rest[0].schema
    plan = conversion_plan.make_plan(rest, True, 0, 0)
    for shard in conversion_plan.make_plan(held_out, True, 0, 0):
        stem, ending = os.path.splitext(shard.name)
        plan.append(Shard(f"{stem}_val{ending}", shard.rows, True))
    with Progress("photos", sum(len(shard.rows) for shard in plan)) as progress:
        conversion.convert(plan, records, True, False, (), progress.step, on_remark, schema)
    settings = dataclasses.replace(
        recipe.settings, data_dir=records, model_dir=os.path.join(place, _MODELS), val_fraction=0
    )
    training.train_all(settings, recipe.net, recipe.net_options)


def _source(rows):
    """Returns the PhotoSource of some rows, under names that tell the splits apart."""
    by_category = {name: [] for name in sorted({row.category for row in rows})}
    for row in rows:
        by_category[row.category].append(row)
    first, photos = 0, {}
    for category, own in by_category.items():
        photos[category] = [
            SourcePhoto(first + number, name_in_data(row), functools.partial(photo_reading.read, path(row)), row.box)
            for number, row in enumerate(own)
        ]
        first += len(own)
    counts = {category: len(own) for category, own in photos.items()}

    def iterate(category, start):
        return iter(photos[category][start:])

    def select(category, start, count):
        return functools.partial(iter, photos[category][start : start + count])

    has_boxes = any(row.box for row in rows)
    return PhotoSource(counts, iterate, select, folds.digest(rows), rows[0].schema, has_boxes=has_boxes)


def path(row):
    """Returns the path of the photo of a conversion_plan.Row."""
    return os.path.join(row.split, row.image_id)
