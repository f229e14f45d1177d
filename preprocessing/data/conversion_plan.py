"""What a conversion will do: the rows of a data set's CSVs, checked, and which of them go into which shard."""

import collections
import hashlib
import os
from typing import Any, NamedTuple

import numpy as np

from base.errors import DataError
from base.schema import Schema
from base.wording import counted
from preprocessing.data import annotations, layout, records

SHARD_RECORDS = 512


class Row(NamedTuple):
    """A photo and what the CSV says of it: points [K, 2] in its pixels, visibility [K]; None in a test split.

    `box` is (x0, y0, x1, y1), see `boxes`; None for the whole photo.
    """

    split: str
    csv: str
    line: int
    image_id: str
    category: str
    points: Any
    visibility: Any
    schema: Schema
    box: Any = None

    def fault(self, column, what):
        return DataError(self.csv, f"line {self.line}, column {column}", what)


class Shard(NamedTuple):
    """The rows that one file will hold, for the training or for its validation."""

    name: str
    rows: list
    validation: bool


def read_rows(splits, schema):
    """Returns the rows of the splits [list of Row, in the CSVs' order], and the faults of their CSVs [DataError].

    Args:
        splits: folders.
        schema: the Schema of their CSVs.

    Raises:
        DataError, DataErrors: a CSV is missing or cannot be read, or its header is wrong.
    """
    rows, faults = [], []
    for split in splits:
        csv, labelled = layout.find_csv(split), layout.is_labelled(split)
        table, wrong = annotations.parse(csv, labelled, schema, whole_pixels=True)
        if not len(table) and not wrong:
            raise DataError(csv, None, "has no rows: expected one row per photo")
        faults += wrong
        rows_of_split = _to_rows(split, table, labelled)
        suspects = _with_wrong_labels(table) if labelled else set()
        for number, row in enumerate(rows_of_split):
            if number in suspects:
                faults += _wrong_labels(row)
            else:
                rows.append(row)
    return rows, faults


def _to_rows(split, table, labelled):
    nothing = [None] * len(table)
    points, visibility = (table.points, table.visibility) if labelled else (nothing, nothing)
    columns = (table.lines.tolist(), table.image_ids, table.categories, points, visibility)
    rows = zip(zip(*columns), table.boxes or nothing)
    return [Row(split, table.file, *values, table.schema, box) for values, box in rows]


def _with_wrong_labels(table):
    """Returns the set of the numbers of the rows without a keypoint, or with one that their category lacks."""
    present = table.visibility >= 0  # [N, K]
    own = np.zeros(present.shape, bool)
    for category in table.schema.category_names:
        own[np.ix_([name == category for name in table.categories], table.schema.keypoint_indices(category))] = True
    return set(np.flatnonzero(~present.any(axis=1) | (present & ~own).any(axis=1)).tolist())


def _wrong_labels(row):
    present = [name for name, state in zip(row.schema.keypoints, row.visibility) if state >= 0]
    own = row.schema.keypoint_names(row.category)
    if not present:
        what = f"and all others are absent: expected {row.category} with at least one keypoint"
        return [row.fault(own[0], what)]
    return [
        row.fault(name, f"is no keypoint of {row.category}: expected -1_-1_-1") for name in present if name not in own
    ]


def folder_warnings(rows):
    """Returns a line for each row whose category differs from the folder that its photo lies in."""
    lines = []
    for row in rows:
        folder = os.path.basename(os.path.dirname(row.image_id))
        if folder in row.schema.category_names and folder != row.category:
            lines.append(
                f"{row.csv}: line {row.line}: the photo lies in {folder}, the category {row.category} is taken"
            )
    return lines


def plan_warnings(shards):
    """Returns a line for each category whose photos are all for validation, so that it cannot be trained."""
    training, validation = collections.Counter(), collections.Counter()
    for shard in shards:
        counts = validation if shard.validation else training
        counts.update(row.category for row in shard.rows)
    return [
        f"{category}: {counted(count, 'photo')}, all for validation: expected a smaller --val_fraction, or more photos"
        for category, count in validation.items()
        if not training[category]
    ]


def make_plan(rows, labelled, val_fraction, seed, shard_records=SHARD_RECORDS):
    """Returns the Shards of a conversion.

    Labelled rows are shuffled by a hash of the seed and their photo's name, so that a photo more or less moves no
    other; the first ones of each category, at least one, are for validation. A photo that has several rows is for
    validation with all of them, or with none, and stays where a category would be left without another to train on.
    Test rows stay in the order of their CSV.
    """
    by_category = {}
    for category in sorted({row.category for row in rows}):
        own = by_category[category] = [row for row in rows if row.category == category]
        if labelled:
            own.sort(key=lambda row: hashlib.sha256(f"{seed} {name_in_data(row)}".encode()).digest())
    held_back = _held_back(by_category, val_fraction) if labelled and val_fraction > 0 else set()
    shards = []
    for category, own in by_category.items():
        for validation in (False, True):
            part = [row for row in own if (_photo(row) in held_back) == validation]
            for number, start in enumerate(range(0, len(part), shard_records)):
                name = records.shard_name(category, number, validation)
                shards.append(Shard(name, part[start : start + shard_records], validation))
    return shards


def _held_back(by_category, val_fraction):
    """Returns the names of the photos that are for validation, of the rows of each category in their order."""
    names = {category: [_photo(row) for row in rows] for category, rows in by_category.items()}
    training = {category: set(own) for category, own in names.items()}
    held_back = set()
    for category, own in names.items():
        wanted = max(1, int(len(own) * val_fraction + 0.5)) if len(set(own)) > 1 else 0
        taken = 0
        for name in own:
            is_last = [other for other, rest in training.items() if rest == {name}]
            if taken < wanted and (not is_last or (is_last == [category] and wanted == len(own))):
                held_back.add(name)
                for rest in training.values():
                    rest.discard(name)
            taken += name in held_back
    return held_back


def _photo(row):
    """Returns what the rows of a photo have in common, however they spell its name."""
    return annotations.plain_id(name_in_data(row))


def name_in_data(row):
    """Returns `<split>/<image_id>`, which names a photo wherever the data set lies."""
    return f"{os.path.basename(os.path.normpath(row.split))}/{row.image_id}"
