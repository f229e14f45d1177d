"""Certainty is measured right where errors are drawn by the covariances that are given for them."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from fashionai import SCHEMA

from base import ellipses
from base.errors import DataError
from preprocessing.data.annotations import Annotations
from utility.scoring import certainty, certainty_plot, scoring

NAMES = ("skirt", "trousers")


def drawn(count, inflation=1.0, seed=0):
    """Returns truth, predictions and covariances; predictions are off as their covariances, less `inflation`, say."""
    random = np.random.default_rng(seed)
    categories = [NAMES[number % 2] for number in range(count)]
    has = scoring.own_keypoints(categories, SCHEMA)
    points = random.uniform(50, 450, [count, 24, 2])
    visibility = np.where(has, np.where(random.uniform(size=has.shape) < 0.8, 1, 0), -1)
    truth = Annotations(
        file="truth.csv",
        schema=SCHEMA,
        lines=np.arange(count),
        image_ids=[f"{number}.jpg" for number in range(count)],
        categories=categories,
        points=points,
        visibility=visibility,
    )
    root = random.normal(size=[count, 24, 2, 2]) * np.exp(random.normal(1, 1, [count, 24, 1, 1]))
    covariances = root @ root.swapaxes(-1, -2) + np.eye(2)
    scale = np.linalg.cholesky(covariances / ellipses.scale_ratio())
    normal = (scale @ random.normal(size=[count, 24, 2, 1]))[..., 0]
    offsets = normal / np.sqrt(random.chisquare(ellipses.TAIL, [count, 24, 1]) / ellipses.TAIL)
    return truth, points + offsets, covariances * inflation


def test_calibrated_covariances_hold_what_they_should_and_others_do_not():
    truth, predicted, covariances = drawn(2000)
    found = certainty.summarise(certainty.measure(truth, predicted, covariances, "scores.csv"))
    assert found.keypoints == (truth.visibility == 1).sum()
    for inside in (found.inside, *found.categories.values()):
        assert list(inside.values()) == pytest.approx([0.5, 0.68, 0.9, 0.95], abs=0.02)
    too_large = certainty.summarise(certainty.measure(truth, predicted, covariances * 4, "scores.csv"))
    assert too_large.inside["0.5"] > 0.7
    assert list(found.categories) == list(NAMES)


def test_the_most_certain_points_err_least_and_all_of_them_as_the_metric_says():
    truth, predicted, covariances = drawn(500)
    measured = certainty.measure(truth, predicted, covariances, "scores.csv")
    found = certainty.summarise(measured).most_certain
    assert found["0.5"] < found["0.7"] < found["0.9"] < found["1.0"]
    assert found["1.0"] == pytest.approx(scoring.score(truth, predicted)["ne"])
    order = np.argsort(measured.deviations)
    assert found["0.5"] == pytest.approx(measured.errors[order[: round(len(order) / 2)]].mean())
    alike = np.broadcast_to(np.eye(2), covariances.shape)
    assert certainty.summarise(certainty.measure(truth, predicted, alike, "x")).most_certain["0.5"] > 2 * found["0.5"]


def test_a_point_without_a_covariance_is_named():
    truth, predicted, covariances = drawn(4)
    row, keypoint = np.argwhere(truth.visibility == 1)[3]
    covariances[row, keypoint] = np.nan
    with pytest.raises(DataError) as caught:
        certainty.measure(truth, predicted, covariances, "scores.csv")
    expected = (
        f"scores.csv: has no covariance of {SCHEMA.keypoints[keypoint]} for {row}.jpg: expected cells score_xx_xy_yy"
    )
    assert str(caught.value).startswith(expected)


def test_the_plot_is_svg_whose_lines_say_the_same(tmp_path):
    truth, predicted, covariances = drawn(500)
    measured = certainty.measure(truth, predicted, covariances, "scores.csv")
    certainty_plot.save(tmp_path / "plot.svg", measured)
    root = ElementTree.parse(tmp_path / "plot.svg").getroot()
    lines = [
        np.array([pair.split(",") for pair in line.get("points").split()], float)
        for line in root.iter("{http://www.w3.org/2000/svg}polyline")
    ]
    diagonal, inside, risk = lines
    across, up = (inside - diagonal[0]).T
    side = diagonal[1, 0] - diagonal[0, 0]
    for share in certainty.SHARES:
        at = -np.interp(share * side, across, up) / side
        assert at == pytest.approx((measured.levels <= share).mean(), abs=0.01)
    heights = risk[:, 1].max() - risk[:, 1]
    found = certainty.summarise(measured).most_certain
    bottom = diagonal[0, 1]
    assert (bottom - risk[49, 1]) / (bottom - risk[-1, 1]) == pytest.approx(found["0.5"] / found["1.0"], abs=0.01)
    assert heights.min() == 0


def test_no_visible_keypoint_has_no_certainty():
    truth, predicted, covariances = drawn(2)
    truth.visibility[:] = 0
    assert certainty.measure(truth, predicted, covariances, "x") is None
