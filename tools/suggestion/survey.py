"""The look at all photos, which can be stopped at any time and goes on where it was."""

import contextlib
import dataclasses
import hashlib
import itertools

import numpy as np

from base.errors import DataError
from base.files import state
from base.schema import ALL
from tools.suggestion import choice, disagreement
from utility.model import model_directory
from utility.prediction import photo_reading, predict_all
from utility.prediction.engines import local
from utility.prediction.partial_results import Journal, beside

_DIGITS = 4  # behind the point, of the numbers that are kept of how a photo looks


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photo that was looked at.

    Attributes:
        file: its path.
        category: the garment's.
        disagreement, doubt: of `disagreement.measure`.
        look: of `choice.look_of`.
    """

    file: str
    category: str
    disagreement: float
    doubt: float
    look: np.ndarray

    @property
    def value(self):
        """What a label of the photo is worth."""
        return self.disagreement + self.doubt


@dataclasses.dataclass(frozen=True)
class _File:
    """A photo to look at."""

    path: str

    def read(self):
        """Returns the pixels [H, W, 3] uint8 RGB, or the DataError that says why there are none."""
        try:
            return photo_reading.read(self.path)
        except DataError as error:
            return error


@contextlib.contextmanager
def survey(files, categories, models, output, batch_size, precision, on_photo=lambda: None):
    """Looks at photos, and yields what was seen.

    Args:
        files: N paths.
        categories: N names of categories.
        models: {category: folders of its models}.
        output: the path of what the block makes of it. What is done stands in `.<name>.partial` beside it until the
            block ends without an error; a survey of the same photos by the same models goes on from there.
        batch_size: photos at a time.
        precision: of Predictor.
        on_photo: called for each photo that is done, also by an earlier call.

    Yields:
        A list of Photo, by category, and a list of the DataErrors of photos that cannot be read.

    Raises:
        DataError: a model is wrong, or the place of the output.
    """
    batches = list(_batches(files, categories, batch_size))
    states = [(name, path, *_state(path)) for name, paths in batches for path in paths]
    work = {
        "photos": hashlib.sha256(repr(states).encode(errors="surrogateescape")).hexdigest(),
        "models": {name: [predict_all.identity(folder) for folder in folders] for name, folders in models.items()},
        "batch_size": batch_size,
        "precision": precision,
    }
    journal = Journal(beside(output), work, [len(paths) for _, paths in batches])
    try:
        for _ in range(sum(len(paths) for _, paths in batches[: journal.batches])):
            on_photo()
        for rows in _look(batches[journal.batches :], models, precision):
            journal.add(rows)
            for _ in rows:
                on_photo()
        rows = list(journal.rows())
        seen = [Photo(*row[:-1], np.float32(row[-1])) for row in rows if len(row) == len(dataclasses.fields(Photo))]
        yield seen, [DataError(*row) for row in rows if len(row) == len(("file", "where", "what"))]
    except BaseException:
        journal.leave()
        raise
    journal.remove()


def _batches(files, categories, batch_size):
    """Yields (category, paths)."""
    for name in sorted(set(categories)):
        own = [file for file, other in zip(files, categories) if other == name]
        for start in range(0, len(own), batch_size):
            yield name, own[start : start + batch_size]


def _state(path):
    """Returns what changes when a file does; nothing where it is gone, of which its reading tells."""
    try:
        return state(path)
    except OSError:
        return ()


def _look(batches, models, precision):
    """Yields a row of JSON values for each photo of a batch: the fields of its Photo, or of its DataError."""
    loaded, committee = None, None
    for category, group in itertools.groupby(batches, key=lambda batch: batch[0]):
        whole = all(model_directory.read(folder).category == ALL for folder in models[category])
        wanted = (models[category], ALL if whole else category)
        if wanted != loaded:  # a model of `all` is loaded once for every category
            committee = None  # frees the former one first
            committee, loaded = disagreement.Committee(*wanted, precision), wanted
        paths = [path for _, paths in group for path in paths]
        sizes = [len(paths) for name, paths in batches if name == category]
        for photos, images in local.read_ahead(map(_File, paths), sizes):
            yield _rows(photos, images, category, committee)


def _rows(files, images, category, committee):
    good = [image for image in images if not isinstance(image, DataError)]
    measured = iter(committee.look(good, [category] * len(good)) if good else ())
    rows = []
    for file, image in zip(files, images):
        if isinstance(image, DataError):
            rows.append([image.file, image.where, image.what])
        else:
            look = np.round(choice.look_of(image).astype(float), _DIGITS).tolist()
            rows.append([file.path, category, *next(measured), look])
    return rows
