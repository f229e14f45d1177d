"""The ways to run a long prediction: a file each, named as the engine is (`--engine=<name>`).

An engine is a function `predicted(source, models, batches, options, loading)` that yields the rows of each batch, one
batch after the other:

    source: PhotoSource.
    models: {category: folders of the models to average}.
    batches: Batch, those of a category one after the other.
    options: inference.Options.
    loading: {checkpoint, precision} of Predictor.
    yields: for each batch the list of its rows, [position, image id, category, points [K][2], scores [K], box if any];
        in the place of a score, a calibrated model's has [score, xx, xy, yy] with the covariance in square pixels.

The rows are the same whichever engine runs: a batch is predicted whole, by a `Predictor`, for the last digits of a
point may depend on what else is in its batch.
"""

import importlib
from typing import NamedTuple

import numpy as np

from base import listing
from base.schema import ALL
from utility.model import model_directory

NAMES = listing.modules(__path__)  # without imports: --help has the names and does not load TensorFlow


class Batch(NamedTuple):
    """Photos that are predicted at once: `count` of a category, from its photo numbered `start` on."""

    category: str
    start: int
    count: int


def load(name):
    """Returns the module of an engine."""
    return importlib.import_module(f"{__name__}.{name}")


def model_of(models, category):
    """Returns the arguments of a category's Predictor, (folders, category): the same for all that share a model."""
    whole = all(model_directory.read(folder).category == ALL for folder in models[category])
    return tuple(models[category]), ALL if whole else category


def find(predictor, category, photos, images):
    """Returns the rows of a batch.

    Args:
        predictor: a Predictor.
        category: of the photos.
        photos: N (position, image id, …, box) as SourcePhoto has them.
        images: their pixels, N arrays [H, W, 3] uint8 RGB.
    """
    boxes = [photo.box for photo in photos]
    found = predictor.find(images, [category] * len(images), boxes)
    return [
        [photo.position, photo.image_id, category, row.tolist(), _scores(found, number), *_if_any(photo.box)]
        for number, (photo, row) in enumerate(zip(photos, found.points))
    ]


def _scores(found, number):
    """Returns the scores [K] of a photo, by its number in the batch, or [K][4] with the covariances."""
    scores = found.scores[number]
    if found.covariances is None:
        return scores.tolist()
    return np.concatenate([scores[:, None], found.covariances[number][:, (0, 0, 1), (0, 1, 1)]], axis=1).tolist()


def _if_any(box):
    return [] if box is None else [box]
