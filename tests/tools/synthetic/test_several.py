"""Garments beside each other: where they stand in the photo, and that their boxes hold them."""

import hypothesis
import numpy as np
from fashionai import CATEGORIES, SCHEMA
from hypothesis import strategies as st

from tools.synthetic import several
from tools.synthetic.photos import random_photo


def generators(seed, count):
    return [np.random.default_rng([seed, number]) for number in range(count)]


@hypothesis.settings(max_examples=25, deadline=None, derandomize=True)
@hypothesis.given(
    st.integers(0, 2**32), st.lists(st.sampled_from(CATEGORIES), min_size=2, max_size=4), st.integers(64, 300)
)
def test_garments_stand_from_left_to_right_in_boxes_of_their_own(seed, categories, image_size):
    image, garments, _ = several.random_photos_beside(generators(seed, 4), categories, image_size, SCHEMA)
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert max(image.shape[:2]) <= image_size
    assert [garment.category for garment in garments] == categories
    assert len({garment.box for garment in garments}) == len(garments)
    for garment in garments:
        x0, y0, x1, y1 = garment.box
        assert 0 <= x0 < x1 <= image.shape[1]
        assert 0 <= y0 < y1 <= image.shape[0]
        assert all(x0 <= x < x1 and y0 <= y < y1 for x, y, _ in garment.keypoints.values())
    spans = [[x for x, _, _ in garment.keypoints.values()] for garment in garments if garment.keypoints]
    assert all(max(left) < min(right) for left, right in zip(spans, spans[1:]))


def test_each_part_is_the_photo_that_is_drawn_alone():
    categories = ["skirt", "dress", "blouse"]
    image, garments, _ = several.random_photos_beside(generators(8, 3), categories, 300, SCHEMA)
    left = 0
    for rng, category, garment in zip(generators(8, 3), categories, garments):
        photo = random_photo(rng, category, 100, SCHEMA)
        alone = photo.image if photo.image.ndim == 3 else np.repeat(photo.image[..., None], 3, axis=-1)
        height, width = alone.shape[:2]
        name, (x, y, _) = next(iter(photo.keypoints.items()))
        top = garment.keypoints[name][1] - y
        assert np.array_equal(image[top : top + height, left : left + width], alone)
        moved = {key: (x + left, y + top, seen) for key, (x, y, seen) in photo.keypoints.items()}
        assert garment.keypoints == moved
        left += width
    assert left == image.shape[1]
