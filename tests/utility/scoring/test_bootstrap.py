"""The intervals against what they promise: they hold the true figure 95 times of 100, and a difference has no side."""

import numpy as np
import pytest
from fashionai import KEYPOINTS, SCHEMA

from preprocessing.data import annotations
from utility.scoring import bootstrap, scoring

POINTS = [KEYPOINTS.index(name) for name in ("waistband_left", "waistband_right", "hemline_left", "hemline_right")]


def skirts(count):
    """Returns Annotations of `count` skirts whose normalising length is 100 px, four points each."""
    points = np.full([count, len(KEYPOINTS), 2], -1.0)
    visibility = np.full([count, len(KEYPOINTS)], -1)
    points[:, POINTS] = [[100, 50], [200, 50], [90, 300], [210, 300]]
    visibility[:, POINTS] = 1
    ids = [f"Images/skirt/{row}.jpg" for row in range(count)]
    return annotations.Annotations("made.csv", np.arange(count) + 2, ids, ["skirt"] * count, points, visibility, SCHEMA)


def off_by(truth, pixels):
    """Returns points off by `pixels` [N]: all of a photo's points alike, as a photo's errors hang together."""
    return truth.points + np.asarray(pixels, float)[:, None, None] * [1.0, 0.0]


def test_the_value_is_the_score():
    truth = skirts(7)
    truth.visibility[2, POINTS[1]] = 0  # an occluded point does not count
    predicted = off_by(truth, np.arange(7.0))
    found = bootstrap.error(truth, predicted)
    assert found.value == pytest.approx(scoring.score(truth, predicted)["ne"], rel=1e-12)
    assert found.low <= found.value <= found.high
    assert found.photos == 7


def test_intervals_hold_the_truth_19_times_of_20():
    """Errors of a known mean; photos, not keypoints, must be resampled: four alike points are one observation."""
    random, truth = np.random.default_rng(1), skirts(60)
    held = {"error": 0, "difference": 0}
    for _ in range(100):
        first, second = random.exponential(10.0, 60), random.exponential(10.0, 60)
        error = bootstrap.error(truth, off_by(truth, first))
        difference = bootstrap.difference(truth, off_by(truth, first), off_by(truth, second))
        held["error"] += error.low <= 0.1 <= error.high
        held["difference"] += difference.holds_zero
    # 95 expected; five standard deviations below: 84. Resampled keypoints would hold it about 65 times.
    assert all(84 <= count <= 100 for count in held.values()), held


def test_a_difference_is_paired_and_has_no_side():
    random, truth = np.random.default_rng(2), skirts(50)
    errors = random.exponential(10.0, 50)
    worse = off_by(truth, errors + 0.5)  # by a little, but in every photo
    one = bootstrap.difference(truth, worse, off_by(truth, errors))
    assert (one.value, one.low, one.high) == pytest.approx((0.005, 0.005, 0.005), abs=1e-12)
    assert not one.holds_zero
    other = bootstrap.difference(truth, off_by(truth, errors), worse)
    assert (other.value, other.low, other.high) == pytest.approx((-0.005, -0.005, -0.005), abs=1e-12)


def test_the_same_prediction_twice_is_no_difference():
    truth = skirts(5)
    found = bootstrap.difference(truth, off_by(truth, np.arange(5)), off_by(truth, np.arange(5)))
    assert (found.value, found.low, found.high, found.holds_zero) == (0, 0, 0, True)


def test_without_a_visible_point_there_is_none():
    truth = skirts(3)
    truth.visibility[:] = 0
    assert bootstrap.error(truth, truth.points) is None
    assert bootstrap.difference(truth, truth.points, truth.points) is None


def test_photos_without_a_visible_point_change_nothing():
    few, many = skirts(20), skirts(30)
    many.visibility[20:] = 0
    pixels = np.random.default_rng(3).exponential(5.0, 30)
    assert bootstrap.error(few, off_by(few, pixels[:20])) == bootstrap.error(many, off_by(many, pixels))
