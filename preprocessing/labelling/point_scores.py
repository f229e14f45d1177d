"""The scores of a submission's points: the second CSV that eval_all.py writes, a cell in the place of each point.

A cell is the score; that of a calibrated model is `score_xx_xy_yy`, with the covariance [[xx, xy], [xy, yy]] of the
point's error in square pixels of the photo. Where there is no point it is empty.

N rows, K keypoints.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from base.errors import DataError, DataErrors, noting
from base.wording import counted
from preprocessing.data import annotations, boxes, csv_rows
from preprocessing.data.annotations import shown

_UPPER = ((0, 0, 1), (0, 1, 1))  # of a covariance, the places of xx, xy and yy


@dataclass(frozen=True)
class PointScores:
    """What the CSV says.

    Attributes:
        scores: [N, K] float64, NaN where there is no point.
        covariances: [N, K, 2, 2] float64, square pixels; NaN where the models were not calibrated.
    """

    scores: np.ndarray
    covariances: np.ndarray


def write(path, image_ids, categories, found, schema, boxes_of_rows=None):
    """Writes the CSV.

    Args:
        path: of the file.
        image_ids, categories: N names each.
        found: PointScores.
        schema: the Schema.
        boxes_of_rows: N boxes (x0, y0, x1, y1) or None, where the file has them.
    """
    last = itertools.repeat(()) if boxes_of_rows is None else ((boxes.to_text(box),) for box in boxes_of_rows)
    uppers = found.covariances[..., _UPPER[0], _UPPER[1]]  # [N, K, 3]
    rows = (
        (*names, *map(_cell, scores, upper), *box)
        for *names, scores, upper, box in zip(image_ids, categories, found.scores, uppers, last)
    )
    csv_rows.write(path, itertools.chain([annotations.columns(schema, boxes_of_rows is not None)], rows))


def _cell(score, upper):
    if np.isnan(score):
        return ""
    return "_".join([f"{score:.6f}", *(() if np.isnan(upper).any() else (f"{value:.6g}" for value in upper))])


def read(path, rows):
    """Returns the PointScores of the points of `rows`.

    Args:
        path: of the CSV; its rows may stand in any order.
        rows: Annotations of the submission.

    Raises:
        DataError, DataErrors: the file cannot be read, has other columns, cells that are none, or lacks a row.
    """
    lines = csv_rows.read(path)
    _, header = next(lines)
    at = {name: position for position, name in enumerate(header)}
    if sorted(header) != sorted(annotations.columns(rows.schema, rows.boxes is not None)):
        what = f"names other columns than {rows.file}: expected the scores that eval_all.py wrote beside it"
        raise DataError(path, "line 1", what)
    missing = {key: number for number, key in enumerate(rows.keys)}
    cells_of = np.full([*rows.visibility.shape, 4], np.nan)
    faults = []
    for line, cells in lines:
        with noting(faults):
            _check_length(path, line, cells, header)
            number = missing.pop(_key(cells, at), None)
            if number is None:
                what = f"expected each row of {rows.file} once, got {shown(cells[at['image_id']])}"
                raise DataError(path, f"line {line}, column image_id", what)
            for index, name in enumerate(rows.schema.keypoints):
                cells_of[number, index] = _parsed(path, f"line {line}, column {name}", cells[at[name]])
    for number in missing.values():
        what = f"has no row for line {rows.lines[number]} of {rows.file}: expected one"
        faults.append(DataError(path, None, what))
    if faults:
        raise DataErrors(faults)
    return PointScores(cells_of[..., 0], cells_of[..., [[1, 2], [2, 3]]])


def _check_length(path, line, cells, header):
    if len(cells) != len(header):
        what = f"expected {counted(len(header), 'field')} as in the header, got {len(cells)}"
        raise DataError(path, f"line {line}", what)


def _key(cells, at):
    box = boxes.parse(cells[at[boxes.COLUMN]])[0] if boxes.COLUMN in at else None
    return cells[at["image_id"]], cells[at["image_category"]], box


def _parsed(path, where, cell):
    """Returns (score, xx, xy, yy) of a cell, NaN for what it has not."""
    if not cell:
        return [math.nan] * 4
    try:
        numbers = [float(part) for part in cell.split("_")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 4) or not all(map(math.isfinite, numbers)):
        what = "expected a finite number, score_xx_xy_yy, or nothing"
        raise DataError(path, where, f"{what}, got {shown(cell)}")
    if len(numbers) == 4 and not (min(numbers[1], numbers[3]) > 0 and numbers[1] * numbers[3] > numbers[2] ** 2):
        what = "expected score_xx_xy_yy with a covariance, xx > 0 and xx yy > xy^2"
        raise DataError(path, where, f"{what}, got {shown(cell)}")
    return numbers if len(numbers) == 4 else [*numbers, *[math.nan] * 3]
