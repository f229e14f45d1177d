"""A Ray cluster predicts: photos are read and decoded on its cores, and nets wait for them in workers of their own."""

import functools
import itertools

from base import cluster
from utility.prediction import engines
from utility.prediction.predictor import Predictor

_PHOTOS = 32  # at most, of the batches that travel together: each journey costs Ray some milliseconds
_ITEMS = 4  # at least, of what travels to each worker: none waits long for the last


def predicted(source, models, batches, options, loading):
    """Yields the rows of each batch, within `cluster.connected`; arguments as for every engine."""
    choice = {category: engines.model_of(models, category) for category in {batch.category for batch in batches}}
    most = _PHOTOS // max((batch.count for batch in batches), default=1)
    most = max(1, min(most, len(batches) // (_ITEMS * cluster.num_workers())))
    items = []
    for category, group in itertools.groupby(batches, key=lambda batch: batch.category):
        photos = [source.select(*batch) for batch in group]
        items += [(category, photos[start : start + most]) for start in range(0, len(photos), most)]
    make = functools.partial(_Predictors, choice, options, loading)
    return itertools.chain.from_iterable(cluster.stream(items, _read, make))


def _read(item):
    """Returns (category, batches: (photos, their pixels) each), for (category, batches: function() -> photos each)."""
    category, selected = item
    batches = [list(select()) for select in selected]
    return category, [([photo._replace(read=None) for photo in batch], _pixels(batch)) for batch in batches]


def _pixels(batch):
    return [photo.read() for photo in batch]


class _Predictors:
    """The Predictor of the category that is at work: a worker holds one at a time, as the local engine does."""

    def __init__(self, choice, options, loading):
        self._choice, self._options, self._loading = choice, options, loading
        self._loaded = self._predictor = None

    def __call__(self, piece):
        """Returns the rows of each batch."""
        category, batches = piece
        if self._choice[category] != self._loaded:
            self._predictor = None  # frees the former one first
            self._predictor = Predictor(*self._choice[category], options=self._options, **self._loading)
            self._loaded = self._choice[category]
        return [engines.find(self._predictor, category, *batch) for batch in batches]
