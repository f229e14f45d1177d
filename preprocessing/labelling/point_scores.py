"""The scores of a submission's points: the second CSV that eval_all.py writes, a number in the place of each point."""

import math

import numpy as np

from base.errors import DataError, DataErrors, noting
from base.wording import counted
from preprocessing.data import annotations, boxes, csv_rows
from preprocessing.data.annotations import shown


def read(path, rows):
    """Returns the scores [N, K] float64 of the points of `rows`, NaN where the file has none.

    Args:
        path: of the CSV of scores; its rows may stand in any order.
        rows: Annotations of the submission, N rows and K keypoints.

    Raises:
        DataError, DataErrors: the file cannot be read, has other columns, numbers that are none, or lacks a row.
    """
    lines = csv_rows.read(path)
    _, header = next(lines)
    at = {name: position for position, name in enumerate(header)}
    if sorted(header) != sorted(annotations.columns(rows.schema, rows.boxes is not None)):
        what = f"names other columns than {rows.file}: expected the scores that eval_all.py wrote beside it"
        raise DataError(path, "line 1", what)
    missing = {key: number for number, key in enumerate(rows.keys)}
    scores, faults = np.full(rows.visibility.shape, np.nan), []
    for line, cells in lines:
        with noting(faults):
            _check_length(path, line, cells, header)
            number = missing.pop(_key(cells, at), None)
            if number is None:
                what = f"expected each row of {rows.file} once, got {shown(cells[at['image_id']])}"
                raise DataError(path, f"line {line}, column image_id", what)
            for index, name in enumerate(rows.schema.keypoints):
                scores[number, index] = _score(path, f"line {line}, column {name}", cells[at[name]])
    for number in missing.values():
        what = f"has no row for line {rows.lines[number]} of {rows.file}: expected one"
        faults.append(DataError(path, None, what))
    if faults:
        raise DataErrors(faults)
    return scores


def _check_length(path, line, cells, header):
    if len(cells) != len(header):
        what = f"expected {counted(len(header), 'field')} as in the header, got {len(cells)}"
        raise DataError(path, f"line {line}", what)


def _key(cells, at):
    box = boxes.parse(cells[at[boxes.COLUMN]])[0] if boxes.COLUMN in at else None
    return cells[at["image_id"]], cells[at["image_category"]], box


def _score(path, where, cell):
    """Returns the number in a cell, NaN for an empty one."""
    try:
        score = float(cell or "nan")
    except ValueError:
        score = math.inf
    if cell and not math.isfinite(score):
        raise DataError(path, where, f"expected a finite number or nothing, got {shown(cell)}")
    return score
