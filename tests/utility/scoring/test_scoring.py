"""The metric against numbers computed by hand, and against the official round-1 files where they are."""

import math
import os

import numpy as np
import pytest
from fashionai import KEYPOINTS

from preprocessing.data import annotations
from utility.scoring import bootstrap, scoring, submission


def photos(rows):
    """Returns Annotations of (category, {keypoint: (x, y, v)}) rows; the other keypoints are absent."""
    points = np.full([len(rows), 24, 2], -1.0)
    visibility = np.full([len(rows), 24], -1)
    for row, (_, named) in enumerate(rows):
        for name, (x, y, state) in named.items():
            points[row, KEYPOINTS.index(name)] = x, y
            visibility[row, KEYPOINTS.index(name)] = state
    return annotations.Annotations(
        file="made.csv",
        lines=np.arange(len(rows)) + 2,
        image_ids=[f"Images/{category}/{row}.jpg" for row, (category, _) in enumerate(rows)],
        categories=[category for category, _ in rows],
        points=points,
        visibility=visibility,
    )


TRUTH = photos(
    [
        # norm 100: waistband_right - waistband_left
        ("skirt", {"waistband_left": (100, 50, 1), "waistband_right": (200, 50, 1), "hemline_left": (90, 300, 0)}),
        # norm 256: the pair falls together
        ("skirt", {"waistband_left": (10, 10, 1), "waistband_right": (10, 10, 0), "hemline_right": (50, 60, 1)}),
        # norm of an absent point at its literal (-1, -1): |(2, 3) - (-1, -1)| = 5
        ("blouse", {"armpit_left": (2, 3, 1), "center_front": (20, 20, 1)}),
    ]
)
PREDICTED = photos(
    [
        # errors 3-4-5 -> 5/100, 0, and an occluded one that must not count
        ("skirt", {"waistband_left": (103, 54, 1), "waistband_right": (200, 50, 1), "hemline_left": (0, 0, 1)}),
        # 0 and 12.8/256 = 0.05 along x
        ("skirt", {"waistband_left": (10, 10, 1), "waistband_right": (99, 99, 1), "hemline_right": (62.8, 60, 1)}),
        # 1/5 = 0.2 and 10/5 = 2
        ("blouse", {"armpit_left": (2, 4, 1), "center_front": (26, 28, 1)}),
    ]
).points


def test_every_figure_of_three_photos_by_hand():
    result = scoring.score(TRUTH, PREDICTED)
    assert result["keypoints"] == 6
    assert result["ne"] == pytest.approx((0.05 + 0 + 0 + 0.05 + 0.2 + 2) / 6)
    assert result["epe"] == pytest.approx((5 + 0 + 0 + 12.8 + 1 + 10) / 6)
    skirt = result["categories"]["skirt"]
    assert skirt["keypoints"] == 4
    assert skirt["ne"] == pytest.approx(0.025)
    assert skirt["points"] == {
        "waistband_left": {"ne": pytest.approx(0.025), "keypoints": 2},
        "waistband_right": {"ne": 0.0, "keypoints": 1},
        "hemline_left": {"ne": None, "keypoints": 0},
        "hemline_right": {"ne": pytest.approx(0.05), "keypoints": 1},
    }
    assert result["categories"]["blouse"]["ne"] == pytest.approx(1.1)
    assert list(result["categories"]) == ["blouse", "skirt"]
    # Within 0.05: all but 0.2 and 2. An error on the threshold is within.
    assert result["pck"] == {"0.05": pytest.approx(4 / 6), "0.1": pytest.approx(4 / 6), "0.2": pytest.approx(5 / 6)}
    # 0.01 … 0.04: 2 of 6; 0.05 … 0.19: 4 of 6; 0.20: 5 of 6
    assert result["auc"] == pytest.approx((4 * 2 + 15 * 4 + 5) / (6 * 20))
    # Keypoints of the categories: 2 skirts of 4, a blouse of 13.
    assert {name: entry["keypoints"] for name, entry in result["visibility"].items()} == {
        "visible": 6,
        "occluded": 2,
        "absent": 13,
    }
    assert result["visibility"]["absent"]["share"] == pytest.approx(13 / 21)


def test_table_shows_the_figures_and_ends_with_the_score():
    lines = scoring.table(scoring.score(TRUTH, PREDICTED))
    assert lines[-1] == "NE 0.383333 (38.3333 %) over 6 keypoints"
    assert "skirt      hemline_right      0.050000   5.0000 %          1" in lines
    assert "skirt      hemline_left              -          -          0" in lines
    assert "absent           13 keypoints  61.9048 %" in lines
    assert "EPE        4.800 px" in lines


def test_no_visible_keypoint_is_said_not_divided_by():
    blind = photos([("skirt", {"waistband_left": (1, 2, 0)})])
    result = scoring.score(blind, blind.points)
    assert result["ne"] is None
    assert result["auc"] is None
    assert scoring.table(result)[-1].startswith("NE undefined")
    assert scoring.worst_photos(blind, blind.points, 5) == []


def test_worst_photos_come_first():
    assert scoring.worst_photos(TRUTH, PREDICTED, 2) == [(2, pytest.approx(1.1)), (0, pytest.approx(0.025))]
    assert [row for row, _ in scoring.worst_photos(TRUTH, PREDICTED, 9)] == [2, 0, 1]


@pytest.mark.parametrize(
    ("category", "left", "right"),
    [(name, "armpit_left", "armpit_right") for name in ("blouse", "dress", "outwear")]
    + [(name, "waistband_left", "waistband_right") for name in ("skirt", "trousers")],
)
def test_norm_is_the_distance_of_the_categorys_pair(category, left, right):
    rows = photos([(category, {left: (1, 1, 1), right: (4, 5, 0)})])
    assert scoring.normalising_lengths(rows.points, rows.categories, rows.schema) == [5.0]


def test_official_round_1_submission():
    """The real files where they are; otherwise a drawn set of the same size against a plain loop."""
    folder = os.path.join(os.environ.get("FASHION_DATA", ""), "round1_test_a")
    if os.path.isdir(folder):
        truth = annotations.read(os.path.join(folder, "answer.csv.gz"))
        prediction = annotations.read(os.path.join(folder, "submission_3196.csv.gz"))
        points = prediction.points[submission.aligned_rows(prediction, truth)]
        expected, count = 0.3185971934, 82708
    else:
        truth, points = _drawn(2000)
        expected, count = _plain_loop(truth, points)
    result = scoring.score(truth, points)
    assert result["keypoints"] == count
    assert result["ne"] == pytest.approx(expected, abs=5e-11)


def _drawn(count):
    random = np.random.default_rng(7)
    names = random.choice(["blouse", "dress", "outwear", "skirt", "trousers"], count)
    truth = photos([(name, {}) for name in names])
    truth.visibility[:] = random.integers(-1, 2, truth.visibility.shape)
    truth.points[:] = np.where(truth.visibility[..., None] < 0, -1, random.integers(0, 512, truth.points.shape))
    return truth, random.uniform(0, 512, truth.points.shape)


def _plain_loop(truth, points):
    """The definition of SPEC, a keypoint at a time."""
    errors = []
    for row, category in enumerate(truth.categories):
        part = "waistband" if category in ("skirt", "trousers") else "armpit"
        left, right = (truth.points[row, KEYPOINTS.index(f"{part}_{side}")] for side in ("left", "right"))
        norm = math.dist(left, right) or 256
        visible = np.flatnonzero(truth.visibility[row] == 1)
        errors += [math.dist(truth.points[row, index], points[row, index]) / norm for index in visible]
    return sum(errors) / len(errors), len(errors)


def test_a_keypoint_that_the_category_does_not_have_does_not_count():
    """The table left it out, and the NE of all had it."""
    own = {"waistband_left": (1, 1, 1), "waistband_right": (9, 1, 1)}
    plain, foreign = photos([("skirt", own)]), photos([("skirt", {**own, "cuff_left_in": (50, 50, 1)})])
    found = plain.points  # -1, -1 for the cuff
    assert scoring.score(foreign, found)["ne"] == 0
    assert scoring.score(foreign, found)["keypoints"] == 2
    assert scoring.worst_photos(foreign, found, 1) == [(0, 0.0)]
    assert bootstrap.error(foreign, found) == bootstrap.error(plain, found)


def test_no_photo_has_no_error():
    nothing = photos([])
    result = scoring.score(nothing, nothing.points)
    assert (result["ne"], result["keypoints"], result["categories"]) == (None, 0, {})


@pytest.mark.parametrize("seed", range(10))
def test_the_table_and_the_whole_count_the_same_keypoints_whatever_a_file_says_of_others(seed):
    random = np.random.default_rng(seed)
    categories = random.choice(["blouse", "dress", "skirt", "trousers"], 6)
    truth = photos([(str(category), {}) for category in categories])
    truth.points[:], truth.visibility[:] = random.uniform(0, 99, truth.points.shape), random.integers(-1, 2, (6, 24))
    found = random.uniform(0, 99, truth.points.shape)
    result = scoring.score(truth, found)
    by_category = result["categories"].values()
    assert result["keypoints"] == sum(one["keypoints"] for one in by_category)
    by_point = [point for one in by_category for point in one["points"].values()]
    assert result["keypoints"] == sum(point["keypoints"] for point in by_point)
    total = sum(point["ne"] * point["keypoints"] for point in by_point if point["keypoints"])
    assert result["ne"] == pytest.approx(total / result["keypoints"])
