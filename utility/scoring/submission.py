"""Submissions: checked against the photos they are for, put in their order, averaged.

N photos, S submissions, K keypoints, all that the schema has, points in photo pixels.
"""

import dataclasses

import numpy as np

from base.errors import DataError, DataErrors
from preprocessing.data import boxes


def of_categories(rows, categories):
    """Returns the Annotations of the photos of some categories.

    Raises:
        DataError: there is none.
    """
    kept = [row for row, name in enumerate(rows.categories) if name in categories]
    if not kept:
        raise DataError(rows.file, None, f"has no photo of {', '.join(categories)}: expected another category")
    return dataclasses.replace(
        rows,
        lines=rows.lines[kept],
        image_ids=[rows.image_ids[row] for row in kept],
        categories=[rows.categories[row] for row in kept],
        points=rows.points[kept],
        visibility=rows.visibility[kept],
        boxes=rows.boxes and [rows.boxes[row] for row in kept],
    )


def aligned_rows(prediction, photos):
    """Returns [N] int, for each of `photos` the row of `prediction` that is for it.

    Args:
        prediction: Annotations of a submission.
        photos: Annotations of the N photos that it must have, no more and no less.

    Raises:
        DataErrors: a photo without a row, a row for another photo, another category or box.
    """
    faults = row_faults(prediction, photos)
    if faults:
        raise DataErrors(faults)
    row_of = {key: row for row, key in enumerate(prediction.keys)}
    return np.array([row_of[key] for key in photos.keys], dtype=np.int64)


def row_faults(prediction, photos):
    """Returns a DataError for each row that `prediction` lacks, has too many of, or has under another category or box.

    A photo has several rows where the files have boxes: then a row is known by its photo, category and box.
    """
    if (prediction.boxes is None) != (photos.boxes is None) and any([*(prediction.boxes or photos.boxes or ())]):
        one, other = (prediction, photos) if prediction.boxes is None else (photos, prediction)
        what = f"is missing: expected it as in {other.file}, where photos have several rows"
        return [DataError(one.file, f"line 1, column {boxes.COLUMN}", what)]
    faults, one_row_each = [], photos.boxes is None
    wanted = {key[0]: key for key in photos.keys}
    keys, line_of = set(photos.keys), dict(zip(photos.image_ids, photos.lines))
    for key, line in zip(prediction.keys, prediction.lines):
        image_id, category, box = key
        if image_id not in wanted:
            what = f"{image_id} is not among the photos of {photos.file}: expected a row for each of those"
            faults.append(DataError(prediction.file, f"line {line}, column image_id", what))
        elif key in keys:
            continue
        elif one_row_each:
            right = wanted[image_id][1]
            what = f"{category} is wrong: expected {right} (line {line_of[image_id]} of {photos.file})"
            faults.append(DataError(prediction.file, f"line {line}, column image_category", what))
        else:
            what = f"{_shown(key)} is not among the rows of {photos.file}: expected a row for each of those"
            faults.append(DataError(prediction.file, f"line {line}, column {boxes.COLUMN}", what))
    given = set(prediction.image_ids) if one_row_each else set(prediction.keys)
    for key, line in zip(photos.keys, photos.lines):
        if (key[0] if one_row_each else key) not in given:
            name, once = (key[0], "photo") if one_row_each else (_shown(key), "photo, category and box")
            what = f"has no row for {name} (line {line} of {photos.file}): expected one row per {once}"
            faults.append(DataError(prediction.file, None, what))
    return faults


def _shown(key):
    image_id, category, box = key
    return f"{image_id}, {category}, {f'box {boxes.to_text(box)}' if box else 'the whole photo'}"


def point_faults(prediction):
    """Returns a DataError for each point that a submission must have and lacks, or has and must not."""
    faults, schema = [], prediction.schema
    for row, category in enumerate(prediction.categories):
        right = np.full(len(schema.keypoints), -1)
        right[list(schema.keypoint_indices(category))] = 1
        for index in np.flatnonzero(prediction.visibility[row] != right):
            where = f"line {prediction.lines[row]}, column {schema.keypoints[index]}"
            found = "_".join(str(int(n)) for n in (*prediction.points[row, index], prediction.visibility[row, index]))
            what = (
                f"{category} has this point: expected x_y_1"
                if right[index] == 1
                else f"{category} has no such point: expected -1_-1_-1"
            )
            faults.append(DataError(prediction.file, where, f"{found}, but {what}"))
    return faults


def average(submissions, weights=None, median=False):
    """Returns the mean points of several submissions for the same photos, in the order of the first.

    A point counts where the submission has it (visibility other than -1).

    Args:
        submissions: S Annotations.
        weights: S numbers above 0; all 1 when not given.
        median: take the weighted median of each coordinate instead of the mean.

    Returns:
        points [N, K, 2] float64 and visibility [N, K]: 1, or -1 where no submission has the category's point.

    Raises:
        DataErrors: the submissions are not for the same photos.
    """
    first = submissions[0]
    rows = [aligned_rows(submission, first) for submission in submissions]
    points = np.stack([submission.points[order] for submission, order in zip(submissions, rows)])  # [S, N, K, 2]
    present = np.stack([submission.visibility[order] >= 0 for submission, order in zip(submissions, rows)])
    weights = np.ones(len(submissions)) if weights is None else np.asarray(weights, np.float64)
    share = weights[:, None, None] * present  # [S, N, K]
    combine = _weighted_median if median else _weighted_mean
    of_category = np.zeros(first.visibility.shape, bool)
    for row, category in enumerate(first.categories):
        of_category[row, list(first.schema.keypoint_indices(category))] = True
    visibility = np.where(of_category & present.any(axis=0), 1, -1)
    return combine(points, share[..., None]), visibility


def _weighted_mean(points, share):
    total = share.sum(axis=0)
    return (points * share).sum(axis=0) / np.where(total > 0, total, 1)


def _weighted_median(points, share):
    """Takes the value at which half of the weight is passed; between two values where it is met exactly."""
    order = np.argsort(points, axis=0, kind="stable")
    values = np.take_along_axis(points, order, axis=0)
    passed = np.cumsum(np.take_along_axis(np.broadcast_to(share, points.shape), order, axis=0), axis=0)
    half = passed[-1:] / 2
    lower = np.take_along_axis(values, np.argmax(passed >= half, axis=0)[None], axis=0)[0]
    # Nothing lies above the half where no submission has the point: argmax is 0 there, and the point is dropped.
    upper = np.take_along_axis(values, np.argmax(passed > half, axis=0)[None], axis=0)[0]
    return (lower + upper) / 2
