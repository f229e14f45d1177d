"""The competition's CSV files, read strictly and written: annotations, answers, submissions and image lists.

Legend: N rows, K keypoints, all that the schema has, in its order.
"""

import array
import csv
import dataclasses
import gzip
import io
import itertools
import re
import zlib

import numpy as np

from base import schema as schemas
from base.errors import DataError, DataErrors
from base.files import atomic_write
from base.schema import Schema
from base.wording import counted

ID_COLUMNS = ("image_id", "image_category")
# What a CSV from elsewhere may take: the 64 131 rows of 2018 have some 20 million characters.
_LONGEST_LINE = 1_000_000  # characters
_MOST_CHARACTERS = 500_000_000
_MOST_FAULTS = 100_000
_MOST_KNOWN_CELLS = 100_000  # whose numbers are remembered: most points stand in many rows
_CELL = re.compile(r"(-?[0-9]{1,6})_(-?[0-9]{1,6})_(-1|0|1)")
_RIGHT_CELL = "x_y_v would be right, whole pixels x and y, v 1 (visible), 0 (occluded) or -1 (absent)"
_RIGHT_ID = "Images/<category>/<name>.jpg would be right"


@dataclasses.dataclass(frozen=True)
class Annotations:
    """The rows of one CSV file, in its order.

    Attributes:
        file: the path it was read from.
        lines: [N] int, each row's line as a text editor counts (the header is line 1).
        image_ids: [N] strings, `Images/<category>/<name>.jpg`.
        categories: [N] strings.
        points: [N, K, 2] float64, x and y in the photo's pixels as the CSV has them (absent ones: -1, -1).
        visibility: [N, K] int32: 1 visible, 0 occluded, -1 absent (all -1 where the file has no keypoints).
        schema: whose keypoints and categories they are.
    """

    file: str
    lines: np.ndarray
    image_ids: list
    categories: list
    points: np.ndarray
    visibility: np.ndarray
    schema: Schema = dataclasses.field(default_factory=schemas.default)

    def __len__(self):
        return len(self.image_ids)


def read(path, schema=None):
    """Returns the Annotations of a CSV with keypoints (annotations, an answer, a submission; also `.csv.gz`).

    Args:
        path: of the file.
        schema: the Schema of its columns and categories; FashionAI's where not given.

    Raises:
        DataError, DataErrors: the file cannot be read, its header is wrong, or rows are wrong.
    """
    return _raise_faults(*parse(path, True, schema))


def read_images(path, schema=None):
    """Returns the Annotations of a list of images (`test.csv`); raises as `read` does. Keypoints are passed over."""
    return _raise_faults(*parse(path, False, schema))


def _raise_faults(annotations, faults):
    if faults:
        raise DataErrors(faults)
    return annotations


def parse(path, labelled, schema=None):
    """Reads a CSV and tells good rows from bad ones.

    Args:
        path: a `.csv` or `.csv.gz` file.
        labelled: whether it must have the keypoint columns; else they may be there and are passed over.
        schema: the Schema of its columns and categories; FashionAI's where not given.

    Returns:
        The Annotations of the good rows, and a list of DataError, one for each fault of the others, by line.

    Raises:
        DataError, DataErrors: the file cannot be read, or its header is wrong.
    """
    schema = schema or schemas.default()
    rows = _read_rows(path)
    _, header = next(rows)
    first = next(rows, None)
    _check_header(path, header, first, labelled, schema)
    id_at, category_at = (header.index(name) for name in ID_COLUMNS)
    points_at = [header.index(name) for name in schema.keypoints] if labelled else []
    good, numbers, faults, first_lines, known_cells = [], array.array("i"), [], {}, {}
    for line, row in itertools.chain([first] if first else [], rows):
        if len(row) != len(header):
            wrong = [(f"line {line}", f"has {counted(len(row), 'field')} where the header has {len(header)}")]
        else:
            wrong = _wrong_fields(line, row[id_at], row[category_at], first_lines, schema)
            cells = [row[position] for position in points_at]
            wrong += _wrong_cells(line, cells, known_cells, schema)
        if wrong:
            faults += [DataError(path, where, what) for where, what in wrong]
        else:
            good.append((line, row[id_at], row[category_at]))
            for cell in cells:
                numbers.extend(known_cells[cell])
        if len(faults) > _MOST_FAULTS:
            what = f"more than {_MOST_FAULTS:,} faults up to here, the rest is not read: another form would be right"
            raise DataErrors([*faults, DataError(path, f"line {line}", what)])
    return _to_annotations(path, good, numbers, schema), faults


def _read_rows(path):
    """Yields (line, fields) of the lines that are not empty, the header first, as they are read."""
    line = None
    try:
        opener = gzip.open if str(path).endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(_bounded_lines(file), strict=True)
            line, is_empty = 1, True
            for row in reader:
                if row:
                    yield line, row
                    is_empty = False
                line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(path, f"line {line}", f"is no CSV row ({error})") from error
    except (UnicodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(path, None, "is not text: a CSV file in UTF-8 would be right") from error
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror or error})") from error
    if is_empty:
        raise DataError(path, None, "is empty: a header and one row a photo would be right")


def _bounded_lines(file):
    """Yields the lines of a text file; a little compressed file may have a line that fills the memory."""
    length = 0
    while line := file.readline(_LONGEST_LINE):
        length += len(line)
        if len(line) == _LONGEST_LINE or length > _MOST_CHARACTERS:
            raise csv.Error(f"line longer than {_LONGEST_LINE:,} characters, or file longer than {_MOST_CHARACTERS:,}")
        yield line


def _check_header(path, header, first, labelled, schema):
    known = ID_COLUMNS + schema.keypoints
    right = (
        "image_id, image_category"
        + (f" and the {len(schema.keypoints)} keypoints" if labelled else "")
        + " would be right"
    )
    if labelled and header == list(ID_COLUMNS) and first and len(first[1]) == len(known):
        what = f"names {len(header)} columns where the rows have {len(known)}: {right}"
        raise DataError(path, "line 1", what)
    faults = []
    for name in dict.fromkeys(header):
        if name not in known:
            faults.append(DataError(path, f"line 1, column {shown(name)}", f"is not known: {right}"))
        elif header.count(name) > 1:
            faults.append(DataError(path, f"line 1, column {name}", "stands twice: once would be right"))
    missing = [name for name in (known if labelled else ID_COLUMNS) if name not in header]
    if missing:
        faults.append(DataError(path, f"line 1, column {', '.join(missing)}", f"is missing: {right}"))
    if faults:
        raise DataErrors(faults)


def _wrong_fields(line, image_id, category, first_lines, schema):
    """Returns (where, what) for each fault of a row's id and category; notes the id's first line."""
    wrong = []
    fault = wrong_image_id(image_id)
    if fault is None and first_lines.setdefault(image_id, line) != line:
        fault = f"stands in line {first_lines[image_id]} already: one row a photo would be right"
    if fault:
        wrong.append((f"line {line}, column image_id", f"{shown(image_id)} {fault}"))
    if category not in schema.category_names:
        what = f"{shown(category)} is no category: one of {', '.join(schema.category_names)} would be right"
        wrong.append((f"line {line}, column image_category", what))
    return wrong


def wrong_image_id(image_id):
    """Returns what is wrong with an image id, a relative path that must stay in its folder; None if nothing is."""
    if not image_id or image_id != image_id.strip() or not image_id.isprintable():
        return f"is no file name: {_RIGHT_ID}"
    if image_id.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", image_id) or re.match(r"\w:", image_id):
        return f"leads out of the folder of its split: {_RIGHT_ID}"
    return None


def _wrong_cells(line, cells, known_cells, schema):
    """Returns (where, what) for each cell that is no point; notes (x, y, v) of the others in `known_cells`."""
    wrong = []
    if len(known_cells) > _MOST_KNOWN_CELLS:
        known_cells.clear()
    for name, cell in zip(schema.keypoints, cells):
        if cell not in known_cells:
            match = _CELL.fullmatch(cell)
            if match:
                known_cells[cell] = tuple(map(int, match.groups()))
            else:
                wrong.append((f"line {line}, column {name}", f"{shown(cell)} is no point: {_RIGHT_CELL}"))
    return wrong


def _to_annotations(path, rows, numbers, schema):
    """Returns the Annotations of rows of (line, image id, category) and their x, y, v; none of a list of images."""
    if numbers:
        values = np.frombuffer(numbers, np.intc).reshape(-1, len(schema.keypoints), 3)
    else:
        values = np.full([len(rows), len(schema.keypoints), 3], -1, np.intc)
    return Annotations(
        file=str(path),
        lines=np.array([line for line, _, _ in rows], dtype=np.int64),
        image_ids=[image_id for _, image_id, _ in rows],
        categories=[category for _, _, category in rows],
        points=values[..., :2].astype(np.float64),
        visibility=values[..., 2].astype(np.int32),
        schema=schema,
    )


def shown(text, longest=60):
    """Returns a text out of a file as it can stand in an error line: quoted, on one line, not endless."""
    return repr(text if len(text) <= longest else text[:longest] + "…")


def write(path, image_ids, categories, points, visibility, schema=None):
    """Writes a CSV with keypoints, whole or not at all: whole pixels, `-1_-1_-1` where the keypoint is absent.

    Args:
        path: where; a name that ends in `.gz` is compressed.
        image_ids, categories: [N] strings.
        points: [N, K, 2] pixels of the photo, rounded here.
        visibility: [N, K] in {-1, 0, 1}.
        schema: the Schema of the columns; FashionAI's where not given.

    Raises:
        DataError: the file cannot be written.
    """
    visibility = np.asarray(visibility)
    pixels = np.rint(np.where(visibility[..., None] < 0, -1, points)).astype(np.int64)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ID_COLUMNS + (schema or schemas.default()).keypoints)
    for image_id, category, row, states in zip(image_ids, categories, pixels.tolist(), visibility.tolist()):
        writer.writerow([image_id, category, *(f"{x}_{y}_{v}" for (x, y), v in zip(row, states))])
    encoded = text.getvalue().encode()
    with atomic_write(path, "wb") as file:
        file.write(gzip.compress(encoded, mtime=0) if str(path).endswith(".gz") else encoded)
