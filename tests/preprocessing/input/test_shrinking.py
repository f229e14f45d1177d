"""The ratio by which photos are shrunk before they are sampled, for any matrix, by NumPy and by TensorFlow."""

import math

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from base import geometry
from preprocessing.input import shrinking

EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True)
LENGTHS = st.floats(0.5, 9000)


@EXAMPLES
@given(
    box=st.tuples(st.floats(-100, 9000), st.floats(-100, 9000), LENGTHS, LENGTHS),
    degrees=st.floats(-180, 180),
    size=st.integers(32, 512),
    flipped=st.booleans(),
)
def test_the_ratio_is_the_largest_that_loses_no_pixel_of_the_input(box, degrees, size, flipped):
    """Measured by moving a step of one photo pixel to the input, not by the formula."""
    matrix = geometry.compose(
        geometry.rotation(math.radians(degrees), 300.0, 200.0),
        geometry.cropping(*box, size, size),
        geometry.flipping(float(size)) if flipped else geometry.identity(),
    )
    origin, along_x, along_y = geometry.apply(matrix, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    longest = max(np.linalg.norm(along_x - origin), np.linalg.norm(along_y - origin))
    right = max(ratio for ratio in shrinking.RATIOS if ratio == 1 or ratio * longest <= 1.0005)
    ratio = shrinking.shrink_ratio(matrix)
    bounds = [ratio * longest for ratio in (2, 4, 8)]
    if min(abs(bound - 1.0005) for bound in bounds) > 1e-6:
        assert ratio == right
        assert shrinking.shrink_ratio(tf.constant(matrix, tf.float32)).numpy() == right
        assert shrinking.shrink_ratio(matrix[:, :2]) == right
        if 1 < ratio < 8:  # what is left to the bilinear sampling is less than a halving
            assert 1 / (ratio * longest) < 2


@EXAMPLES
@given(size=st.integers(16, 1024), ratio=st.sampled_from(shrinking.RATIOS[1:]), longer=st.floats(1, 100))
def test_whole_multiples_of_the_input_are_shrunk_to_the_input(size, ratio, longer):
    """At exactly r pixels a pixel of the input, however the matrix was rounded on its way; one pixel less is not."""
    for width, right in ((size * ratio, ratio), (size * ratio - 1, ratio // 2)):
        height = max(width, round(width * longer))
        for kind in (np.float32, np.float64):
            frame = geometry.cropping(kind(0), kind(0), kind(width), kind(height), kind(1), kind(1))
            matrix = geometry.compose(frame, geometry.scaling(kind(size), kind(size)))
            assert shrinking.shrink_ratio(matrix) == right or (right != ratio and size * ratio >= 2000)
            assert shrinking.shrink_ratio(tf.constant(matrix)).numpy() == shrinking.shrink_ratio(matrix)


def test_a_batch_has_a_ratio_per_matrix():
    matrices = np.stack([geometry.scaling(1 / r, 1 / r) for r in (0.1, 1, 1.9, 2, 3.9, 4, 7.9, 8, 100)])
    expected = [1, 1, 1, 2, 2, 4, 4, 8, 8]
    assert shrinking.shrink_ratio(matrices).tolist() == expected
    assert shrinking.shrink_ratio(tf.constant(matrices, tf.float32)).numpy().tolist() == expected
    assert shrinking.shrink_ratio(matrices).dtype == np.int32


def means(image, ratio):
    """Returns the means of blocks, the border repeated, in 64-bit numbers."""
    height, width = image.shape[:2]
    padded = np.pad(image, [(0, -height % ratio), (0, -width % ratio), (0, 0)], mode="edge").astype(np.float64)
    return padded.reshape(padded.shape[0] // ratio, ratio, padded.shape[1] // ratio, ratio, 3).mean((1, 3))


SIDES = st.one_of(st.integers(1, 40), st.integers(1, 700))


@EXAMPLES
@given(height=SIDES, width=SIDES, ratio=st.sampled_from(shrinking.RATIOS), seed=st.integers(0, 1000))
def test_a_shrunk_photo_holds_the_means_of_its_blocks(height, width, ratio, seed):
    image = np.random.default_rng(seed).integers(0, 256, [height, width, 3], np.uint8)
    views = image, np.asfortranarray(image), image[:, ::-1, ::-1]  # as arrays may lie in memory
    for view in views:
        np.testing.assert_allclose(shrinking.shrink(view, ratio), means(view, ratio), rtol=0, atol=1e-4)
        assert shrinking.shrink(view, ratio).dtype == np.float32


@settings(EXAMPLES, max_examples=60)
@given(height=SIDES, width=SIDES, size=st.integers(8, 96), seed=st.integers(0, 1000))
def test_the_exports_resize_as_the_shrunk_photo_is_sampled(height, width, size, seed):
    """Against the rule written down in NumPy, and against `geometry.warp` of the shrunk photo."""
    image = np.random.default_rng(seed).integers(0, 256, [height, width, 3], np.uint8)
    ratio = shrinking.shrink_ratio(np.diag([size / width, size / height]))
    shrunk = means(image, int(ratio))
    places = [(np.arange(size) + 0.5) * length / size / ratio - 0.5 for length in (height, width)]
    rows, columns = (np.clip(place, 0, count - 1) for place, count in zip(places, shrunk.shape))
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = (rows - top)[:, None, None], (columns - left)[None, :, None]
    bottom, beside = np.ceil(rows).astype(int), np.ceil(columns).astype(int)
    upper = shrunk[top][:, left] * (1 - right) + shrunk[top][:, beside] * right
    lower = shrunk[bottom][:, left] * (1 - right) + shrunk[bottom][:, beside] * right
    right_answer = upper * (1 - down) + lower * down
    found = shrinking.resize_whole(tf.constant(image[None], tf.float32), size)[0]
    np.testing.assert_allclose(found, right_answer, rtol=0, atol=0.02)
    bordered = np.pad(shrunk, [(1, 1), (1, 1), (0, 0)], mode="edge").astype(np.float32)
    to_input = geometry.compose(
        geometry.translation(-1.0, -1.0), geometry.scaling(ratio * size / width, ratio * size / height)
    )
    warped = geometry.warp(bordered[None], np.float32(to_input)[None], [size, size])[0]
    np.testing.assert_allclose(found, warped, rtol=0, atol=0.05)  # the op's 32-bit places in a wide photo
