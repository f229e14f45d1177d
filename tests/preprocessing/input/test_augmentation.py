"""10 000 draws: the stated probabilities and ranges, and crops that cover what they must."""

import numpy as np
import pytest
import tensorflow as tf

from base import geometry
from preprocessing.input import augmentation
from preprocessing.input.augmentation_options import AugmentationOptions

SIZE = 96
DRAWS = 10_000


def _garments(seed=0):
    """Returns, for each draw, a photo's size [N, 2] and 24 points [N, 24, 2] in its plane, some labelled [N, 24]."""
    generator = np.random.default_rng(seed)
    sizes = np.array([[512, 512], [341, 512], [384, 512], [512, 400]], np.float32)[generator.integers(0, 4, DRAWS)]
    low = generator.uniform(0.02, 0.25, (DRAWS, 2))
    high = generator.uniform(0.75, 0.98, (DRAWS, 2))
    points = (low[:, None] + generator.uniform(0, 1, (DRAWS, 24, 2)) * (high - low)[:, None]) * sizes[:, None]
    return sizes, points.astype(np.float32), generator.random((DRAWS, 24)) < 0.5


def _matrices(sizes, points, labelled, seed=3, **options):
    """Returns the matrices [N, 2, 3] and whether each is mirrored [N]."""

    def chunk(positions, sizes, points, labelled):
        settings = AugmentationOptions(**options)
        drawn = augmentation.draw(seed, positions)
        return augmentation.sample_matrices(points, labelled, sizes, SIZE, drawn, settings, seed, positions)

    dataset = tf.data.Dataset.from_tensor_slices((sizes, points, labelled)).enumerate().batch(8, drop_remainder=True)
    dataset = dataset.map(lambda positions, rows: chunk(positions, *rows), num_parallel_calls=2)
    matrices, flipped = (np.concatenate(column) for column in zip(*dataset.as_numpy_iterator()))
    assert len(matrices) == len(sizes)
    return matrices, flipped


def _boxes(matrices):
    """Returns the boxes (left, top, right, bottom) [N, 4] of the photo that unturned matrices show."""
    corners = geometry.apply(geometry.invert(matrices), np.array([[0, 0], [SIZE, SIZE]], np.float32))
    return np.concatenate([corners.min(1), corners.max(1)], 1)


def test_a_draw_is_uniform_and_its_parts_are_independent():
    table = (
        tf.data.Dataset.range(DRAWS)
        .batch(10, drop_remainder=True)
        .map(lambda positions: augmentation.draw(0, positions))
    )
    columns = np.concatenate([np.stack(list(rows.values()), 1) for rows in table.as_numpy_iterator()])
    assert len(columns) == DRAWS
    assert columns.min() >= 0
    assert columns.max() < 1
    np.testing.assert_allclose(columns.mean(0), 0.5, atol=0.015)
    np.testing.assert_allclose(columns.std(0), 12**-0.5, atol=0.01)
    assert np.abs(np.corrcoef(columns.T) - np.eye(columns.shape[1])).max() < 0.05


def test_crops_cover_every_labelled_point_and_the_border():
    sizes, points, labelled = _garments()
    matrices, flipped = _matrices(sizes, points, labelled, rotate_probability=0.0)
    left, top, right, bottom = _boxes(matrices).T
    low = np.where(labelled[..., None], points, np.inf).min(1) - 25
    high = np.where(labelled[..., None], points, -np.inf).max(1) + 25
    assert (left <= np.maximum(low[:, 0], 0) + 0.01).all()
    assert (top <= np.maximum(low[:, 1], 0) + 0.01).all()
    assert (right >= np.minimum(high[:, 0], sizes[:, 0]) - 0.01).all()
    assert (bottom >= np.minimum(high[:, 1], sizes[:, 1]) - 0.01).all()
    assert min(left.min(), top.min()) >= -0.01
    assert (right <= sizes[:, 0] + 0.01).all()
    assert (bottom <= sizes[:, 1] + 0.01).all()
    assert abs(flipped.mean() - 0.5) < 0.015
    np.testing.assert_array_equal(np.linalg.det(matrices[..., :2]) < 0, flipped)


def test_crops_have_the_stated_area_and_aspect_or_are_the_whole_photo():
    sizes, points, labelled = _garments()
    matrices, _ = _matrices(sizes, points, labelled, rotate_probability=0.0)
    left, top, right, bottom = _boxes(matrices).T
    width, height = right - left, bottom - top
    whole = (width > sizes[:, 0] - 0.01) & (height > sizes[:, 1] - 0.01)
    area, aspect = (width * height / sizes.prod(1))[~whole], (width / height)[~whole]
    assert 0.1 < whole.mean() < 0.3  # about a fifth
    assert (area > 0.445).all()  # whole pixels: up to half of one less on a side
    assert 0.75 - 0.01 < aspect.min() < 0.8
    assert 1.25 < aspect.max() < 1.33 + 0.01
    bare, _ = _matrices(sizes, points, labelled, rotate_probability=0.0, crop_probability=0.0)
    np.testing.assert_allclose(_boxes(bare)[:, 2:], sizes, atol=0.01)


@pytest.mark.parametrize("probability", [0.4, 0.94])
def test_turns_have_the_stated_probability_and_range(probability):
    sizes, points, labelled = _garments()
    matrices, _ = _matrices(
        sizes, points, labelled, rotate_probability=probability, crop_probability=0.0, flip_probability=0.0
    )
    turns = matrices / (SIZE / sizes)[:, :, None]
    degrees = np.degrees(np.arctan2(turns[:, 1, 0], turns[:, 0, 0]))
    turned = np.abs(degrees) > 1e-3
    assert abs(turned.mean() - probability) < 0.015
    assert np.abs(degrees).max() <= 30.001
    assert abs(degrees[turned].mean()) < 1
    assert abs(degrees[turned].std() - 60 / 12**0.5) < 0.5
    some = turned & labelled.any(1)
    low = np.where(labelled[..., None], points, np.inf).min(1)[some]
    high = np.where(labelled[..., None], points, -np.inf).max(1)[some]
    centres = ((low + high) / 2)[:, None]
    np.testing.assert_allclose(geometry.apply(turns[some], centres), centres, atol=0.01)


def test_a_turn_that_leaves_no_keypoint_inside_is_undone():
    sizes = np.tile(np.float32([[500, 40]]), (2000, 1))
    points = np.tile(np.float32([[[0.5, 0.5]] * 23 + [[499.5, 39.5]]]), (2000, 1, 1))
    labelled = np.ones((2000, 24), bool)
    matrices, _ = _matrices(sizes, points, labelled, rotate_probability=1.0)
    inside = geometry.apply(matrices, points)
    turns = np.abs(matrices[:, 0, 1]) > 1e-6
    assert turns.mean() < 0.2
    shown = ((inside > -1e-3) & (inside < SIZE + 1e-3)).all(-1).any(1)
    assert shown.all()


def test_a_photo_without_keypoints_is_shown_whole():
    sizes, points, labelled = (column[:200] for column in _garments())
    matrices, _ = _matrices(sizes, points, np.zeros_like(labelled), rotate_probability=0.0)
    np.testing.assert_allclose(_boxes(matrices)[:, 2:], sizes, atol=0.01)


def test_the_key_is_seed_and_position():
    positions = tf.constant([0, 1, 2**40], tf.int64)
    values = np.concatenate([augmentation.draw(seed, positions)["degrees"] for seed in (1, 2)])
    assert len(set(values)) == 6
    assert values[1] == augmentation.draw(1, tf.constant([1], tf.int64))["degrees"]
