"""What the readers of labels give: garments in photos, faults and remarks. And what readers share."""

import collections
import contextlib
import dataclasses
import math
import os
import reprlib
import stat
from typing import Optional

from base.errors import DataError, noting
from base.wording import counted, some

MOST_BYTES = 500_000_000  # of an export that is read as a whole
_HEAD = 1 << 16  # bytes that tell the formats apart
_ZIP = b"PK\x03\x04"  # how such an archive begins
_MARK = b"\xef\xbb\xbf"  # which editors of Windows begin a file with
_SHOWN_PLACES = 5
_MOST_WHERE, _MOST_WHAT = 200, 600  # characters of a fault

Point = tuple[str, float, float, bool]
Frame = tuple[float, float, float, float]


@dataclasses.dataclass
class Garment:
    """A garment in a photo, as an export describes it.

    Attributes:
        file, where: the export's file and the place in it, for messages.
        names: the photo's path as the export has it, with `/` between folders; where it may stand for several names,
            the likelier first. The first tells photos apart.
        size: (width, height) of the photo that was labelled; None where the export does not say.
        categories: the category names that the export gives it; none where it says nothing.
        points: (label, x, y, occluded) of each point, in the continuous plane of the upright photo: pixel i covers
            [i, i + 1).
        box: (x0, y0, x1, y1) of the garment, in the same plane; None where the export has none.
        faults: what is wrong with it, found in reading.
        partition: the part of the data set that the photo belongs to, such as `train`; None where there are none.
        in_fractions: whether x and y count in widths and heights of the photo.
        drops_outside: whether points outside of the photo are left out, as published data sets have them; else they
            are faults, which whoever labelled the photo can put right.
    """

    file: str
    where: str
    names: list[str]
    size: Optional[tuple[int, int]]
    categories: list[str]
    points: list[Point]
    box: Optional[Frame] = None
    faults: list[DataError] = dataclasses.field(default_factory=list)
    partition: Optional[str] = None
    in_fractions: bool = False
    drops_outside: bool = False

    @property
    def photo(self) -> str:
        """The name that tells the photo from others."""
        return self.names[0]


class Notes:
    """What a reader has to say beside its garments.

    Args:
        path: of the labels.
        shows_progress: whether the reader shows how many files it has read.

    Attributes:
        faults: a DataError for each thing that is wrong.
        unread: {name of a photo: how many of its garments could not be read}.
    """

    def __init__(self, path: str, shows_progress: bool = False):
        self._path, self._shows_progress = path, shows_progress
        self.faults: list[DataError] = []
        self.unread: collections.Counter[str] = collections.Counter()
        self._places: dict[tuple[str, str], list[str]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    @contextlib.contextmanager
    def collecting(self, file, where, photo=None):
        """Notes an error of the block, which reads a garment of `photo` where a name is given: see `gathering`."""
        found = []
        with gathering(found, file, where):
            yield
        self.faults += found
        if found and photo is not None:
            self.unread[photo] += 1

    def watched(self, files):
        """Yields the files of labels, and shows how many of them are done."""
        from base.progress import Progress

        if self._shows_progress:
            with Progress("files of labels", len(files)) as bar:
                for file in files:
                    yield file
                    bar.step()
        else:
            yield from files

    def count(self, noun: str, remark: str, where: Optional[str] = None) -> None:
        """Counts one more of what a remark is about; `{places}` in the remark becomes the first places counted."""
        key = noun, remark
        self._counts[key] = self._counts.get(key, 0) + 1
        places = self._places.setdefault(key, [])
        if where is not None and len(places) <= _SHOWN_PLACES:
            places.append(where)

    @property
    def remarks(self) -> list[str]:
        """A line for each kind of thing that was passed over or changed."""
        lines = []
        for (noun, remark), count in self._counts.items():
            places = self._places[noun, remark]
            shown = ", ".join(places[:_SHOWN_PLACES]) + (", …" if len(places) > _SHOWN_PLACES else "")
            lines.append(f"{self._path}: {counted(count, noun)} {remark.replace('{places}', shown)}")
        return lines


@contextlib.contextmanager
def gathering(faults, file, where):
    """Adds to `faults` an error of the block, of the export or of what a wrongly built one makes Python say."""
    found = []
    try:
        with noting(found):
            yield
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        what = f"is no export of this tool ({type(error).__name__}: {str(error)[:200]})"
        faults.append(DataError(file, where, f"{what}: expected the file as the tool wrote it"))
    faults += map(_brief, found)


def _brief(error):
    """Returns an error whose line is not endless, as a name in the export may be."""
    where = error.where if error.where is None else error.where[:_MOST_WHERE]
    return DataError(error.file, where, error.what[:_MOST_WHAT])


def open_export(path):
    """Opens an export for reading bytes, behind the mark that some editors put first.

    Raises:
        DataError: it cannot be read, or is a ZIP archive.
    """
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
        raise DataError(path, None, "is not a regular file: expected an export on disk, because it is read twice")
    try:
        file = open(path, "rb")  # noqa: SIM115 (the caller closes it)
        begin = file.read(len(_ZIP))
        file.seek(len(_MARK) if begin.startswith(_MARK) else 0)
    except (OSError, ValueError) as error:
        raise DataError(path, None, f"cannot be read ({getattr(error, 'strerror', error)})") from error
    if begin == _ZIP:
        file.close()
        raise DataError(path, None, "is a ZIP archive: expected the file of labels in it, so unpack it first")
    return file


def read_text(path, most=MOST_BYTES):
    """Returns the text of an export file.

    Raises:
        DataError: it cannot be read, is too large, or is no text.
    """
    with open_export(path) as file:
        data = _read(path, file, most + 1)
    if len(data) > most:
        raise DataError(path, None, f"has more than {most:,} bytes: expected an export in parts")
    return _decode(path, data, len(data))


def head(path):
    """Returns the first characters of an export's text; raises as `read_text` does."""
    with open_export(path) as file:
        data = _read(path, file, _HEAD)
    return _decode(path, data, len(data) if len(data) < _HEAD else _HEAD - 4)


def _read(path, file, most):
    try:
        return file.read(most)
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror})") from error


def _decode(path, data, sure):
    """Returns the text of bytes; a character may be cut short behind the first `sure` of them."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= sure:
            return data[: error.start].decode("utf-8")
        raise DataError(path, None, "is no text in UTF-8: expected an export as the tool wrote it") from error


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
        raise DataError(file, where, f"{shown(value)} is not valid: expected a finite number{bound}")
    return result


def numbers(values, count, file, where):
    """Returns a list of `count` finite floats.

    Raises:
        DataError: the value is no list of so many numbers.
    """
    if not isinstance(values, (list, tuple)) or len(values) != count:
        got = f"{len(values)}" if isinstance(values, (list, tuple)) else shown(values)
        raise DataError(file, where, f"expected {count} numbers, got {got}")
    return [number(value, file, where) for value in values]


def whole(value, file, where, choices):
    """Returns a value that must be one of some whole numbers.

    Raises:
        DataError: it is another.
    """
    result = number(value, file, where)
    if result not in choices:
        raise DataError(file, where, f"expected {', '.join(map(str, choices))}, got {shown(value)}")
    return int(result)


def as_category(name, known):
    """Returns the name of a category as it is among the known ones: tools and data sets write spaces for `_`."""
    name = str(name)
    return name if name in known else name.strip().replace(" ", "_")


def shown(value):
    """Returns a value out of a file as it can stand in an error line: not endless."""
    return reprlib.repr(value)


def listed(names):
    """Returns names as an error can name what it expected: the first of them."""
    return some(list(names), 40)
