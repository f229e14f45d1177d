"""From a row of a plan to the bytes of its example: the photo is read, checked and stored, or its faults are told."""

import hashlib
from typing import Any, NamedTuple

from preprocessing.data import annotations, boxes, layout, photos, records


class Outcome(NamedTuple):
    """What became of a row.

    Attributes:
        example: the bytes of its example; None if it is faulty.
        digest: of its photo's file; empty where that cannot be read.
        faults: a list of DataError.
        remark: a line to be said, or None.
    """

    example: Any
    digest: bytes
    faults: list
    remark: Any = None


def digest_of_photo(row):
    """Returns the digest of a photo's bytes: of two exchanged photos neither size nor time need tell."""
    path, wrong = layout.photo_path(row.split, row.image_id)
    try:
        return b"" if wrong else hashlib.sha256(photos.read_bytes(path)).digest()
    except photos.BadPhoto:
        return b""


def process(row):
    """Returns the Outcome of a `conversion_plan.Row`."""
    path, wrong = layout.photo_path(row.split, row.image_id)
    if wrong:
        return _refuse(row, wrong)
    data = b""
    try:
        data = photos.read_bytes(path)
        photo = photos.check(data)
    except photos.BadPhoto as error:
        return _refuse(row, error, data)
    faults = _points_outside(row, photo.size) if row.points is not None else []
    wrong_box = boxes.outside(row.box, photo.size)
    if wrong_box:
        faults.append(row.fault(boxes.COLUMN, wrong_box))
    remark = photo.remark and f"{row.csv}: line {row.line}: {row.image_id} {photo.remark}"
    labels = row.points, row.visibility, row.schema, row.box
    encoded = records.serialise(row.image_id, photo.encoded, photo.size, row.category, *labels)
    return Outcome(None if faults else encoded, hashlib.sha256(data).digest(), faults, remark)


def _refuse(row, wrong, data=b""):
    digest = hashlib.sha256(data).digest() if data else b""
    return Outcome(None, digest, [row.fault("image_id", f"{annotations.shown(row.image_id)} {wrong}")])


def _points_outside(row, size):
    width, height = size
    faults = []
    for name, (x, y), state in zip(row.schema.keypoints, row.points.tolist(), row.visibility.tolist()):
        if state >= 0 and not (0 <= x < width and 0 <= y < height):
            what = f"lies outside the photo, which has {width}x{height} pixels"
            expected = f"expected 0_0 to {width - 1}_{height - 1}"
            faults.append(row.fault(name, f"{x:.0f}_{y:.0f} {what}: {expected}"))
    return faults
