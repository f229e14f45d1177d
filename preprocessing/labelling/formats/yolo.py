"""YOLO-pose: a text file for each photo, a row for each garment, and a `data.yaml` that says what the columns are.

The labels of `images/train/a.jpg` are in `labels/train/a.txt`. A row is the class, the box's centre, width and height,
then x, y and v of each keypoint, as fractions of the photo's width and height. v is 0 for a point that is not labelled,
1 for an occluded one, 2 for a visible one; where there is no v, a point at 0, 0 is taken as not labelled.
"""

import os

from base.errors import DataError
from preprocessing.labelling.formats import _folders, _yolo_settings
from preprocessing.labelling.labelled import Garment, gathering, number, read_text, shown, whole

_ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "JPG", "JPEG", "PNG")
_BOX = ("the box's x", "the box's y", "the box's width", "the box's height")


def is_like(path, text):
    """Returns whether labels are a data.yaml, or a folder with text files and one in or above it."""
    if text is not None:
        return path.endswith((".yaml", ".yml"))
    return _yolo_settings.find(path) is not None and bool(_label_files(path))


def read(path, schema, notes):
    """Yields the Garments of a data set. Remarks count files without garments, and points at 0, 0 without v.

    Args:
        path: the data.yaml, its folder, or a folder of labels below it.
        schema: the Schema. Without `kpt_names` in the data.yaml, the columns are all its keypoints, in its order.
        notes: labelled.Notes.

    Raises:
        DataError: there is no such data set, or its data.yaml is wrong.
    """
    place = _yolo_settings.find(path)
    if place is None:
        raise DataError(path, None, "has no data.yaml in it or above: expected a YOLO-pose data set")
    settings = _yolo_settings.read(place, schema)
    files = _label_files(settings.folder if place == path else path)
    if not files:
        raise DataError(path, None, "has no .txt file in a folder labels: expected a YOLO-pose data set")
    for file in notes.watched(files):
        with notes.collecting(file, None):
            rows = [line.split() for line in read_text(file).splitlines()]
            if not any(rows):
                notes.count("file", "without garments passed over")
            for line, row in enumerate(rows, start=1):
                with notes.collecting(file, f"line {line}", _names(file)[0]):
                    garment = _garment(file, line, row, settings, notes) if row else None
                    if garment and (garment.points or garment.faults):
                        yield garment
                    elif garment:
                        notes.count("garment", "without points passed over")


def _label_files(folder):
    """Returns the text files below a folder that lie in a folder named `labels`."""
    return [file for file in _folders.files(os.path.abspath(folder), "*.txt") if _within_labels(file)]


def _within_labels(file):
    """Returns the folders and the name of a file below the last folder `labels`; None where there is none."""
    parts = file.split(os.sep)
    at = len(parts) - parts[::-1].index("labels") if "labels" in parts[:-1] else 0
    return parts[at:] if at else None


def _names(file):
    stem = os.path.splitext("/".join(["images", *_within_labels(file)]))[0]
    return [f"{stem}.{ending}" for ending in _ENDINGS]


def _garment(file, line, row, settings, notes):
    where = f"line {line}"
    kind = row[0]
    if not kind.isdecimal() or len(kind) > 9 or int(kind) not in settings.categories:
        raise DataError(file, where, f"expected the number of a class in data.yaml, got {shown(kind)}")
    labels = settings.labels[int(kind)]
    dimensions = settings.dimensions
    expected = 5 + len(labels) * dimensions
    if len(row) != expected:
        what = f"expected {expected} columns (class, box, {dimensions} for each of {len(labels)} keypoints)"
        raise DataError(file, where, f"{what}, got {len(row)}")
    x, y, width, height = (number(value, file, f"{where}, {what}", -1) for value, what in zip(row[1:5], _BOX))
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    garment = Garment(file, where, _names(file), None, [settings.categories[int(kind)]], [], box)
    garment.in_fractions = garment.drops_outside = True
    for label, at in zip(labels, range(5, expected, dimensions)):
        with gathering(garment.faults, file, f"{where}, {label}"):
            _add_point(garment, f"{where}, {label}", label, row[at : at + dimensions], notes)
    return garment


def _add_point(garment, where, label, values, notes):
    state = whole(values[2], garment.file, f"{where}, v", (0, 1, 2)) if len(values) == 3 else 2
    x, y = (number(value, garment.file, where) for value in values[:2])
    if len(values) == 2 and x == y == 0:
        notes.count("point", "at 0, 0 taken as not labelled, for want of a column v")
    elif state:
        garment.points.append((label, x, y, state == 1))
