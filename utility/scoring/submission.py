"""Submissions: checked against the photos they are for, put in their order, averaged.

N photos, S submissions, K keypoints, all that the schema has, points in photo pixels.
"""

import dataclasses

import numpy as np

from base.errors import DataError, DataErrors


def of_categories(rows, categories):
    """Returns the Annotations of the photos of some categories.

    Raises:
        DataError: there is none.
    """
    kept = [row for row, name in enumerate(rows.categories) if name in categories]
    if not kept:
        raise DataError(rows.file, None, f"has no photo of {', '.join(categories)}: another category would be right")
    return dataclasses.replace(
        rows,
        lines=rows.lines[kept],
        image_ids=[rows.image_ids[row] for row in kept],
        categories=[rows.categories[row] for row in kept],
        points=rows.points[kept],
        visibility=rows.visibility[kept],
    )


def aligned_rows(prediction, photos):
    """Returns [N] int, for each of `photos` the row of `prediction` that is for it.

    Args:
        prediction: Annotations of a submission.
        photos: Annotations of the N photos that it must have, no more and no less.

    Raises:
        DataErrors: a photo without a row, a row for another photo, another category.
    """
    faults = row_faults(prediction, photos)
    if faults:
        raise DataErrors(faults)
    row_of = {image_id: row for row, image_id in enumerate(prediction.image_ids)}
    return np.array([row_of[image_id] for image_id in photos.image_ids], dtype=np.int64)


def row_faults(prediction, photos):
    """Returns a DataError for each row that `prediction` lacks, has too many of, or has under another category."""
    faults = []
    wanted = dict(zip(photos.image_ids, zip(photos.categories, photos.lines)))
    for image_id, category, line in zip(prediction.image_ids, prediction.categories, prediction.lines):
        if image_id not in wanted:
            what = f"{image_id} is not among the photos of {photos.file}: a row for each of those would be right"
            faults.append(DataError(prediction.file, f"line {line}, column image_id", what))
        elif category != wanted[image_id][0]:
            right, right_line = wanted[image_id]
            what = f"{category} is wrong: {right} would be right (line {right_line} of {photos.file})"
            faults.append(DataError(prediction.file, f"line {line}, column image_category", what))
    given = set(prediction.image_ids)
    for image_id, line in zip(photos.image_ids, photos.lines):
        if image_id not in given:
            what = f"has no row for {image_id} (line {line} of {photos.file}): one row a photo would be right"
            faults.append(DataError(prediction.file, None, what))
    return faults


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
                f"{category} has this point: x_y_1" if right[index] == 1 else f"{category} has no such point: -1_-1_-1"
            )
            faults.append(DataError(prediction.file, where, f"{found}, but {what} would be right"))
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
