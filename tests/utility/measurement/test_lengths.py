"""Lengths and their standard deviations, against simulated errors of the points."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utility.measurement import lengths, plane

CHAINS = st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000)), min_size=2, max_size=5)
CHAIN = np.array([[100.0, 80.0], [220.0, 300.0], [400.0, 310.0]])


def covariances(rng, count, size=9.0):
    factors = rng.normal(0, math.sqrt(size / 2), (count, 2, 2))
    return factors @ factors.transpose(0, 2, 1)


def simulated(points, spread, length, draws=20_000):
    """Returns the standard deviation of a length when points [N, 2] have normal errors of covariances [N, 2, 2]."""
    rng = np.random.default_rng(7)
    errors = [rng.multivariate_normal((0, 0), one, draws) for one in spread]
    return np.std([length(points + error) for error in np.stack(errors, 1)])


def along(points):
    return np.linalg.norm(np.diff(points, axis=0), axis=1).sum()


def test_standard_deviations_are_those_of_simulated_points():
    spread = covariances(np.random.default_rng(0), 3)
    found = lengths.in_pixels(CHAIN, spread)
    assert math.isclose(found.value, along(CHAIN))
    assert math.isclose(found.sd, simulated(CHAIN, spread, along), rel_tol=0.05)


def test_a_closed_chain_moves_its_first_point_once():
    spread = covariances(np.random.default_rng(1), 3)
    closed, own = np.concatenate([CHAIN, CHAIN[:1]]), np.concatenate([spread, spread[:1]])

    def around(points):
        return along(np.concatenate([points, points[:1]]))

    assert math.isclose(lengths.in_pixels(closed, own).sd, simulated(CHAIN, spread, around), rel_tol=0.05)


def test_a_tilted_plane_stretches_the_errors_too():
    to_cm = np.linalg.inv([[9.0, 1.0, 200.0], [0.5, 7.0, 100.0], [0.002, 0.004, 1.0]])
    spread = covariances(np.random.default_rng(2), 3)
    found = lengths.in_cm(CHAIN, spread, plane.Plane(to_cm, np.zeros((0, 3, 3))))
    expected = simulated(CHAIN, spread, lambda points: along(plane.apply(to_cm, points)))
    assert math.isclose(found.value, along(plane.apply(to_cm, CHAIN)))
    assert math.isclose(found.sd, expected, rel_tol=0.05)


@given(CHAINS, st.floats(-3, 3), st.floats(-500, 500), st.integers(0, 100))
def test_where_the_camera_stood_does_not_matter(chain, angle, shift, seed):
    points, spread = np.array(chain), covariances(np.random.default_rng(seed), len(chain))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    first = lengths.in_pixels(points, spread)
    second = lengths.in_pixels(points @ turn.T + shift, turn @ spread @ turn.T)
    assert math.isclose(first.value, second.value, rel_tol=1e-9, abs_tol=1e-6)
    if np.linalg.norm(np.diff(points, axis=0), axis=1).min() > 1e-3:  # others have no direction
        assert math.isclose(first.sd, second.sd, rel_tol=1e-6, abs_tol=1e-6)


@given(CHAINS, st.floats(0.1, 100), st.integers(0, 100))
def test_a_scale_divides_both(chain, pixels_per_cm, seed):
    points, spread = np.array(chain), covariances(np.random.default_rng(seed), len(chain))
    photo, real = lengths.in_pixels(points, spread), lengths.in_cm(points, spread, plane.of_scale(pixels_per_cm))
    assert math.isclose(real.value, photo.value / pixels_per_cm, rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(real.sd, photo.sd / pixels_per_cm, rel_tol=1e-6, abs_tol=1e-9)


@given(CHAINS)
def test_points_of_unknown_errors_have_lengths_of_unknown_ones(chain):
    assert lengths.in_pixels(chain, None).sd is None
    assert lengths.in_cm(chain, None, plane.of_scale(2.0)).sd is None


def test_coinciding_points_have_a_length_of_zero_that_is_uncertain():
    found = lengths.in_pixels([[5.0, 5.0], [5.0, 5.0]], np.array([np.eye(2), np.eye(2)]))
    assert found.value == 0
    assert math.isclose(found.sd, math.sqrt(2))


def test_points_beyond_the_horizon_are_refused():
    tilted = plane.Plane(np.array([[1.0, 0, 0], [0, 1.0, 0], [0, -0.01, 1.0]]), np.zeros((0, 3, 3)))
    with pytest.raises(ValueError, match="horizon"):
        lengths.in_cm([[10.0, 50.0], [10.0, 150.0]], None, tilted)
