"""Ellipses hold the share that they say of the distribution that they are said to be of."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from base import ellipses

SHARES = (0.3, 0.5, 0.68, 0.8, 0.9, 0.95)


def t_distributed(covariance, count, seed=0):
    """Draws from the distribution of a covariance by its definition: a normal one over the root of a chi-square."""
    random = np.random.default_rng(seed)
    scale = np.linalg.cholesky(np.asarray(covariance) / ellipses.scale_ratio())
    normal = random.normal(size=[count, 2]) @ scale.T
    return normal / np.sqrt(random.chisquare(ellipses.TAIL, [count, 1]) / ellipses.TAIL)


def test_ellipses_hold_their_share_of_the_t_distribution():
    covariance = np.array([[9.0, 2.0], [2.0, 1.0]])
    drawn = t_distributed(covariance, 200_000)
    squares = ellipses.squared_distances(drawn, covariance)
    for share in SHARES:
        assert (squares <= ellipses.radius(share) ** 2).mean() == pytest.approx(share, abs=0.005)
    assert ellipses.share_within(squares).mean() == pytest.approx(0.5, abs=0.005)


def test_the_ellipse_of_80_per_cent_is_that_of_the_normal_distribution_of_the_covariance():
    drawn = np.random.default_rng(1).multivariate_normal([0, 0], [[4, 1], [1, 3]], 100_000)
    squares = ellipses.squared_distances(drawn, np.array([[4.0, 1.0], [1.0, 3.0]]))
    assert (squares <= ellipses.radius(0.8) ** 2).mean() == pytest.approx(0.8, abs=0.005)


@hypothesis.given(share=st.floats(0.001, 0.999))
def test_radius_and_share_are_inverse(share):
    assert ellipses.share_within(ellipses.radius(share) ** 2) == pytest.approx(share)


@hypothesis.given(
    long=st.floats(0.1, 100),
    ratio=st.floats(0.01, 1),
    angle=st.floats(-3.1, 3.1),
    turn=st.floats(0, 6.3),
    share=st.floats(0.1, 0.9),
)
def test_an_ellipse_goes_through_the_points_of_its_share(long, ratio, angle, turn, share):
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance = rotation @ np.diag([long**2, (long * ratio) ** 2]) @ rotation.T
    (a, b), found = ellipses.axes(covariance, share)
    turned = np.array([[np.cos(found), -np.sin(found)], [np.sin(found), np.cos(found)]])
    point = turned @ [a * np.cos(turn), b * np.sin(turn)]
    assert ellipses.share_within(ellipses.squared_distances(point, covariance)) == pytest.approx(share, rel=1e-4)
