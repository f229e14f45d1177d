"""How far views differ: nothing where they agree, the same at every size, and the same for the flipped photo."""

import hypothesis
import made_models
import numpy as np
from fashionai import num_keypoints
from hypothesis import strategies as st

from tools.suggestion import disagreement

seeds = st.integers(0, 2**32 - 1)
search = hypothesis.settings(max_examples=50, deadline=None, derandomize=True)


def views(seed):
    random = np.random.default_rng(seed)
    shape = random.integers(1, 6), random.integers(1, 15)
    return random.uniform(0, 500, [*shape, 2]), random.uniform(0, 1, shape)


@search
@hypothesis.given(seeds)
def test_bounds(seed):
    points, scores = views(seed)
    spread, doubt = disagreement.measure(points, scores)
    assert 0 <= spread <= points.shape[1]
    assert 0 <= doubt <= points.shape[1]


@search
@hypothesis.given(seeds)
def test_views_that_agree_and_are_sure(seed):
    points, scores = views(seed)
    hypothesis.assume(points.shape[1] > 1)
    same = np.broadcast_to(points[:1], points.shape)
    assert np.allclose(disagreement.measure(same, np.ones_like(scores)), 0)


@search
@hypothesis.given(seeds, st.floats(0.1, 10))
def test_neither_the_size_of_photos_nor_the_order_of_views_matters(seed, factor):
    points, scores = views(seed)
    order = np.random.default_rng(seed).permutation(len(points))
    found = disagreement.measure(factor * points[order], scores[order])
    assert np.allclose(disagreement.measure(points, scores), found)


def test_a_photo_and_the_flipped_one(tmp_path):
    """The views of both are the same ones, for a model whose outputs are far from symmetric."""
    folder = made_models.make(tmp_path / "skirt")
    committee = disagreement.Committee([folder], "skirt", "float32")
    image, other = np.random.default_rng(0).integers(0, 256, [2, 96, 72, 3]).astype(np.uint8)
    straight, flipped, another = committee.look([image, image[:, ::-1].copy(), other], ["skirt"] * 3)
    np.testing.assert_allclose(straight, flipped, rtol=1e-3)
    assert not np.allclose(straight, another, rtol=1e-2)
    assert all(0 < value <= num_keypoints("skirt") for value in straight)
