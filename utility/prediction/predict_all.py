"""The prediction of a whole test set: every category with its models, in batches, going on where it stopped."""

import contextlib
import hashlib
import itertools
import os
from typing import NamedTuple, Optional

import numpy as np

from base import parts
from base.files import check_no_folder, exclusive_file, remove_at_once
from preprocessing.data import annotations
from preprocessing.labelling import point_scores
from utility.model import model_directory
from utility.prediction import engines, inference, partial_results
from utility.prediction.engines import Batch
from utility.prediction.partial_results import Journal, beside
from utility.prediction.photo_source import PhotoSource


class Work(NamedTuple):
    """What is to be predicted, and how.

    Attributes:
        source: PhotoSource.
        models: {category: folders of the models to average} for every category of the test.
        options: inference.Options.
        batch_size: photos a batch.
        checkpoint, precision: those of Predictor.
    """

    source: PhotoSource
    models: dict
    options: inference.Options
    batch_size: int
    checkpoint: Optional[str] = None
    precision: str = "float32"

    def batches(self, part=None):
        """Returns the batches, of a Part where one is given: the work is cut between them, see `engines`."""
        size = self.batch_size
        found = [
            Batch(category, start, min(size, count - start))
            for category, count in self.source.counts.items()
            for start in range(0, count, size)
        ]
        if part is None:
            return found
        own = parts.shares(part.of, _sizes(found))[part.number - 1]
        return found[own.start : own.stop]

    def num_photos(self, part=None):
        """Returns the number of photos, of a Part where one is given."""
        return sum(_sizes(self.batches(part)))

    def identity(self):
        """Returns a dict of JSON values that differs for another work."""
        return {
            "photos": self.source.fingerprint,
            "models": {
                name: [identity(folder, self.checkpoint) for folder in folders] for name, folders in self.models.items()
            },
            "options": {**self.options._asdict(), **self.loading},
            "batch_size": self.batch_size,
        }

    @property
    def loading(self):
        return {"checkpoint": self.checkpoint, "precision": self.precision}


def identity(folder, checkpoint=None):
    """Returns a text that differs for other weights: a checkpoint's index has the checksum of every variable."""
    path = model_directory.checkpoint(checkpoint or folder)
    digest = hashlib.sha256()
    for file in (os.path.join(folder, model_directory.DESCRIPTION), path + ".index"):
        with open(file, "rb") as handle:
            digest.update(handle.read())
    return digest.hexdigest()


def predict_all(work, output, scores_output=None, on_photo=lambda: None, engine="local"):
    """Predicts all photos of a test and writes the submission.

    Args:
        work: Work.
        output: the submission's path. The rows so far stand in `.<name>.partial` beside it while the work runs; the
            same call goes on from them.
        scores_output: the path of a second CSV for the score of each point, and its covariance where the models are
            calibrated; None for none.
        on_photo: called for each photo that is done, also by an earlier call.
        engine: one of `engines.NAMES`.

    Raises:
        DataError: a photo, a model, or the place of the output is wrong.
    """
    journal = Journal(beside(output), work.identity(), _sizes(work.batches()))
    with _predicting(journal, work, work.batches(), on_photo, engine):
        _write(journal.rows(), work.source, output, scores_output)
    journal.remove()


def predict_part(work, part, output, on_photo=lambda: None, engine="local"):
    """Predicts a Part of the photos, for `merge`; a part that is done is not predicted again.

    Other arguments and errors are those of `predict_all`.
    """
    batches, wanted = work.batches(part), {**work.identity(), "part": str(part)}
    check_no_folder(output)
    path = parts.place(parts.folder_beside(output), part)
    with exclusive_file(path):
        if partial_results.is_finished(path, wanted, sum(_sizes(batches))):
            for _ in range(sum(_sizes(batches))):
                on_photo()
            return
        journal = Journal(beside(path), wanted, _sizes(batches))
        with _predicting(journal, work, batches, on_photo, engine):
            pass
        journal.finish(path)


def merge(work, output, scores_output=None):
    """Writes the submission from its parts, the bytes that `predict_all` writes, and removes them.

    Returns:
        How many parts there were.

    Raises:
        DataError: a part is missing, or of another work, or the output cannot be written.
    """
    folder = parts.folder_beside(output)
    found = parts.complete(folder)
    paths = [parts.place(folder, part) for part in found]
    sizes, whole = _sizes(work.batches()), work.identity()
    for part, path, own in zip(found, paths, parts.shares(len(found), sizes)):
        rows = sum(sizes[own.start : own.stop])
        partial_results.check_finished(path, {**whole, "part": str(part)}, rows)
    _write(itertools.chain.from_iterable(map(partial_results.rows, paths)), work.source, output, scores_output)
    remove_at_once(folder)
    return len(paths)


def _sizes(batches):
    return [batch.count for batch in batches]


@contextlib.contextmanager
def _predicting(journal, work, batches, on_photo, engine):
    """Predicts the batches that a journal lacks, before the block; where either fails, the journal stays."""
    try:
        for _ in range(sum(_sizes(batches[: journal.batches]))):
            on_photo()
        rest = batches[journal.batches :]
        for rows in engines.load(engine).predicted(work.source, work.models, rest, work.options, work.loading):
            journal.add(rows)
            for _ in rows:
                on_photo()
        yield
    except BaseException:
        journal.leave()
        raise


def _write(rows, source, output, scores_output):
    """Writes the submission and the scores, rows by position."""
    schema = source.schema
    rows = ([*row[:3], np.array(row[3]), np.array(row[4]), *row[5:]] for row in rows)  # lists take much memory
    rows = sorted(rows, key=lambda row: row[0])
    shape = (len(rows), len(schema.keypoints))
    points, visibility = np.full([*shape, 2], -1.0), np.full(shape, -1)
    for index, (_, _, category, row_points, *_) in enumerate(rows):
        own = list(schema.keypoint_indices(category))
        points[index, own], visibility[index, own] = row_points, 1
    image_ids, categories = [row[1] for row in rows], [row[2] for row in rows]
    boxes = [row[5] if len(row) > 5 else None for row in rows]
    # Records do not tell whether the CSV had the column; rows of one photo need it.
    if not source.has_boxes and not any(boxes) and len(set(image_ids)) == len(image_ids):
        boxes = None
    if scores_output:
        point_scores.write(scores_output, image_ids, categories, _scores(rows, schema), schema, boxes)
    annotations.write(output, image_ids, categories, points, visibility, schema, boxes)


def _scores(rows, schema):
    """Returns the PointScores of rows, whose own are [K] scores or [K][4] with covariances."""
    numbers = np.full([len(rows), len(schema.keypoints), 4], np.nan)
    for index, (_, _, category, _, scores, *_) in enumerate(rows):
        width = 1 if scores.ndim == 1 else 4
        numbers[index, list(schema.keypoint_indices(category)), :width] = scores.reshape(-1, width)
    return point_scores.PointScores(numbers[..., 0], numbers[..., [[1, 2], [2, 3]]])
