"""The coordinate rule: matrices against hand-computed points, against OpenCV, and against their own inverses."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from base import geometry

POINTS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 20.0], [3.5, 7.25]], np.float32)


def _photo(height, width, seed=0):
    """Returns a smooth picture, float32 [height, width, 3], 0 to 255."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


@pytest.mark.parametrize("convert", [np.float32, tf.constant], ids=["numpy", "tensorflow"])
def test_steps_move_points_as_computed_by_hand(convert):
    number = lambda value: convert(np.float32(value))  # noqa: E731
    cases = [
        (geometry.scaling(number(2), number(0.5)), [[0, 0], [20, 0], [0, 10], [7, 3.625]]),
        (geometry.translation(number(3), number(-1)), [[3, -1], [13, -1], [3, 19], [6.5, 6.25]]),
        (geometry.flipping(number(10)), [[10, 0], [0, 0], [10, 20], [6.5, 7.25]]),
        # A quarter turn clockwise about (10, 0): what lay to the left of it now lies above.
        (geometry.rotation(number(np.pi / 2), number(10), number(0)), [[10, -10], [10, 0], [-10, -10], [2.75, -6.5]]),
        (geometry.cropping(number(5), number(10), number(20), number(40), 40, 20),
         [[-10, -5], [10, -5], [-10, 5], [-3, -1.375]]),
    ]  # fmt: skip
    for matrix, expected in cases:
        np.testing.assert_allclose(geometry.apply(matrix, convert(POINTS)), expected, atol=1e-5)


def test_steps_are_composed_in_the_order_given():
    shift, stretch = geometry.translation(np.float32(3), np.float32(1)), geometry.scaling(np.float32(2), np.float32(4))
    one_by_one = geometry.apply(stretch, geometry.apply(shift, POINTS))
    np.testing.assert_allclose(geometry.apply(geometry.compose(shift, stretch), POINTS), one_by_one, atol=1e-5)
    np.testing.assert_allclose(one_by_one[0], [6, 4])


@settings(deadline=None, max_examples=30)
@given(st.floats(-3.1, 3.1), st.floats(0.2, 5), st.floats(0.2, 5), st.floats(-300, 300))
def test_inverse_brings_points_back(radians, x_scale, y_scale, offset):
    steps = geometry.rotation(np.float64(radians), 7.0, 9.0), geometry.scaling(x_scale, y_scale)
    matrix = geometry.compose(*steps, geometry.translation(offset, -offset), geometry.flipping(384.0))
    np.testing.assert_allclose(
        geometry.apply(geometry.invert(matrix), geometry.apply(matrix, POINTS)), POINTS, atol=1e-3
    )
    batch = tf.constant(np.stack([matrix, geometry.identity()]))
    np.testing.assert_allclose(geometry.invert(batch)[0], geometry.invert(matrix), rtol=1e-6, atol=1e-9)


def test_mirroring_twice_is_the_identity():
    twice = geometry.compose(geometry.flipping(384.0), geometry.flipping(384.0))
    np.testing.assert_array_equal(twice, geometry.identity())


def test_pixels_and_plane_differ_by_half_a_pixel():
    assert geometry.to_plane(np.float32(7)) == 7.5
    assert geometry.to_pixels(geometry.to_plane(np.float32(7))) == 7


def test_warp_agrees_with_opencv():
    images = np.stack([_photo(70, 90, seed) for seed in range(3)])
    turns = [geometry.rotation(np.float32(angle), np.float32(40), np.float32(30)) for angle in (-0.5, 0.0, 0.3)]
    matrices = np.stack([geometry.compose(turn, geometry.scaling(0.8, 1.3)) for turn in turns]).astype(np.float32)
    warped = geometry.warp(images, matrices, (60, 50)).numpy()
    assert warped.shape == (3, 60, 50, 3)
    for image, matrix, ours in zip(images, matrices, warped):
        # OpenCV counts from the first pixel's centre, the plane from its corner.
        half = geometry.translation(0.5, 0.5)
        theirs = geometry.compose(half, matrix, geometry.invert(half))
        expected = cv2.warpAffine(image, theirs, (50, 60), flags=cv2.INTER_LINEAR)
        inner = cv2.erode(cv2.warpAffine(np.ones((70, 90), np.uint8), theirs, (50, 60)), np.ones((5, 5))) > 0
        assert inner.mean() > 0.5
        assert np.abs(ours - expected)[inner].mean() < 0.5  # of 255; OpenCV rounds positions to 1/32 pixel


def test_warp_of_a_whole_photo_is_a_resize():
    image = _photo(60, 80)
    matrix = geometry.scaling(np.float32(64 / 80), np.float32(48 / 60))
    warped = geometry.warp(image[None], matrix[None], (48, 64), "NEAREST")[0]
    np.testing.assert_allclose(warped, tf.image.resize(image, (48, 64)), atol=0.01)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), degrees=st.floats(-180, 180), scale=st.floats(0.1, 10), flip=st.booleans())
def test_covariances_move_as_the_points_that_they_are_of(seed, degrees, scale, flip):
    """Of the second moments of moved points, which are linear: M S M^T, for photos scaled, turned and flipped."""
    random = np.random.default_rng(seed)
    turned = geometry.rotation(np.deg2rad(degrees), 5.0, 7.0)
    steps = [geometry.scaling(scale, scale * 1.5), turned, *([geometry.flipping(30.0)] if flip else [])]
    matrix = geometry.compose(*steps)
    cloud = random.normal(size=[6, 2]) * [3, 1]
    moved = geometry.apply(matrix, cloud)
    before, after = (np.cov(points.T)[None] for points in (cloud, moved))
    np.testing.assert_allclose(geometry.transform_covariances(matrix, before), after, rtol=1e-6, atol=1e-9)
    in_graph = geometry.transform_covariances(tf.constant(matrix[None]), tf.constant(before[None]))[0]
    np.testing.assert_allclose(in_graph, after, rtol=1e-6, atol=1e-9)
