"""FLD and the landmark files of DeepFashion: tables with a row for each photo, in columns between spaces.

The first line counts the rows, the second names the columns, and rows end where their garment has no more landmarks.
The category is `clothes_type`: upper, lower or full. Of each landmark v is 0 for a visible one, 1 for an occluded one,
2 for one that the photo cuts off. Boxes and partitions stand in files of their own, `list_bbox*.txt` and
`list_eval_partition.txt`, which may be missing.
"""

import os

from base.errors import DataError
from preprocessing.labelling.formats import _folders
from preprocessing.labelling.formats._ragged_table import RaggedTable
from preprocessing.labelling.labelled import Garment, gathering, number, numbers, shown, whole

SCHEMA = "fld"
FLAGS = ("partition",)

_LANDMARKS = "list_landmarks"
_BOX = ("x_1", "y_1", "x_2", "y_2")
_PLACES = {"upper": ("collar", "sleeve", "hem"), "lower": ("waistline", "hem")}
_PLACES["full"] = ("collar", "sleeve", "waistline", "hem")
_TYPES = {1: "upper", 2: "lower", 3: "full"}
_VISIBLE, _OCCLUDED, _CUT_OFF = 0, 1, 2


def is_like(path, text):
    """Returns whether labels are a table with landmarks, or a folder with one."""
    if text is None:
        return bool(_folders.files(path, f"{_LANDMARKS}*.txt"))
    return any("landmark_visibility_1" in line for line in text.splitlines()[:2])


def read(path, schema, notes):
    """Yields the Garments of a table with landmarks, or of the one in a folder; a remark counts those cut off wholly.

    Raises:
        DataError: there is no such table, or there are several; a table lacks a column.
    """
    del schema
    path = _landmarks(path)
    suffix = os.path.splitext(os.path.basename(path))[0][len(_LANDMARKS) :]
    boxes = _boxes(_beside(path, f"list_bbox{suffix}.txt"), notes)
    partitions = _partitions(_beside(path, "list_eval_partition.txt"), notes)
    table = RaggedTable(path, notes)
    first = table.column("landmark_visibility_1")
    name_at, type_at = table.column("image_name"), table.column("clothes_type")
    for where, fields in table.rows():
        with notes.collecting(path, where):
            kind = _TYPES[whole(fields[type_at], path, f"{where}, clothes_type", tuple(_TYPES))]
            name = fields[name_at]
            garment = Garment(path, where, [name], None, [kind], [], boxes.get(name), drops_outside=True)
            garment.partition = partitions.get(name)
            _add_points(garment, fields[first:])
            if garment.points or garment.faults:
                yield garment
            else:
                notes.count("photo", "without a landmark that can be seen passed over")


def _landmarks(path):
    if not os.path.isdir(path):
        return path
    found = _folders.files(path, f"{_LANDMARKS}*.txt")
    if len(found) != 1:
        names = ", ".join(found[:3]) or "none"
        raise DataError(path, None, f"expected one file {_LANDMARKS}*.txt below it, or --labels with one; got {names}")
    return found[0]


def _beside(path, name):
    """Returns the path of a table of the same data set, beside it or in the folder Eval; None if there is none."""
    folder = os.path.dirname(os.path.abspath(path))
    places = (os.path.join(folder, name), os.path.join(os.path.dirname(folder), "Eval", name))
    return next((place for place in places if os.path.isfile(place)), None)


def _boxes(path, notes):
    """Returns {image name: (x0, y0, x1, y1)} of a table; of none where there is no table."""
    boxes = {}
    if path:
        table = RaggedTable(path, notes)
        name_at, sides_at = table.column("image_name"), [table.column(name) for name in _BOX]
        for where, fields in table.rows():
            with notes.collecting(path, where):
                boxes[fields[name_at]] = tuple(numbers([fields[at] for at in sides_at], 4, path, where))
    return boxes


def _partitions(path, notes):
    """Returns {image name: partition} of a table, which may name a pair of images in a row; of none without a table."""
    partitions = {}
    if path:
        table = RaggedTable(path, notes)
        status_at = table.column("evaluation_status")
        names_at = [at for at, column in enumerate(table.columns) if column.startswith("image")]
        for where, fields in table.rows():
            with notes.collecting(path, where):
                partitions.update((fields[at], fields[status_at]) for at in names_at)
    return partitions


def _add_points(garment, fields):
    """Adds the points of a row's fields v, x, y, …, and what is wrong with them."""
    (kind,) = garment.categories
    labels = [f"{place}_{side}" for place in _PLACES[kind] for side in ("left", "right")]
    if len(fields) != 3 * len(labels):
        what = f"expected {3 * len(labels)} fields of landmarks, v, x and y for each of {len(labels)}"
        raise DataError(garment.file, garment.where, f"{what}, got {shown(len(fields))}")
    for label, *values in zip(labels, fields[::3], fields[1::3], fields[2::3]):
        where = f"{garment.where}, {label}"
        with gathering(garment.faults, garment.file, where):
            state = whole(values[0], garment.file, where, (_VISIBLE, _OCCLUDED, _CUT_OFF))
            x, y = (number(value, garment.file, where) for value in values[1:])
            if state != _CUT_OFF:
                garment.points.append((label, x, y, state == _OCCLUDED))
