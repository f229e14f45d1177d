"""The width of heatmaps, against the definition, and what must hold for every map."""

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from utility.model import heatmaps, map_spread

CELL = 1 / 12


def moments(map_, point):
    """The definition: the mean of the outer products of offsets, each cell weighted by its square."""
    map_ = map_.astype(np.float64)
    weights = np.maximum(map_ / max(map_.max(), 1e-30), 1e-5) ** 2
    total = np.zeros([2, 2])
    for row, column in np.ndindex(*map_.shape):
        offset = np.array([column + 0.5, row + 0.5]) - point
        total += weights[row, column] * np.outer(offset, offset)
    return total / weights.sum() + CELL * np.eye(2)


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(
    seed=st.integers(0, 10_000),
    size=st.tuples(st.integers(5, 14), st.integers(5, 14)),
    sharpness=st.sampled_from([0.0, 0.3, 3.0, 10.0]),
    scale=st.sampled_from([1e-6, 1.0, 255.0]),
)
def test_moments_are_those_of_the_definition_and_positive_definite(seed, size, sharpness, scale):
    random = np.random.default_rng(seed)
    maps = random.normal(0.2, 1, [2, *size, 3]) * np.exp(sharpness * random.normal(size=[2, *size, 3]))
    maps *= scale * np.where(random.uniform(size=3) < 0.2, -1, 1)
    points = random.uniform(0, 1, [2, 3, 2]) * size[::-1]
    found = map_spread.second_moments(tf.constant(maps, tf.float32), tf.constant(points, tf.float32)).numpy()
    assert (np.linalg.eigvalsh(found.astype(np.float64)) > 0.9 * CELL).all()
    for image, keypoint in np.ndindex(2, 3):
        expected = moments(np.float32(maps[image, :, :, keypoint]), points[image, keypoint])
        np.testing.assert_allclose(found[image, keypoint], expected, rtol=1e-3, atol=1e-3)


def test_the_square_of_a_gaussian_has_half_its_variance():
    points = tf.constant([[[20.3, 18.9]]])
    found = map_spread.second_moments(heatmaps.encode(points, (40, 40), 3.0), points)
    assert found.numpy()[0, 0] == pytest.approx(np.eye(2) * (4.5 + CELL), abs=1e-3)
    beside = map_spread.second_moments(heatmaps.encode(points, (40, 40), 3.0), points + [2.0, 0.0])
    assert beside.numpy()[0, 0, 0, 0] == pytest.approx(4.5 + 4 + CELL, abs=1e-3)


def test_a_flipped_map_leans_to_the_other_side():
    maps = np.random.default_rng(0).uniform(0, 1, [1, 9, 9, 2]).astype(np.float32)
    points = np.float32([[[3.5, 4.0], [5.0, 6.0]]])
    straight = map_spread.second_moments(tf.constant(maps), points).numpy()
    mirrored = np.stack([9 - points[..., 0], points[..., 1]], axis=-1)
    flipped = map_spread.second_moments(tf.constant(maps[:, :, ::-1]), mirrored).numpy()
    np.testing.assert_allclose(flipped, straight * [[1, -1], [-1, 1]], rtol=1e-4, atol=1e-5)
