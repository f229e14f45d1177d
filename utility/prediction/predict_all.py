"""The prediction of a whole test set: every category with its models, in batches, going on where it stopped."""

import collections
import concurrent.futures
import hashlib
import itertools
import os

import numpy as np

from base.machine import cores
from base.schema import ALL
from preprocessing.data import annotations, csv_rows
from preprocessing.data.boxes import to_text
from utility.model import model_directory
from utility.prediction.partial_results import Journal, beside
from utility.prediction.predictor import Predictor


def predict_all(source, models, output, options, batch_size, scores_output=None, on_photo=lambda: None, **loading):
    """Predicts all photos of a test and writes the submission.

    Args:
        source: PhotoSource.
        models: {category: folders of the models to average} for every category of the test.
        output: the submission's path. The rows so far stand in `.<name>.partial` beside it while the work runs; the
            same call goes on from them.
        options: inference.Options.
        batch_size: photos a batch.
        scores_output: the path of a second CSV for the score of each point; None for none.
        on_photo: called for each photo that is done, also by an earlier call.
        **loading: `checkpoint` and `precision` of Predictor.

    Raises:
        DataError: a photo, a model, or the place of the output is wrong.
    """
    batches = [
        (category, start, min(batch_size, count - start))
        for category, count in source.counts.items()
        for start in range(0, count, batch_size)
    ]
    work = {
        "photos": source.fingerprint,
        "models": {name: [identity(folder, loading.get("checkpoint")) for folder in models[name]] for name in models},
        "options": {**options._asdict(), **loading},
        "batch_size": batch_size,
    }
    journal = Journal(beside(output), work, [count for *_, count in batches])
    try:
        for _ in range(sum(count for *_, count in batches[: journal.batches])):
            on_photo()
        for rows in predicted(source, models, batches[journal.batches :], options, loading):
            journal.add(rows)
            for _ in rows:
                on_photo()
        _write(journal.rows(), source, output, scores_output)
    except BaseException:
        journal.leave()
        raise
    journal.remove()


def identity(folder, checkpoint=None):
    """Returns a text that differs for other weights: a checkpoint's index holds the checksum of every variable."""
    path = model_directory.checkpoint(checkpoint or folder)
    digest = hashlib.sha256()
    for file in (os.path.join(folder, model_directory.DESCRIPTION), path + ".index"):
        with open(file, "rb") as handle:
            digest.update(handle.read())
    return digest.hexdigest()


def predicted(source, models, batches, options, loading):
    """Yields the rows of each batch, [position, image id, category, points [K][2], scores [K], box if any].

    Args:
        source, models, options: as for `predict_all`.
        batches: (category, number of its first photo within the category, number of photos), one after the other.
        loading: {checkpoint, precision} of Predictor.
    """
    loaded, predictor = None, None
    for category, group in itertools.groupby(batches, key=lambda batch: batch[0]):
        whole = all(model_directory.read(folder).category == ALL for folder in models[category])
        wanted = (models[category], ALL if whole else category)
        if wanted != loaded:  # a model of `all` is loaded once for every category
            predictor = None  # frees the former one first
            predictor, loaded = Predictor(*wanted, options=options, **loading), wanted
        first = next(group)
        photos = source.iterate(category, first[1])
        for batch, images in read_ahead(photos, (count for *_, count in itertools.chain([first], group))):
            boxes = [photo.box for photo in batch]
            points, scores = predictor.find(images, [category] * len(images), boxes)
            yield [
                [photo.position, photo.image_id, category, row.tolist(), values.tolist(), *_if_any(photo.box)]
                for photo, row, values in zip(batch, points, scores)
            ]


def _if_any(box):
    return [] if box is None else [box]


def read_ahead(photos, sizes):
    """Yields (photos, what their `read` returns) batch by batch, while the next ones are read, one photo per core.

    Args:
        photos: an iterable of SourcePhoto, or of what else has a `read`.
        sizes: an iterable of the numbers of photos of the batches.
    """
    readers = cores()
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


def _write(rows, source, output, scores_output):
    """Writes the submission and the scores, rows by position."""
    schema, rows = source.schema, sorted(rows, key=lambda row: row[0])
    points = np.full([len(rows), len(schema.keypoints), 2], -1.0)
    visibility = np.full([len(rows), len(schema.keypoints)], -1)
    scores = np.full([len(rows), len(schema.keypoints)], np.nan)
    for index, (_, _, category, row_points, row_scores, *_) in enumerate(rows):
        own = list(schema.keypoint_indices(category))
        points[index, own], scores[index, own], visibility[index, own] = row_points, row_scores, 1
    image_ids, categories = [row[1] for row in rows], [row[2] for row in rows]
    boxes = [row[5] if len(row) > 5 else None for row in rows]
    # Records do not tell whether the CSV had the column; rows of one photo need it.
    if not source.has_boxes and not any(boxes) and len(set(image_ids)) == len(image_ids):
        boxes = None
    if scores_output:
        _write_scores(scores_output, image_ids, categories, scores, schema, boxes)
    annotations.write(output, image_ids, categories, points, visibility, schema, boxes)


def _write_scores(path, image_ids, categories, scores, schema, boxes):
    last = [()] * len(scores) if boxes is None else [(to_text(box),) for box in boxes]
    rows = [annotations.columns(schema, boxes is not None)]
    for image_id, category, row, box in zip(image_ids, categories, scores, last):
        cells = ("" if np.isnan(score) else f"{score:.6f}" for score in row)
        rows.append([image_id, category, *cells, *box])
    csv_rows.write(path, rows)
