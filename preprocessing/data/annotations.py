"""The competition's CSV files, read strictly and written: annotations, answers, submissions and image lists.

Legend: N rows, K keypoints, all that the schema has, in its order.
"""

import array
import dataclasses
import itertools
import posixpath
import re
from typing import Optional

import numpy as np

from base import schema as schemas
from base.errors import DataError, DataErrors
from base.schema import Schema
from base.wording import counted, some
from preprocessing.data import boxes as box_cells
from preprocessing.data import csv_rows

ID_COLUMNS = ("image_id", "image_category")
KNOWN_COLUMNS = (*ID_COLUMNS, box_cells.COLUMN)  # beside the keypoints
_MOST_FAULTS = 100_000
_MOST_KNOWN_CELLS = 100_000  # whose numbers are remembered: most points stand in many rows
_CELL = re.compile(r"(-?[0-9]{1,6})_(-?[0-9]{1,6})_(-1|0|1)")
_EXPECTED_CELL = "expected x_y_v, whole pixels x and y, v 1 (visible), 0 (occluded) or -1 (absent)"
_EXPECTED_ID = "expected Images/<category>/<name>.jpg"


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
        boxes: [N] (x0, y0, x1, y1) in pixels or None for the whole photo; None where the file has no column `box`, so
            that each photo has one row.
    """

    file: str
    lines: np.ndarray
    image_ids: list
    categories: list
    points: np.ndarray
    visibility: np.ndarray
    schema: Schema = dataclasses.field(default_factory=schemas.default)
    boxes: Optional[list] = None

    def __len__(self):
        return len(self.image_ids)

    @property
    def keys(self):
        """What identifies the rows: N of (image id, category, box)."""
        return list(zip(self.image_ids, self.categories, self.boxes or [None] * len(self)))


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


def read_names(path):
    """Returns the columns of a CSV, and the set of what its column image_category holds, both unchecked.

    Raises:
        DataError: the file cannot be read.
    """
    rows = csv_rows.read(path)
    _, header = next(rows)
    at = header.index(ID_COLUMNS[1]) if ID_COLUMNS[1] in header else len(header)
    return tuple(header), {row[at] for _, row in rows if at < len(row)}


def _raise_faults(annotations, faults):
    if faults:
        raise DataErrors(faults)
    return annotations


def parse(path, labelled, schema=None, whole_pixels=False):
    """Reads a CSV and tells good rows from bad ones.

    Args:
        path: a `.csv` or `.csv.gz` file.
        labelled: whether it must have the keypoint columns; else they may be there and are passed over.
        schema: the Schema of its columns and categories; FashionAI's where not given.
        whole_pixels: whether the points stay int32, which is less than half of the memory that they take otherwise.

    Returns:
        The Annotations of the good rows, and a list of DataError, one for each fault of the others, by line.

    Raises:
        DataError, DataErrors: the file cannot be read, or its header is wrong.
    """
    schema = schema or schemas.default()
    rows = csv_rows.read(path)
    _, header = next(rows)
    first = next(rows, None)
    _check_header(path, header, first, labelled, schema)
    has_boxes = box_cells.COLUMN in header
    own_at = [header.index(name) for name in KNOWN_COLUMNS if name in header]
    points_at = [header.index(name) for name in schema.keypoints] if labelled else []
    good, numbers, faults, first_lines, known_cells = [], array.array("i"), [], {}, {}
    for line, row in itertools.chain([first] if first else [], rows):
        if len(row) != len(header):
            wrong = [(f"line {line}", f"has {counted(len(row), 'field')} where the header has {len(header)}")]
        else:
            own, wrong = _read_fields(line, [row[position] for position in own_at], first_lines, schema)
            cells = [row[position] for position in points_at]
            wrong += _wrong_cells(line, cells, known_cells, schema)
        if wrong:
            faults += [DataError(path, where, what) for where, what in wrong]
        else:
            good.append((line, *own))
            for cell in cells:
                numbers.extend(known_cells[cell])
        if len(faults) > _MOST_FAULTS:
            what = f"more than {_MOST_FAULTS:,} faults up to here, the rest is not read: expected another form"
            raise DataErrors([*faults, DataError(path, f"line {line}", what)])
    return _to_annotations(path, good, numbers, schema, has_boxes, whole_pixels), faults


def _check_header(path, header, first, labelled, schema):
    known = KNOWN_COLUMNS + schema.keypoints
    required = ID_COLUMNS + (schema.keypoints if labelled else ())
    expected = "expected image_id, image_category"
    if labelled:
        expected += f" and the {len(schema.keypoints)} keypoints of the schema {schema.name}"
    if labelled and header == list(ID_COLUMNS) and first and len(first[1]) == len(required):
        what = f"names {len(header)} columns where the rows have {len(required)}: {expected}"
        raise DataError(path, "line 1", what)
    unknown = [name for name in header if name not in known]
    missing = [name for name in required if name not in header]
    if len(unknown) > 2 and len(missing) > 2:
        has, lacks = (f"the columns {some([shown(name) for name in names], 3)}" for names in (unknown, missing))
        what = f"has {has}, and lacks {lacks}: {expected}, or another --schema"
        raise DataError(path, "line 1", what)
    faults = []
    for name in dict.fromkeys(header):
        if name not in known:
            faults.append(DataError(path, f"line 1, column {shown(name)}", f"is not known: {expected}"))
        elif header.count(name) > 1:
            faults.append(DataError(path, f"line 1, column {name}", "stands twice: expected once"))
    if missing:
        faults.append(DataError(path, f"line 1, column {', '.join(missing)}", f"is missing: {expected}"))
    if faults:
        raise DataErrors(faults)


def _read_fields(line, fields, first_lines, schema):
    """Reads what identifies a row, [image id, category] and, where the file has boxes, the cell of its box.

    Returns:
        (image id, category, box), and (where, what) for each fault; notes the first line of what must be there once.
    """
    image_id, category, *cell = fields
    wrong = []
    box, wrong_box = box_cells.parse(*cell) if cell else (None, None)
    fault = wrong_image_id(image_id)
    photo = plain_id(image_id)
    key, once = ((photo, category, box), "photo, category and box") if cell else (photo, "photo")
    if fault is None and wrong_box is None and first_lines.setdefault(key, line) != line:
        fault = f"stands in line {first_lines[key]} already: expected one row per {once}"
    if fault:
        wrong.append((f"line {line}, column image_id", f"{shown(image_id)} {fault}"))
    if category not in schema.category_names:
        what = f"{shown(category)} is no category: expected one of {', '.join(schema.category_names)}"
        wrong.append((f"line {line}, column image_category", what))
    if wrong_box:
        wrong.append((f"line {line}, column {box_cells.COLUMN}", f"{shown(*cell)} {wrong_box}"))
    return (image_id, category, box), wrong


def plain_id(image_id):
    """Returns the one spelling of an image id by which a photo is told from others: `./a.jpg` is `a.jpg`."""
    return posixpath.normpath(image_id)


def wrong_image_id(image_id):
    """Returns what is wrong with an image id, a relative path that must stay in its folder; None if nothing is."""
    if not image_id or image_id != image_id.strip() or not image_id.isprintable():
        return f"is no file name: {_EXPECTED_ID}"
    if image_id.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", image_id) or re.match(r"\w:", image_id):
        return f"leads out of the folder of its split: {_EXPECTED_ID}"
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
                wrong.append((f"line {line}, column {name}", f"{shown(cell)} is no point: {_EXPECTED_CELL}"))
    return wrong


def _to_annotations(path, rows, numbers, schema, has_boxes, whole_pixels):
    """Returns the Annotations of rows of (line, image id, category, box) and their x, y, v, if there are any."""
    if numbers:
        values = np.frombuffer(numbers, np.intc).reshape(-1, len(schema.keypoints), 3)
    else:
        values = np.full([len(rows), len(schema.keypoints), 3], -1, np.intc)
    points, visibility = values[..., :2], values[..., 2]
    if not whole_pixels:
        points, visibility = points.astype(np.float64), visibility.copy()
    return Annotations(
        file=str(path),
        lines=np.array([line for line, *_ in rows], dtype=np.int64),
        image_ids=[image_id for _, image_id, *_ in rows],
        categories=[category for *_, category, _ in rows],
        points=points,
        visibility=visibility,
        schema=schema,
        boxes=[box for *_, box in rows] if has_boxes else None,
    )


def shown(text, longest=60):
    """Returns a text out of a file as it can stand in an error line: quoted, on one line, not endless."""
    return repr(text if len(text) <= longest else text[:longest] + "…")


def columns(schema, has_boxes):
    """Returns the names of a CSV's columns, in their order."""
    return (*ID_COLUMNS, *schema.keypoints, *([box_cells.COLUMN] if has_boxes else []))


def write(path, image_ids, categories, points, visibility, schema=None, boxes=None):
    """Writes a CSV with keypoints, whole or not at all: whole pixels, `-1_-1_-1` where the keypoint is absent.

    Args:
        path: where; a name that ends in `.gz` is compressed.
        image_ids, categories: [N] strings.
        points: [N, K, 2] pixels of the photo, rounded here.
        visibility: [N, K] in {-1, 0, 1}.
        schema: the Schema of the columns; FashionAI's where not given.
        boxes: [N] (x0, y0, x1, y1) or None, the last column; None for a file without it.

    Raises:
        ValueError: the points are not those of the schema's keypoints.
        DataError: the file cannot be written.
    """
    schema, visibility = schema or schemas.default(), np.asarray(visibility)
    expected = (len(image_ids), len(schema.keypoints))
    if visibility.shape != expected or np.shape(points) != (*expected, 2):
        what = f"expected points {[*expected, 2]} and visibility {[*expected]} by the schema {schema.name}"
        raise ValueError(f"{what}, got {[*np.shape(points)]} and {[*visibility.shape]}")
    pixels = np.rint(np.where(visibility[..., None] < 0, -1, points)).astype(np.int64)
    last = [()] * len(pixels) if boxes is None else [(box_cells.to_text(box),) for box in boxes]
    lists = (map(np.ndarray.tolist, array) for array in (pixels, visibility))  # row by row: lists take much memory
    rows = zip(image_ids, categories, *lists, last)
    cells = ([*own, *(f"{x}_{y}_{v}" for (x, y), v in zip(row, states)), *box] for *own, row, states, box in rows)
    csv_rows.write(path, itertools.chain([columns(schema, boxes is not None)], cells))
