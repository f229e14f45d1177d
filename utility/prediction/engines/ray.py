"""A Ray cluster predicts: photos are read and decoded on its cores, and nets wait for them in workers of their own."""

import functools

from base import cluster
from utility.prediction import engines
from utility.prediction.predictor import Predictor


def predicted(source, models, batches, options, loading):
    """Yields the rows of each batch, within `cluster.connected`; arguments as for every engine."""
    choice = {category: engines.model_of(models, category) for category in {batch.category for batch in batches}}
    items = [source.select(batch.category, batch.start, batch.count) for batch in batches]
    categories = [batch.category for batch in batches]
    make = functools.partial(_Predictors, choice, options, loading)
    return cluster.stream(list(zip(categories, items)), _read, make)


def _read(item):
    """Returns (category, photos, their pixels) of (category, function() -> the photos)."""
    category, select = item
    photos = list(select())
    return category, [photo._replace(read=None) for photo in photos], [photo.read() for photo in photos]


class _Predictors:
    """The Predictor of the category that is at work: a worker holds one at a time, as the local engine does."""

    def __init__(self, choice, options, loading):
        self._choice, self._options, self._loading = choice, options, loading
        self._loaded = self._predictor = None

    def __call__(self, piece):
        category, photos, images = piece
        if self._choice[category] != self._loaded:
            self._predictor = None  # frees the former one first
            self._predictor = Predictor(*self._choice[category], options=self._options, **self._loading)
            self._loaded = self._choice[category]
        return engines.find(self._predictor, category, photos, images)
