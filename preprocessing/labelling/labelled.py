"""What a labelling tool says of its photos, and its translation into rows of the competition's CSV."""

import contextlib
import dataclasses
import math

from base.errors import DataError, DataErrors

MOST_BYTES = 500_000_000  # of an export
_ROUNDING = 1e-6  # pixels: of a place that was a whole one before it became per cent of the photo
_ZIP = "PK\x03\x04"  # how such an archive begins


@dataclasses.dataclass
class LabelledPhoto:
    """One photo of an export.

    Attributes:
        file, where: the export's file and the place in it, for messages.
        names: the photo's path as the export has it, with `/` between folders; where it may stand for several names,
            the likelier first.
        size: (width, height) that the points refer to.
        categories: the category names that the export gives it; none where it says nothing.
        points: (label, x, y, occluded) of each point, in the continuous plane of the upright photo: pixel i covers
            [i, i + 1).
    """

    file: str
    where: str
    names: list
    size: tuple
    categories: list
    points: list

    @property
    def name(self):
        """The photo's likeliest file name, without its folder."""
        return self.names[0].rsplit("/", 1)[-1]


@dataclasses.dataclass
class Export:
    """What a reader found.

    Attributes:
        photos: the LabelledPhotos that have points.
        faults: a DataError for each thing that is wrong.
        remarks: lines to be said of what was passed over.
    """

    photos: list = dataclasses.field(default_factory=list)
    faults: list = dataclasses.field(default_factory=list)
    remarks: list = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def collecting(self, file, where):
        """Notes an error of the block, of the export or of what a wrongly built one makes Python say."""
        try:
            yield
        except DataError as error:
            self.faults.append(error)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            what = f"is no export of this tool ({type(error).__name__}: {error})"
            self.faults.append(DataError(file, where, f"{what}: expected the file as the tool wrote it"))


def to_row(photo, default_category, schema):
    """Returns the category and {keypoint name: (x, y, visibility)} in whole pixels.

    Args:
        photo: a LabelledPhoto.
        default_category: the category of photos that the export gives none; None if there is no default.
        schema: the Schema.

    Raises:
        DataErrors: no category or more than one, unknown labels, points twice or outside.
    """
    try:
        category = _category(photo, default_category, schema)
    except DataError as error:
        raise DataErrors([error]) from error
    own = schema.keypoint_names(category)
    row, faults = {}, []
    for label, x, y, occluded in photo.points:
        where = f"{photo.where}, {label}"
        try:
            if label not in own:
                what = f"is no keypoint of {category}: expected one of {', '.join(own)}"
                raise DataError(photo.file, where, what)
            if label in row:
                raise DataError(photo.file, where, "stands twice: expected one point of each name")
            row[label] = (_pixel(photo, where, x, 0), _pixel(photo, where, y, 1), 0 if occluded else 1)
        except DataError as error:
            faults.append(error)
    if faults:
        raise DataErrors(faults)
    return category, row


def _category(photo, default, schema):
    named = sorted(set(photo.categories))
    if len(named) > 1:
        raise DataError(photo.file, photo.where, f"has {len(named)} categories ({', '.join(named)}): expected one")
    category = named[0] if named else default
    if category is None:
        what = "has no category: expected a label of one, or --category"
        raise DataError(photo.file, photo.where, what)
    if category not in schema.category_names:
        what = f"{category!r} is no category: expected one of {', '.join(schema.category_names)}"
        raise DataError(photo.file, photo.where, what)
    return category


def _pixel(photo, where, place, axis):
    """Returns the whole pixel of a continuous coordinate; a point on the far edge belongs to the last pixel."""
    length = photo.size[axis]
    if not 0 <= place <= length:
        size = "x".join(map(str, photo.size))
        raise DataError(photo.file, where, f"is at {place:g}: expected a place in the photo of {size}")
    return min(math.floor(place + _ROUNDING), length - 1)


def read_text(path):
    """Returns the text of an export file.

    Raises:
        DataError: it cannot be read, is too large, or is no text.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror})") from error
    if text.startswith(_ZIP):
        raise DataError(path, None, "is a ZIP archive: expected the file of labels in it, so unpack it first")
    if len(text) > MOST_BYTES:
        raise DataError(path, None, f"has more than {MOST_BYTES:,} characters: expected an export in parts")
    try:
        text.encode()
    except UnicodeError as error:
        raise DataError(path, None, "is no text in UTF-8: expected an export in JSON or XML") from error
    return text


def number(value, file, where, least=-math.inf):
    """Returns a JSON or XML value as a finite float.

    Raises:
        DataError: it is no such number.
    """
    if value is None:
        raise DataError(file, where, "is missing: expected a number")
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not (math.isfinite(result) and result >= least) or isinstance(value, bool):
        bound = f" of at least {least:g}" if math.isfinite(least) else ""
        raise DataError(file, where, f"{value!r} is not valid: expected a finite number{bound}")
    return result
