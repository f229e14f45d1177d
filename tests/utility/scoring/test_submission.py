"""Submissions: the order of rows, faults by line, averages against values computed by hand."""

import dataclasses

import numpy as np
import pytest
from fashionai import KEYPOINTS, keypoint_indices

from base.errors import DataError, DataErrors
from preprocessing.data import annotations
from utility.scoring import submission


def skirts(names, x):
    """Returns a submission for skirts of these names, all four points of row r at (x[r], 10)."""
    points = np.full([len(names), 24, 2], -1.0)
    visibility = np.full([len(names), 24], -1)
    own = list(keypoint_indices("skirt"))
    points[:, own, 0] = np.array(x)[:, None]
    points[:, own, 1] = 10
    visibility[:, own] = 1
    return annotations.Annotations(
        file=f"{'-'.join(names)}.csv",
        lines=np.arange(len(names)) + 2,
        image_ids=[f"Images/skirt/{name}.jpg" for name in names],
        categories=["skirt"] * len(names),
        points=points,
        visibility=visibility,
    )


WAISTBAND = KEYPOINTS.index("waistband_left")


def test_another_order_of_rows_is_put_right():
    prediction, photos = skirts("cab", [3, 1, 2]), skirts("abc", [0, 0, 0])
    rows = submission.aligned_rows(prediction, photos)
    assert prediction.points[rows, WAISTBAND, 0].tolist() == [1, 2, 3]


def test_missing_unknown_and_wrong_category_are_named_by_line():
    prediction = skirts("axc", [1, 1, 1])
    prediction = dataclasses.replace(prediction, categories=["skirt", "skirt", "dress"])
    with pytest.raises(DataErrors) as caught:
        submission.aligned_rows(prediction, skirts("abc", [0, 0, 0]))
    unknown, category, missing = caught.value.lines()
    assert unknown.startswith("a-x-c.csv: line 3, column image_id: Images/skirt/x.jpg is not among the photos of a-b-c")
    assert category.startswith("a-x-c.csv: line 4, column image_category: dress is wrong: expected skirt (line 4")
    assert missing.startswith("a-x-c.csv: has no row for Images/skirt/b.jpg (line 3 of a-b-c.csv)")


def test_points_must_be_those_of_the_category():
    prediction = skirts("ab", [1, 1])
    assert submission.point_faults(prediction) == []
    prediction.visibility[0, WAISTBAND] = -1
    prediction.visibility[1, KEYPOINTS.index("crotch")] = 1
    lines = [str(fault) for fault in submission.point_faults(prediction)]
    assert lines == [
        "a-b.csv: line 2, column waistband_left: 1_10_-1, but skirt has this point: expected x_y_1",
        "a-b.csv: line 3, column crotch: -1_-1_1, but skirt has no such point: expected -1_-1_-1",
    ]


def test_mean_follows_weights_and_the_rows_of_the_first():
    first, second = skirts("ab", [10, 20]), skirts("ba", [60, 40])
    points, visibility = submission.average([first, second])
    assert points[:, WAISTBAND].tolist() == [[25, 10], [40, 10]]
    points, _ = submission.average([first, second], weights=[1, 2])
    assert points[:, WAISTBAND, 0].tolist() == [30, pytest.approx(140 / 3)]
    assert visibility[:, list(keypoint_indices("skirt"))].min() == 1
    assert (visibility == 1).sum() == 8


def test_median_of_odd_even_and_weighted():
    three = [skirts("a", [x]) for x in (1, 100, 3)]
    assert submission.average(three, median=True)[0][0, WAISTBAND].tolist() == [3, 10]
    assert submission.average(three[:2], median=True)[0][0, WAISTBAND, 0] == 50.5
    assert submission.average(three, weights=[1, 5, 1], median=True)[0][0, WAISTBAND, 0] == 100


def test_a_point_that_a_submission_lacks_does_not_count():
    first, second = skirts("a", [10]), skirts("a", [30])
    second.visibility[0, WAISTBAND] = -1
    points, visibility = submission.average([first, second])
    assert points[0, WAISTBAND, 0] == 10
    assert submission.average([first, second], median=True)[0][0, WAISTBAND, 0] == 10
    first.visibility[0, WAISTBAND] = -1
    points, visibility = submission.average([first, second])
    assert visibility[0, WAISTBAND] == -1
    assert np.isfinite(points).all()


def test_a_category_without_photos_is_an_error():
    assert len(submission.of_categories(skirts("ab", [1, 2]), ["skirt", "dress"])) == 2
    with pytest.raises(DataError, match="has no photo of dress"):
        submission.of_categories(skirts("ab", [1, 2]), ["dress"])
