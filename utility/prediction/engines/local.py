"""This process predicts, while threads read the next photos."""

import collections
import concurrent.futures
import itertools

from base import files
from utility.prediction import engines
from utility.prediction.predictor import Predictor


def predicted(source, models, batches, options, loading):
    """Yields the rows of each batch; arguments as for every engine."""
    loaded, predictor = None, None
    for category, group in itertools.groupby(batches, key=lambda batch: batch.category):
        wanted = engines.model_of(models, category)
        if wanted != loaded:  # a model of `all` is loaded once for every category
            predictor = None  # frees the former one first
            predictor, loaded = Predictor(*wanted, options=options, **loading), wanted
        first = next(group)
        photos = source.iterate(category, first.start)
        for batch, images in read_ahead(photos, (one.count for one in itertools.chain([first], group))):
            yield engines.find(predictor, category, batch, images)


def read_ahead(photos, sizes):
    """Yields (photos, what their `read` returns) batch by batch, while the next ones are read, one photo per core.

    Args:
        photos: an iterable of SourcePhoto, or of what else has a `read`.
        sizes: an iterable of the numbers of photos of the batches.
    """
    readers = files.readers()
    with concurrent.futures.ThreadPoolExecutor(readers) as executor:
        waiting = collections.deque()
        for size in sizes:
            batch = list(itertools.islice(photos, size))
            waiting.append((batch, [executor.submit(photo.read) for photo in batch]))
            if sum(len(batch) for batch, _ in waiting) >= readers + len(waiting[0][0]):
                batch, images = waiting.popleft()
                yield batch, [image.result() for image in images]
        for batch, images in waiting:
            yield batch, [image.result() for image in images]
