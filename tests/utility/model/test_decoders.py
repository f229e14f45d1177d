"""Decoding against known truth: Gaussians drawn by NumPy at random sub-pixel places, inside and on the border."""

import numpy as np
import pytest
import tensorflow as tf

from utility.model import decoders, heatmaps

HEIGHT, WIDTH = 24, 30


def drawn(points, sigma, height=HEIGHT, width=WIDTH):
    """Returns [N, height, width, 1]: a Gaussian of peak 1 around each of the N points (x, y) of the cell plane."""
    x = np.arange(width) + 0.5 - points[:, :1]
    y = np.arange(height) + 0.5 - points[:, 1:]
    squares = y[:, :, None] ** 2 + x[:, None, :] ** 2
    return np.exp(-squares / (2 * sigma**2))[..., None].astype(np.float32)


def places(where, count=400, seed=3):
    """Returns [count, 2] random points: `inside` at least 8 cells from the border, `border` within a cell of it."""
    random = np.random.default_rng(seed)
    size = np.array([WIDTH, HEIGHT])
    points = random.uniform(8, size - 8, [count, 2])
    if where == "border":
        axis = random.integers(0, 2, count)
        depth = random.uniform(0, 1, count)
        far = random.integers(0, 2, count)
        points[np.arange(count), axis] = np.where(far, size[axis] - depth, depth)
    return points


def decoded(maps, method, sigma=1.0):
    return np.asarray(heatmaps.decode(tf.constant(maps), method, sigma))[:, 0]


@pytest.mark.parametrize("where", ["inside", "border"])
@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_sub_pixel_methods_find_drawn_points(sigma, where):
    points = places(where)
    maps = drawn(points, sigma)
    errors = {
        method: np.linalg.norm(decoded(maps, method, sigma) - points, axis=1)
        for method in ("argmax", "quarter", "dark", "median")
    }
    assert errors["dark"].mean() < 0.02
    assert errors["dark"].max() < 0.05
    assert errors["quarter"].mean() < 0.25
    assert errors["quarter"].max() <= 0.25 * np.sqrt(2) + 1e-3
    assert errors["quarter"].mean() < errors["argmax"].mean()
    if where == "inside":  # the part of a Gaussian that lies outside of the map is missing in its median
        assert errors["median"].max() < 0.03


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_dark_holds_when_it_smooths_by_another_sigma_than_the_maps_have(sigma):
    points = places("inside")
    assert np.linalg.norm(decoded(drawn(points, sigma), "dark") - points, axis=1).mean() < 0.02


def test_dark_smooths_noise_away():
    points = places("inside")
    random = np.random.default_rng(5)
    maps = drawn(points, 2.0) + random.normal(0, 0.05, [len(points), HEIGHT, WIDTH, 1]).astype(np.float32)
    smoothed = np.linalg.norm(decoded(maps, "dark", 2.0) - points, axis=1)
    barely = np.linalg.norm(decoded(maps, "dark", 0.3) - points, axis=1)
    assert smoothed.mean() < 0.25 < barely.mean()


def test_encode_and_decode_are_inverse():
    points = np.stack([places("inside"), places("border")], axis=1).astype(np.float32)
    maps = heatmaps.encode(tf.constant(points), (HEIGHT, WIDTH), 1.0)
    assert np.abs(heatmaps.decode(maps, "dark") - points).max() < 0.05
    # The farthest centre of a cell: exp(-(0.5² + 0.5²) / 2) = 0.78.
    assert np.asarray(maps).max(axis=(1, 2)).min() > 0.77


def test_expectation_is_the_mean_place_of_the_window():
    maps = np.zeros([1, 9, 11, 1], np.float32)
    maps[0, 4, 5], maps[0, 4, 6], maps[0, 5, 5] = 2.0, 1.0, 1.0
    assert decoded(maps, "expectation") == pytest.approx(np.array([[5.75, 4.75]]), abs=1e-4)


def test_median_has_the_least_mean_distance():
    """Maps of three peaks and a tail, against a search in steps of a twentieth cell."""
    random = np.random.default_rng(2)
    peaks = random.uniform([4, 4], [WIDTH - 4, HEIGHT - 4], [20, 3, 2])
    shares = random.dirichlet([1, 1, 1], 20).astype(np.float32)
    maps = sum(shares[:, i, None, None, None] * drawn(peaks[:, i], 1.0) for i in range(3)) + np.float32(1e-4)
    points = decoded(maps, "median")
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5

    def mean_distance(weights, point):
        return (weights[..., 0] * np.hypot(x - point[0], y - point[1])).sum() / weights.sum()

    around = np.arange(-1, 1.01, 0.05)
    for weights, point in zip(maps, points):
        best = min(mean_distance(weights, point + (dx, dy)) for dx in around for dy in around)
        assert mean_distance(weights, point) < 1.01 * best


def test_median_stays_with_the_greater_share_where_the_mean_lies_between():
    near, far = np.array([[6.3, 8.6]]), np.array([[24.4, 8.6]])
    maps = 0.6 * drawn(near, 1.0) + 0.4 * drawn(far, 1.0)
    assert np.linalg.norm(decoded(maps, "median") - near) < 1.5


def test_argmax_is_the_centre_of_the_highest_cell():
    maps = np.zeros([1, 9, 11, 1], np.float32)
    maps[0, 2, 7] = 3.0
    assert decoded(maps, "argmax").tolist() == [[7.5, 2.5]]


@pytest.mark.parametrize("method", decoders.METHODS)
@pytest.mark.parametrize("fill", [0.0, -1.0, 1e-30])
def test_empty_and_negative_maps_give_a_point_inside(method, fill):
    points = decoded(np.full([2, 8, 9, 1], fill, np.float32), method)
    assert np.isfinite(points).all()
    assert ((points >= 0) & (points <= [9, 8])).all()


@pytest.mark.parametrize("method", ["argmax", "quarter", "dark", "expectation"])  # those that look around a peak
def test_noise_never_leads_far_from_the_highest_cell(method):
    maps = np.random.default_rng(1).normal(size=[300, 8, 9, 1]).astype(np.float32)
    points = decoded(maps, method)
    highest = decoded(maps, "argmax")
    assert np.abs(points - highest).max() <= 4  # the window of the expectation may lie beside a corner
    assert ((points >= 0) & (points <= [9, 8])).all()


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match=f"expected one of {', '.join(decoders.METHODS)}, got 'best'"):
        heatmaps.decode(tf.zeros([1, 8, 8, 1]), "best")
