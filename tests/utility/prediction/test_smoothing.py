"""The filter of a video's points: what rests rests, what trembles calms down, and no garment bleeds into the next."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from utility.prediction.smoothing import Smoother

RATE = 25.0
FRAME = np.full([100, 160, 3], 90, np.uint8)
GARMENT = np.array([[20.0, 10.0], [90.0, 12.0], [15.0, 80.0], [95.0, 85.0]])


def smoothed(points, covariances=None, frames=None):
    smoother = Smoother(RATE)
    given = [None] * len(points) if covariances is None else covariances
    return np.array([smoother(frame, *one) for frame, *one in zip(frames or [FRAME] * len(points), points, given)])


def one_euro(values, rate, slowest, rise, of_speeds):
    """The filter as published, for one coordinate vector per frame (Casiez et al., algorithm 1)."""

    def alpha(cutoff):
        tau = 1 / (2 * np.pi * cutoff)
        return 1 / (1 + tau * rate)

    found, speed = [values[0]], np.zeros_like(values[0])
    for before, value in zip(values, values[1:]):
        speed = alpha(of_speeds) * (value - before) * rate + (1 - alpha(of_speeds)) * speed
        share = alpha(slowest + rise * np.linalg.norm(speed))
        found.append(share * value + (1 - share) * found[-1])
    return np.array(found)


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(seed=st.integers(0, 1000), equal=st.booleans())
def test_it_is_the_published_filter_where_every_frame_is_as_certain(seed, equal):
    random = np.random.default_rng(seed)
    points = GARMENT + np.cumsum(random.normal(size=[30, 4, 2]), axis=0)
    covariance = random.uniform(1, 5, 4)[:, None, None] * np.array([[2, 0.5], [0.5, 1]])
    found = smoothed(points, [covariance] * 30 if equal else None)
    for keypoint in range(4):
        expected = one_euro(points[:, keypoint] / 160, RATE, 1.0, 20.0, 1.0) * 160
        np.testing.assert_allclose(found[:, keypoint], expected, atol=1e-6)


def test_points_that_rest_are_unchanged():
    random = np.random.default_rng(0)
    root = random.normal(size=[20, 4, 2, 2])
    found = smoothed(np.tile(GARMENT, [20, 1, 1]), root @ root.transpose(0, 1, 3, 2) + np.eye(2))
    np.testing.assert_array_equal(found, np.tile(GARMENT, [20, 1, 1]))


def test_trembling_is_damped_and_motion_followed():
    random = np.random.default_rng(1)
    noise = random.normal(0, 0.6, [100, 4, 2])
    still = smoothed(GARMENT + noise)
    assert still[20:].std(axis=0).mean() < 0.5 * noise[20:].std(axis=0).mean()
    moving = GARMENT + np.arange(60)[:, None, None] * 1.5
    assert np.abs(smoothed(moving) - moving)[20:].max() < 3  # two frames


@pytest.mark.parametrize("variance", [4.0, 100.0, 10_000.0])
def test_an_uncertain_frame_moves_a_point_the_less_the_less_certain_it_is(variance):
    points = np.tile(GARMENT, [11, 1, 1])
    points[10, 0] += [30, 0]  # one keypoint of four is far off: no cut
    certain = np.tile(np.eye(2), [11, 4, 1, 1])
    uncertain = certain.copy()
    uncertain[10, 0] *= variance
    moved, less = (smoothed(points, given)[10] - GARMENT for given in (certain, uncertain))
    assert 0 < less[0, 0] < moved[0, 0] * 3 / np.sqrt(variance)
    np.testing.assert_array_equal(less[1:], moved[1:])


def test_uncertainty_along_one_axis_does_not_hold_the_other():
    points = np.tile(GARMENT, [11, 1, 1])
    points[10, 0] += [3, 3]
    covariances = np.tile(np.eye(2), [11, 4, 1, 1])
    covariances[10, 0] = np.diag([1e6, 1.0])
    x, y = smoothed(points, covariances)[10, 0] - GARMENT[0]
    assert abs(x) < 0.01 * y


def test_no_garment_bleeds_into_the_next():
    """A cut to another place, and one to another picture whose garment happens to be where the former was."""
    elsewhere = GARMENT + [40, 0]
    found = smoothed([GARMENT] * 10 + [elsewhere] * 3)
    np.testing.assert_array_equal(found[10:], [elsewhere] * 3)
    near = GARMENT + 2
    frames = [FRAME] * 10 + [np.full_like(FRAME, 200)] * 3
    np.testing.assert_array_equal(smoothed([GARMENT] * 10 + [near] * 3, frames=frames)[10:], [near] * 3)
    assert (smoothed([GARMENT] * 10 + [near] * 3)[10] != near).all()  # the same shot
