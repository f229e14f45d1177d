"""How far views differ: nothing where they agree, the same at every size, and the same for the flipped photo."""

import hypothesis
import numpy as np
import pytest
from fashionai import SCHEMA
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


class Exact:
    """Stands for a Predictor that finds the white pixels of a skirt's four corners."""

    schema = SCHEMA

    def __init__(self, *_, **__):
        pass

    def find(self, images, categories):
        points = []
        for image in images:
            places = np.argwhere(image[..., 0])[:, ::-1]  # from top to bottom
            waistband, hemline = (pair[pair[:, 0].argsort()] for pair in (places[:2], places[2:]))
            points.append(np.float32(np.concatenate([waistband, hemline])))
        return points, [np.ones(4, np.float32)] * len(images)


@search
@hypothesis.given(seeds)
def test_a_model_that_is_right_agrees_with_itself(seed):
    """Also in the flipped photo, where left is right; a view whose points were not taken back would differ."""
    random = np.random.default_rng(seed)
    image = np.zeros([40, 31, 3], np.uint8)
    for row, x in zip((3, 5, 30, 38), random.choice(31, 4, replace=False)):
        image[row, x] = 255
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disagreement, "Predictor", Exact)
        patch.setattr(disagreement.model_directory, "read", lambda folder: Exact)
        committee = disagreement.Committee(["one", "other"], "skirt", "float32")
        assert committee.look([image, image], ["skirt"] * 2) == [(0, 0)] * 2
