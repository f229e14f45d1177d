"""What a labelling tool says of one photo, and its translation into a row of the competition's CSV."""

import contextlib
import dataclasses
import math

from configs.errors import DataError
from configs.keypoints import CATEGORIES, keypoint_names

MOST_BYTES = 500_000_000  # of an export


@dataclasses.dataclass
class LabelledPhoto:
    """One photo of an export.

    Attributes:
        file, where: the export's file and the place in it, for messages.
        name: the photo's file name as the export has it.
        size: (width, height) that the points refer to.
        categories: the category names that the export gives it; none where it says nothing.
        points: (label, x, y, occluded) of each point, in the continuous plane of the upright photo: pixel i covers
            [i, i + 1).
    """

    file: str
    where: str
    name: str
    size: tuple
    categories: list
    points: list


def to_row(photo, default_category):
    """Returns the category and {keypoint name: (x, y, visibility)} in whole pixels.

    Args:
        photo: a LabelledPhoto.
        default_category: the category of photos that the export gives none; None if there is no default.

    Raises:
        DataError: no category or more than one, an unknown label, a point twice or outside.
    """
    category = _category(photo, default_category)
    own = keypoint_names(category)
    row = {}
    for label, x, y, occluded in photo.points:
        where = f"{photo.where}, {label}"
        if label not in own:
            raise DataError(photo.file, where, f"is no keypoint of {category}: one of {', '.join(own)} would be right")
        if label in row:
            raise DataError(photo.file, where, "stands twice: one point of each name would be right")
        row[label] = (_pixel(photo, where, x, 0), _pixel(photo, where, y, 1), 0 if occluded else 1)
    return category, row


def _category(photo, default):
    named = sorted(set(photo.categories))
    if len(named) > 1:
        raise DataError(
            photo.file, photo.where, f"has {len(named)} categories ({', '.join(named)}): one would be right"
        )
    category = named[0] if named else default
    if category is None:
        what = "has no category: a label of one, or --category, would be right"
        raise DataError(photo.file, photo.where, what)
    if category not in CATEGORIES:
        what = f"{category!r} is no category: one of {', '.join(CATEGORIES)} would be right"
        raise DataError(photo.file, photo.where, what)
    return category


def _pixel(photo, where, place, axis):
    """Returns the whole pixel of a continuous coordinate; a point on the far edge belongs to the last pixel."""
    length = photo.size[axis]
    if not 0 <= place <= length:
        raise DataError(photo.file, where, f"is at {place:g}, outside the photo of {photo.size[0]}x{photo.size[1]}")
    return min(math.floor(place), length - 1)


def read_text(path):
    """Returns the text of an export file.

    Raises:
        DataError: it cannot be read, is too large, or is no text.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror})") from error
    except UnicodeError as error:
        raise DataError(path, None, "is no text in UTF-8: an export in JSON or XML would be right") from error
    if len(text) > MOST_BYTES:
        raise DataError(path, None, f"has more than {MOST_BYTES:,} characters: an export in parts would be right")
    return text


@contextlib.contextmanager
def well_formed(file, where):
    """Turns what a wrongly built export makes Python say into a DataError."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"is not built like an export ({type(error).__name__}: {error}): an export as it is would be right"
        raise DataError(file, where, what) from error


def number(value, file, where, least=-math.inf):
    """Returns a JSON or XML value as a finite float.

    Raises:
        DataError: it is no such number.
    """
    try:
        result = float(value)
    except (TypeError, ValueError):
        result = math.nan
    if not (math.isfinite(result) and result >= least) or isinstance(value, bool):
        raise DataError(file, where, f"{value!r} is no number that fits")
    return result
