"""A split of a data set, made of labels and photos.

The labels are read twice, so that memory holds neither: first to learn which photos there are, which decides where each
is found and which show several garments; then garment by garment.
"""

import collections
import dataclasses
import os
from typing import Any, Optional

from base import skipped
from base.errors import DataError, DataErrors, noting
from base.progress import Progress
from preprocessing.data import csv_rows
from preprocessing.labelling.labelled import Notes
from preprocessing.labelling.photo_files import PhotoFiles
from preprocessing.labelling.photo_store import SEVERAL, PhotoStore
from preprocessing.labelling.placing import to_row
from preprocessing.labelling.table import Table

NAMES = "names.csv"  # in the split's folder: the name that each photo had, which is stored under its hash


@dataclasses.dataclass(frozen=True)
class Labels:
    """Labels on the disk.

    Attributes:
        form: the module of their format, one of `formats`.
        path: their file or folder.
        schema: the Schema of their names.
        partition: the part to take, of those that the labels know; None for all.
        default_category: the category of garments that the labels give none; None if there is no default.
    """

    form: Any
    path: str
    schema: Any
    partition: Optional[str] = None
    default_category: Optional[str] = None

    def garments(self, notes, partitions=None):
        """Yields the Garments, as they are read; adds the partitions of all to the set `partitions`."""
        for garment in self.form.read(self.path, self.schema, notes):
            if partitions is not None:
                partitions.add(garment.partition)
            if self.partition is None or garment.partition == self.partition:
                yield garment


@dataclasses.dataclass(frozen=True)
class Written:
    """What a split holds: photos, rows, and the faults of those left out."""

    num_photos: int
    num_rows: int
    faults: list


@dataclasses.dataclass
class _Survey:
    """What the first reading learned.

    Attributes:
        counts: {photo: its garments, those that cannot be read among them}.
        num_garments: those that can be read.
        has_boxes: whether one has a box.
    """

    counts: collections.Counter
    num_garments: int = 0
    has_boxes: bool = False


def write(folder, labels, images, skip_bad=False, links=False, on_remark=lambda line: None):
    """Writes the photos and the table of one split.

    Args:
        folder: an existing folder to fill, which counts only if this returns.
        labels: the Labels.
        images: the folder of the photos; subfolders count too.
        skip_bad: leave faulty garments out, and list them in `base.skipped`. NAMES has the photos' names in any case.
        links: link to the photos instead of copying them, where they are upright JPEGs.
        on_remark: called with a line for each kind of thing that was passed over.

    Returns:
        What was Written.

    Raises:
        DataError, DataErrors: the labels cannot be read, or are none; every photo or label that is wrong.
    """
    survey = _survey(labels)
    notes = Notes(labels.path)
    store = PhotoStore(folder, PhotoFiles(images, survey.counts), links)
    path = os.path.join(folder, "Annotations", "annotations.csv")
    seen: set = set()
    with (
        Table(path, labels.schema, survey.has_boxes) as table,
        Progress("garments", survey.num_garments) as bar,
    ):
        for garment in labels.garments(notes):
            right = None  # the row, once nothing is wrong with it: what raises before leaves the garment out
            with notes.collecting(garment.file, garment.where):
                row = _row(garment, labels, survey, store, notes)
                if row is not None and (skip_bad or not notes.faults):
                    image_id = store.store(garment, SEVERAL if survey.counts[garment.photo] > 1 else row.category)
                    _check_once(garment, (image_id, row.category, row.box), seen)
                    right = image_id, row
            if right is not None:
                table.add(*right)
            bar.step()
    for line in notes.remarks:
        on_remark(line)
    if notes.faults and not (skip_bad and table.count):
        raise DataErrors(notes.faults)
    if not table.count:
        raise DataError(labels.path, None, "has no garment with points in its photo: expected finished labels")
    names = [(image_id, name.encode(errors="backslashreplace").decode()) for image_id, name in store.names]
    csv_rows.write(os.path.join(folder, NAMES), [("image_id", "photo"), *names])
    if notes.faults:
        skipped.write(folder, notes.faults)
    return Written(store.count, table.count, notes.faults)


def _survey(labels):
    notes = Notes(labels.path, shows_progress=True)
    survey, partitions = _Survey(collections.Counter()), set()
    for garment in labels.garments(notes, partitions):
        survey.counts[garment.photo] += 1
        survey.num_garments += 1
        survey.has_boxes = survey.has_boxes or garment.box is not None
    if not survey.counts and not notes.faults:
        if labels.partition is not None and partitions:
            known = ", ".join(sorted(partitions - {None})) or "no --partition, as the labels name none"
            what = f"has no photo with points in the partition {labels.partition}: expected {known}"
            raise DataError(labels.path, None, what)
        raise DataError(labels.path, None, "has no photo with points: expected an export of finished labels")
    survey.counts.update(notes.unread)
    return survey


def _row(garment, labels, survey, store, notes):
    """Returns the placing.Row of a garment; None where there is none, as was said already.

    Raises:
        DataErrors: all that is wrong with its labels and its photo.
    """
    faults, row, size = [], None, garment.size
    with noting(faults):
        size = store.size(garment)
    if survey.counts[garment.photo] > 1 and garment.box is None:
        what = f"is one of {survey.counts[garment.photo]} garments in {garment.photo}, and has no box"
        faults.append(DataError(garment.file, garment.where, f"{what}: expected a box for each of them"))
    if size or garment.size:
        with noting(faults):
            row = to_row(garment, garment.size or size, labels.default_category, labels.schema, notes)
    else:
        faults += garment.faults
    if faults:
        raise DataErrors(faults)
    return row if size else None


def _check_once(garment, key, seen):
    if key in seen:
        what = "has the photo, category and box of an earlier garment: expected each once"
        raise DataError(garment.file, garment.where, what)
    seen.add(key)
