"""A garment's labels as a row of the CSV: points and box in whole pixels of its photo.

The box is the smallest one of whole pixels that holds the export's box, as far as the photo goes, and the labelled
points: `preprocessing.data.boxes` says that a net cannot learn a point beyond its box.
"""

import dataclasses
import math
from typing import Optional

from base.errors import DataError, DataErrors
from preprocessing.data.boxes import ROUNDING, Box, cut
from preprocessing.labelling.labelled import gathering, listed, shown

Cell = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the CSV, without its photo.

    Attributes:
        category: of the garment.
        cells: (x, y, visibility) by keypoint name, in whole pixels of the photo.
        box: see `preprocessing.data.boxes`.
    """

    category: str
    cells: dict[str, Cell]
    box: Optional[Box]


def to_row(garment, size, default_category, schema, notes):
    """Returns the Row of a garment; None where it has no point in its photo, which `notes` counts.

    Args:
        garment: a labelled.Garment.
        size: (width, height) of its photo in pixels, upright.
        default_category: the category of garments that the export gives none; None if there is no default.
        schema: the Schema.
        notes: labelled.Notes, which count the points left out.

    Raises:
        DataErrors: those of the reader; no category or more than one, unknown labels, points twice or outside, a box
            that is none.
    """
    faults = list(garment.faults)
    row = None
    with gathering(faults, garment.file, garment.where):
        category = _category(garment, default_category, schema)
        cells = _cells(garment, size, category, schema, faults, notes)
        if cells or faults:
            row = Row(category, cells, _box(garment, size, cells.values()))
    if faults:
        raise DataErrors(faults)
    if row is None:
        notes.count("garment", "without a point in the photo passed over")
    return row


def _category(garment, default, schema):
    named = sorted(set(garment.categories))
    if len(named) > 1:
        what = f"has {len(named)} categories ({listed(named)}): expected one"
        raise DataError(garment.file, garment.where, what)
    category = named[0] if named else default
    if category is None:
        what = "has no category: expected a label of one, or --category"
        raise DataError(garment.file, garment.where, what)
    if category not in schema.category_names:
        what = f"{shown(category)} is no category: expected one of {listed(schema.category_names)}"
        raise DataError(garment.file, garment.where, what)
    return category


def _cells(garment, size, category, schema, faults, notes):
    """Returns {keypoint name: cell} of the points that are right; notes the faults of the others."""
    own = schema.keypoint_names(category)
    cells = {}
    for label, x, y, occluded in garment.points:
        where = f"{garment.where}, {label}"
        with gathering(faults, garment.file, where):
            if label not in own:
                what = f"is no keypoint of {category}: expected one of {listed(own)}"
                raise DataError(garment.file, where, what)
            if label in cells:
                raise DataError(garment.file, where, "stands twice: expected one point of each name")
            pixel = _pixels(garment, size, x, y)
            if pixel is not None:
                cells[label] = (*pixel, 0 if occluded else 1)
            elif garment.drops_outside:
                notes.count("point", "outside of the photo left out ({places})", where)
            else:
                place = "x".join(map(str, size))
                raise DataError(garment.file, where, f"is at {x:g}, {y:g}: expected a place in the photo of {place}")
    return cells


def _pixels(garment, size, *place):
    """Returns the whole pixels of a place; None outside. A place on the far edge belongs to the last pixel."""
    pixels = []
    for value, length in zip(place, size):
        value, slack = value * length if garment.in_fractions else value, ROUNDING * max(length, 1)
        if not -slack <= value <= length + slack:
            return None
        pixels.append(min(max(math.floor(value + slack), 0), length - 1))
    return pixels


def _box(garment, size, cells):
    """Returns the box of whole pixels; None for the whole photo."""
    if garment.box is None:
        return None
    first, last = garment.box[:2], garment.box[2:]
    if not all(low < high for low, high in zip(first, last)):
        what = f"its box {', '.join(f'{value:g}' for value in garment.box)} holds no pixel"
        raise DataError(garment.file, garment.where, f"{what}: expected one of some width and height")
    scale = size if garment.in_fractions else (1, 1)
    low, high = ([value * side for value, side in zip(corner, scale)] for corner in (first, last))
    x0, y0, x1, y1 = cut([*low, *high], size)
    for x, y, _ in cells:
        x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x + 1), max(y1, y + 1)
    if x0 >= x1 or y0 >= y1:
        what = f"its box lies outside of the photo of {size[0]}x{size[1]}: expected a part of it"
        raise DataError(garment.file, garment.where, what)
    return None if (x0, y0, x1, y1) == (0, 0, *size) else (x0, y0, x1, y1)
