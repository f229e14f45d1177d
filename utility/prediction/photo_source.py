"""The photos of a test: those that a `test.csv` names, or those of test records; category by category."""

import functools
import hashlib
import itertools
import os
from typing import Callable, NamedTuple, Optional

from base import files
from base import schema as schemas
from base.errors import DataError, DataErrors
from base.schema import ALL, Schema
from preprocessing.data import annotations, boxes, layout, manifest, photos, records
from utility.prediction import photo_reading


class SourcePhoto(NamedTuple):
    """One photo.

    Attributes:
        position: its row in the submission.
        image_id: `Images/<category>/<name>.jpg`.
        read: function() -> [H, W, 3] uint8 RGB, the whole photo; raises DataError, also where the box is not inside.
        box: the garment's (x0, y0, x1, y1) in it; None for the whole photo.
    """

    position: int
    image_id: str
    read: Callable
    box: Optional[tuple] = None


class PhotoSource(NamedTuple):
    """All photos of a test.

    Attributes:
        counts: {category: number of photos}, in alphabetical order, without the categories that have none.
        iterate: function(category, start) that yields the SourcePhoto of a category from the one numbered `start` on.
        select: function(category, start, count) -> function() that yields `count` of them, and can be pickled.
        fingerprint: a text that differs for other photos.
        schema: the Schema of the photos' keypoints and categories.
        file: the CSV that names them; None for records.
        has_boxes: whether the CSV has the column `box`; records tell it one by one.
    """

    counts: dict
    iterate: Callable
    select: Callable
    fingerprint: str
    schema: Schema
    file: Optional[str] = None
    has_boxes: bool = False


def find(data_dir, category=None, schema=None):
    """Returns the PhotoSource of a folder: a split with its CSV, or records.

    Args:
        data_dir: the folder.
        category: only its photos; None or `all` for every category.
        schema: the Schema of a split's CSV, FashionAI's where not given; records bring theirs.

    Raises:
        DataError, DataErrors: neither is there, the CSV is wrong, or photos are missing.
    """
    is_records = bool(records.list_shards(data_dir, ALL))
    schema = manifest.schema_of(data_dir) if is_records else schema or schemas.default()
    wanted = schema.category_names if category in (None, ALL) else (category,)
    return (_of_records if is_records else _of_split)(data_dir, wanted, schema)


def _of_split(data_dir, wanted, schema):
    file = layout.find_csv(data_dir)
    rows = annotations.read_images(file, schema)
    by_category = {name: [] for name in wanted}
    faults, digest = [], hashlib.sha256()
    with open(files.local(file), "rb") as handle:
        digest.update(handle.read())
    for (image_id, category, box), line in zip(rows.keys, rows.lines):
        if category not in by_category:
            continue
        path, fault = layout.photo_path(data_dir, image_id)
        if fault is None and not files.is_file(path):
            fault = "is missing: expected a JPEG photo"
        if fault:
            faults.append(DataError(file, f"line {line}, column image_id", f"{path} {fault}"))
        elif wrong_box := _wrong_box(path, box):
            faults.append(DataError(file, f"line {line}, column {boxes.COLUMN}", wrong_box))
        else:
            digest.update(repr(files.state(path)).encode())
        position = sum(map(len, by_category.values()))
        read = functools.partial(_read, path, box, file, int(line))
        by_category[category].append(SourcePhoto(position, image_id, read, box))
    if faults:
        raise DataErrors(faults)

    def iterate(category, start):
        return itertools.islice(by_category[category], start, None)

    def select(category, start, count):
        return functools.partial(iter, by_category[category][start : start + count])

    counts = _counts(data_dir, {name: len(row) for name, row in by_category.items()})
    return PhotoSource(counts, iterate, select, digest.hexdigest(), schema, file, rows.boxes is not None)


def _wrong_box(path, box):
    """Returns what is wrong with a box by the header of its photo: it is told before the first photo is predicted."""
    size = photos.size_in_header(path) if box else None
    return boxes.outside(box, size) if size else None


def _read(path, box, file, line):
    """Returns the photo of a row of a CSV, whose box must lie in it."""
    image = photo_reading.read(path)
    wrong = boxes.outside(box, image.shape[1::-1])
    if wrong:
        raise DataError(file, f"line {line}, column {boxes.COLUMN}", wrong)
    return image


def _of_records(data_dir, wanted, schema):
    shards = {
        name: [(file, records.count_records([file])) for file in records.list_shards(data_dir, name)] for name in wanted
    }
    counts = _counts(data_dir, {name: sum(count for _, count in own) for name, own in shards.items()})
    states = [(os.path.basename(file), *files.state(file)) for own in shards.values() for file, _ in own]
    first = dict(zip(counts, itertools.accumulate(counts.values(), initial=0)))

    def iterate(category, start):
        return _photos_of_records(shards[category], schema, first[category], start)

    def select(category, start, count):
        return functools.partial(_photos_of_records, shards[category], schema, first[category], start, count)

    return PhotoSource(counts, iterate, select, repr(states), schema)


def _photos_of_records(shards, schema, position, start, count=None):
    """Yields the SourcePhoto of a category's records, `count` of them (None: all) from the one numbered `start` on.

    Args:
        shards: (file, number of its records).
        schema: theirs.
        position: the row in the submission of the first record.
    """
    rest = count
    for file, size in shards:
        if start < size and rest != 0:
            end = None if rest is None else start + rest
            for number, example in itertools.islice(_numbered(file, schema), start, end):
                feature = example.features.feature
                encoded = feature["image/encoded"].bytes_list.value[0]
                image_id = feature["image/filename"].bytes_list.value[0].decode()
                read = functools.partial(_decode_record, encoded, file, number)
                yield SourcePhoto(position + number - 1, image_id, read, records.box_of(example))
            rest = None if rest is None else max(0, rest - (size - start))
        start, position = max(0, start - size), position + size


def _counts(data_dir, counts):
    counts = {name: count for name, count in counts.items() if count}
    if not counts:
        raise DataError(data_dir, None, "has no photo of the category: expected another folder or category")
    return counts


def _numbered(file, schema):
    return enumerate(records.read_examples(file, schema), start=1)


def _decode_record(encoded, file, number):
    try:
        return photo_reading.decode(photos.check(encoded).encoded, file)
    except (photos.BadPhoto, DataError) as error:
        raise DataError(file, f"record {number}, image/encoded", getattr(error, "what", str(error))) from error
