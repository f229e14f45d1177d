"""Photos with their points, gathered from data sets, records and submissions, and checked one by one."""

import concurrent.futures
import dataclasses
import glob
import os
from typing import Optional

import cv2
import numpy as np

from base.errors import DataError
from base.machine import cores
from base.progress import Progress
from base.schema import ALL
from preprocessing.data import annotations, boxes, layout, manifest, photos, records
from utility import drawing
from utility.scoring import scoring


@dataclasses.dataclass
class Entry:
    """One row of the page: a photo, or its part within a box; points are in its pixels, in the schema's order.

    Attributes:
        source: the split or shard it comes from.
        image_id, category: as the CSV has them.
        place: where it stands in its file, for people: `line 3`, `record 7`.
        points: [K, 2] float64.
        visibility: [K] int32 in {-1, 0, 1}.
        size: (width, height), None where the photo cannot be read.
        path: the photo's file, empty for a record.
        thumbnail: JPEG bytes, empty where the photo cannot be read.
        predicted: [K, 2] float64, None where there is no prediction.
        covariances: [K, 2, 2] float64, square pixels, of `predicted`; NaN for points without, None where none has one.
        faults: what is wrong with it, a line each.
        box: the garment's (x0, y0, x1, y1), None for the whole photo.
        suspects: (keypoint's index, suspicion from 0 to 1, what would be wrong) of annotations that may be wrong.
    """

    source: str
    image_id: str
    category: str
    place: str
    points: np.ndarray
    visibility: np.ndarray
    size: Optional[tuple] = None
    path: str = ""
    thumbnail: bytes = b""
    predicted: Optional[np.ndarray] = None
    covariances: Optional[np.ndarray] = None
    faults: list = dataclasses.field(default_factory=list)
    box: Optional[tuple] = None
    suspects: list = dataclasses.field(default_factory=list)


def from_data_dir(data_dir, thumbnail_size, schema):
    """Gathers the splits of a data set, or one split when `data_dir` is `DATA/train_0` or `DATA/test_0` itself.

    Returns:
        A list of Entry, and a list of the errors of rows that cannot be read.

    Raises:
        DataError, DataErrors: there is no split, or a CSV cannot be read at all.
    """
    below = sorted(glob.glob(os.path.join(glob.escape(data_dir), "*", "")))
    folders = [folder for folder in [data_dir, *below] if _is_split(folder)]
    if not folders:
        what = "has no train_*/Annotations/*.csv and no test_*/test.csv: expected a data set or one of its splits"
        raise DataError(data_dir, None, what)
    entries, faults = [], []
    for folder in folders:
        table, labelled = _table(folder)
        rows, wrong = annotations.parse(table, labelled, schema)
        faults += wrong
        source = os.path.basename(os.path.abspath(folder))
        found = [
            Entry(source, *names, f"line {line}", points, visibility, path=os.path.join(folder, names[0]), box=box)
            for (*names, box), line, points, visibility in zip(rows.keys, rows.lines, rows.points, rows.visibility)
        ]
        load(found, folder, thumbnail_size, schema)
        entries += found
    return entries, faults


def load(entries, split, thumbnail_size, schema):
    """Reads the photos of entries of a split, a folder: their sizes, thumbnails and faults."""
    _each(entries, lambda entry: _load(entry, split, thumbnail_size, schema))


def _is_split(folder):
    return any(os.path.exists(os.path.join(folder, name)) for name in ("Annotations", "test.csv", "test.csv.gz"))


def _table(split):
    """Returns the split's CSV and whether it has keypoints; for a test split the answer beside it, if it is there."""
    answer = os.path.abspath(split) + "_answer.csv"
    if layout.is_labelled(split):
        return layout.find_csv(split), True
    return (answer, True) if os.path.isfile(answer) else (layout.find_csv(split), False)


def from_records(records_dir, thumbnail_size):
    """Gathers the photos of a folder of TFRecords.

    Returns:
        A list of Entry.

    Raises:
        DataError: there are no records, or one is damaged.
    """
    shards = records.list_shards(records_dir, ALL) + records.list_shards(records_dir, ALL, validation=True)
    if not shards:
        raise DataError(records_dir, None, "has no records: expected a folder of <category>_0000.tfrecord files")
    entries, schema = [], manifest.schema_of(records_dir)
    for shard in shards:
        for number, example in enumerate(records.read_examples(shard, schema), start=1):
            entry, encoded = _from_example(example, os.path.basename(shard), number, schema)
            _take(entry, encoded, thumbnail_size, schema)
            entries.append(entry)
    return entries


def _from_example(example, source, number, schema):
    """Returns the Entry of a tf.train.Example, and the photo's bytes."""
    feature = example.features.feature
    count = len(schema.keypoints)
    points, visibility = np.full([count, 2], -1.0), np.full(count, -1, np.int32)
    columns = [feature[f"image/keypoint/{name}"].int64_list.value for name in ("gid", "x", "y", "v")]
    for index, x, y, state in zip(*columns):
        points[index], visibility[index] = (x, y), state
    image_id = feature["image/filename"].bytes_list.value[0].decode(errors="replace")
    category = schema.category_names[feature["image/classid"].int64_list.value[0]]
    entry = Entry(source, image_id, category, f"record {number}", points, visibility, box=records.box_of(example))
    return entry, feature["image/encoded"].bytes_list.value[0]


def add_predictions(entries, prediction, covariances=None):
    """Gives each entry the points of a submission; an entry that it has no row for goes.

    Args:
        entries: a list of Entry.
        prediction: Annotations of the submission.
        covariances: [N, K, 2, 2] of its rows' points, where they are known.

    Raises:
        DataError: none of the photos is in it.
    """
    keys = prediction.image_ids if prediction.boxes is None else prediction.keys
    rows = {key: row for row, key in enumerate(keys)}
    kept = []
    for entry in entries:
        key = (entry.image_id, entry.category, entry.box)
        if prediction.boxes is None:
            # A row of the whole photo is none for a part of it.
            key = None if entry.box else entry.image_id
        if key in rows:
            entry.predicted = prediction.points[rows[key]]
            entry.covariances = None if covariances is None else covariances[rows[key]]
            kept.append(entry)
    if not kept:
        raise DataError(prediction.file, None, "has no row for any photo of the data: it belongs to other photos")
    return kept


def errors(entry, schema):
    """Returns the [K] normalised errors of an entry's prediction, NaN where a keypoint is not scored."""
    if entry.predicted is None:
        return np.full(len(schema.keypoints), np.nan)
    norm = scoring.normalising_lengths(entry.points[None], [entry.category], schema)[0]
    distances = np.linalg.norm(entry.predicted - entry.points, axis=1) / norm
    (own,) = scoring.own_keypoints([entry.category], schema)
    return np.where((entry.visibility == 1) & own, distances, np.nan)


def _each(entries, work):
    """Calls `work` on every entry, in threads: the time goes into decoding, which runs beside Python."""
    with Progress("photos read", len(entries)) as progress, concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(work, entries):
            progress.step()


def _load(entry, split, thumbnail_size, schema):
    entry.path, wrong = layout.photo_path(split, entry.image_id)
    if wrong:
        entry.faults.append(f"the photo {wrong}")
        return
    try:
        _take(entry, photos.read_bytes(entry.path), thumbnail_size, schema)
    except photos.BadPhoto as error:
        entry.faults.append(f"the photo {error}")


def _take(entry, data, thumbnail_size, schema):
    """Checks the photo's bytes and the points on it, and makes the thumbnail."""
    try:
        photo = photos.check(data)
    except photos.BadPhoto as error:
        entry.faults.append(f"the photo {error}")
        return
    entry.size = photo.size
    entry.thumbnail = _thumbnail(photo, thumbnail_size)
    entry.faults += _point_faults(entry, schema)


def _thumbnail(photo, longest):
    """Returns the photo as a small JPEG; decoding straight to a half, a quarter or an eighth saves most of the time."""
    shrink = max(photo.size) / longest
    mode = next(mode for least, mode in _REDUCED if shrink >= least)
    image = cv2.imdecode(np.frombuffer(photo.encoded, np.uint8), mode)[..., ::-1]
    scale = min(1.0, longest / max(photo.size))
    width, height = (max(1, round(side * scale)) for side in photo.size)
    return drawing.encode(drawing.fitted(image, width, height), quality=72)


_REDUCED = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
    (0, cv2.IMREAD_COLOR),
)


def _point_faults(entry, schema):
    """Returns what is wrong with box and points: outside the photo, of another category, useless for the metric."""
    wrong_box = boxes.outside(entry.box, entry.size)
    faults = [f"the box {wrong_box}"] if wrong_box else []
    own, names = schema.keypoint_indices(entry.category), schema.keypoints
    present = entry.visibility >= 0
    for index in np.flatnonzero(present):
        x, y = entry.points[index]
        if not (0 <= x < entry.size[0] and 0 <= y < entry.size[1]):
            faults.append(f"{names[index]} is at {x:g}, {y:g}, outside the photo of {entry.size[0]}x{entry.size[1]}")
        if index not in own:
            faults.append(f"{names[index]} is no keypoint of {entry.category}")
    left, right = schema.normalising_pair(entry.category)
    if present.any() and present[[left, right]].sum() == 1:
        faults.append(f"only one of {names[left]} and {names[right]}, which normalise the error, is there")
    elif present[left] and (entry.points[left] == entry.points[right]).all():
        faults.append(f"{names[left]} and {names[right]}, which normalise the error, are the same point")
    return faults
