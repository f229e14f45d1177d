"""Inputs that keep the aspect: the square around what is shown, black beside it, alike wherever it is sampled."""

import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from base import geometry
from preprocessing.input import letterbox, shrinking

EXAMPLES = hypothesis.settings(max_examples=25, deadline=None, derandomize=True, database=None)
numbers = st.floats(0.5, 900)


@EXAMPLES
@hypothesis.given(left=st.floats(-99, 99), top=st.floats(-99, 99), width=numbers, height=numbers)
def test_the_square_around_a_box(left, top, width, height):
    x, y, side, other = letterbox.square_around(left, top, width, height)
    assert side == other == max(width, height)
    np.testing.assert_allclose([x + side / 2, y + side / 2], [left + width / 2, top + height / 2], atol=1e-9)
    to_frame = geometry.cropping(left, top, width, height, 1.0, 1.0)
    squared = letterbox.squared(to_frame)
    np.testing.assert_allclose(squared, geometry.cropping(x, y, side, side, 1.0, 1.0), atol=1e-6)
    np.testing.assert_allclose(letterbox.squared(tf.constant(to_frame)).numpy(), squared, atol=1e-6)
    # One scale for both axes: nothing is distorted.
    assert squared[0, 0] == squared[1, 1]


@EXAMPLES
@hypothesis.given(width=st.integers(1, 130), height=st.integers(1, 130), size=st.integers(16, 64))
def test_exports_sample_what_training_and_prediction_do(width, height, size):
    """`resize_whole`, which exports use, against `warp` of the shrunk photo; black beside the photo in both."""
    image = np.random.default_rng(width).integers(1, 256, [height, width, 3], np.uint8)
    found = shrinking.resize_whole(tf.constant(image[None], tf.float32), size, keep_aspect=True)[0].numpy()
    to_input = geometry.cropping(*letterbox.square_around(0.0, 0.0, float(width), float(height)), size, size)
    ratio = int(shrinking.shrink_ratio(to_input))
    shrunk = shrinking.shrink(image, ratio)
    from_shrunk = geometry.compose(geometry.scaling(float(ratio), float(ratio)), to_input)
    bounds = np.float32([[0, 0, *shrunk.shape[1::-1]]])
    expected = letterbox.warp(tf.constant(shrunk[None]), np.float32(from_shrunk)[None], bounds, size)[0].numpy()
    # A pixel whose middle is on the photo's very edge may be told either way.
    differing = np.abs(found - expected).max(-1) > 0.05
    edges = geometry.apply(from_shrunk, np.array([[0.0, 0.0], shrunk.shape[1::-1]]))
    centres = np.arange(size) + 0.5
    near = [np.min(np.abs(centres[:, None] - edges[:, axis]), axis=1) < 1e-3 for axis in (1, 0)]
    assert not differing[~near[0]][:, ~near[1]].any()
    black = (expected == 0).all(-1).sum() / size**2
    assert abs(black - (1 - min(width, height) / max(width, height))) < 2 / size + (ratio > 1) * 8 / max(width, height)
