"""From pixels to centimetres: exact for every camera, and as uncertain as simulated corners are."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_cameras import camera, square

from utility.measurement import plane

ANGLES = st.floats(0, math.radians(60))


CAMERAS = st.builds(camera, ANGLES, st.floats(0, 7), st.floats(-3, 3), st.floats(400, 3000), st.floats(150, 400))
PLACES = st.tuples(st.floats(-30, 30), st.floats(-30, 30))


@given(CAMERAS, st.floats(3, 20), PLACES, PLACES, PLACES)
def test_a_square_gives_true_lengths_anywhere(to_photo, side, place, start, end):
    corners = plane.apply(to_photo, square(side, place))
    found = plane.of_square(corners, side, 0.1)
    ends = plane.apply(found.to_cm, plane.apply(to_photo, np.array([start, end])))
    assert math.isclose(np.linalg.norm(ends[1] - ends[0]), math.dist(start, end), rel_tol=1e-6, abs_tol=1e-6)
    assert plane.is_in_front(found.to_cm, plane.apply(to_photo, np.array([start, end]))).all()


@given(CAMERAS, PLACES)
def test_jacobians_are_the_derivatives(to_photo, place):
    point, step = np.array([place]), 1e-4
    numeric = [
        (plane.apply(to_photo, point + change) - plane.apply(to_photo, point - change))[0] / (2 * step)
        for change in step * np.eye(2)
    ]
    np.testing.assert_allclose(plane.jacobians(to_photo, point)[0], np.transpose(numeric), rtol=1e-5, atol=1e-5)


def test_what_lies_beyond_the_horizon_is_told_apart():
    to_photo = camera(math.radians(50), 0.0, 0.0, 1000, 200)
    found = plane.of_square(plane.apply(to_photo, square(10, (0, 0))), 10, 0.1)
    horizon = 500 + 1000 / math.tan(math.radians(50))  # of a plane tilted about the x axis: its lower edge is farther
    photo = np.array([[500, 500], [500, horizon - 5], [500, horizon + 5]])
    assert plane.is_in_front(found.to_cm, photo).tolist() == [True, True, False]


def test_alternatives_say_how_far_noisy_corners_move_a_length():
    rng = np.random.default_rng(1)
    to_photo = camera(0.3, 1.0, 0.2, 1200, 250)
    corners = plane.apply(to_photo, square(8, (5, -10)))
    ends = plane.apply(to_photo, np.array([[-25.0, 10.0], [20.0, 30.0]]))

    def length(homography):
        return np.linalg.norm(np.subtract(*plane.apply(homography, ends)))

    sd = 0.05
    found = plane.of_square(corners, 8, sd)
    expected = math.sqrt(sum((length(other) - length(found.to_cm)) ** 2 for other in found.alternatives))
    drawn = [length(plane.of_square(corners + rng.normal(0, sd, (4, 2)), 8, sd).to_cm) for _ in range(2000)]
    assert math.isclose(np.std(drawn), expected, rel_tol=0.1)


def test_a_scale_is_known():
    known = plane.of_scale(4.0)
    np.testing.assert_allclose(plane.apply(known.to_cm, np.array([[8.0, 2.0]])), [[2.0, 0.5]])
    assert not len(known.alternatives)
