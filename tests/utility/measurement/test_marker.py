"""Markers in drawn photos: corners within their stated error, lengths within one per cent, and how they are printed."""

import math
import re

import cv2
import numpy as np
import pytest
from made_cameras import camera, square

from utility.measurement import lengths, marker, plane

_FINE = 6  # a pixel of a drawn photo is the mean of so many by so many


def photo(rng, to_photo, side_cm, place, number=7, size=1000, blur=0.7):
    """Returns a photo, [size, size, 3] uint8 RGB, of a plane with a marker, its first corner at `place` (cm)."""
    texture, cell = marker.draw(number, 6 * 40, 40), side_cm / 6
    to_cm = np.array([[cell / 40, 0, place[0] - cell], [0, cell / 40, place[1] - cell], [0, 0, 1]])
    half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])  # OpenCV counts from the centres of pixels
    matrix = half @ np.diag([_FINE, _FINE, 1.0]) @ to_photo @ to_cm @ np.linalg.inv(half)
    low = np.floor(plane.apply(to_photo @ to_cm, np.array([[0, 0], [320, 0], [320, 320], [0, 320]], float)).min(0)) - 2
    high = np.ceil(plane.apply(to_photo @ to_cm, np.array([[0, 0], [320, 0], [320, 320], [0, 320]], float)).max(0)) + 2
    width, height = (int(length) for length in high - low)
    fine = np.full((height * _FINE, width * _FINE), rng.uniform(90, 200), np.uint8)
    shift = np.array([[1, 0, -low[0] * _FINE], [0, 1, -low[1] * _FINE], [0, 0, 1]])
    cv2.warpPerspective(texture, shift @ matrix, fine.shape[::-1], dst=fine, borderMode=cv2.BORDER_TRANSPARENT)
    image = np.full((size, size), float(fine[0, 0]))
    part = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    left, top = (int(value) for value in low)
    image[top : top + height, left : left + width] = part
    image = cv2.GaussianBlur(0.8 * image + 20, (0, 0), blur) + rng.normal(0, 3, image.shape)
    encoded = cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return np.repeat(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)[..., None], 3, axis=2)


@pytest.mark.parametrize("side", [6, 10, 24])
def test_corners_and_lengths_of_tilted_markers(side):
    """A camera 2 m away, tilted by up to 25 degrees; lengths of 10 to 80 cm anywhere in the photo."""
    rng = np.random.default_rng(side)
    errors, scores = [], []
    for _ in range(6):
        to_photo = camera(rng.uniform(0, math.radians(25)), rng.uniform(0, 7), rng.uniform(-0.5, 0.5), 2000, 200)
        place = rng.uniform(-15, 15, 2)
        found = marker.find(photo(rng, to_photo, side, place))
        assert found.number == 7
        corners = plane.apply(to_photo, square(side, place))
        scores.append((found.corners - corners) / found.sd)
        surface = plane.of_square(found.corners, side, found.sd)
        for _ in range(5):
            start, angle = rng.uniform(-15, 15, 2), rng.uniform(0, 7)
            ends = np.array([start, start + rng.uniform(10, 25) * np.array([math.cos(angle), math.sin(angle)])])
            length = lengths.in_cm(plane.apply(to_photo, ends), np.zeros((2, 2, 2)), surface)
            true = np.linalg.norm(ends[1] - ends[0])
            errors.append(abs(length.value / true - 1))
            assert abs(length.value - true) < 4 * length.sd
    assert np.max(errors) < 0.01
    assert math.sqrt(np.square(scores).mean()) < 1.5


@pytest.mark.parametrize("side", [6, 24])
def test_a_photo_that_is_rotated_has_the_same_corners_in_the_same_order(side):
    image = photo(np.random.default_rng(side), camera(0.3, 1.0, 0.2, 2000, 200), side, (-5, 3))
    first, second = marker.find(image), marker.find(np.ascontiguousarray(np.rot90(image)))
    x, y = first.corners.T
    np.testing.assert_allclose(second.corners, np.stack([y, image.shape[1] - x], axis=1), atol=0.05)
    assert (first.number, first.sd) == (second.number, pytest.approx(second.sd))


def test_the_largest_of_several_is_taken():
    rng = np.random.default_rng(0)
    to_photo = camera(0.1, 1.0, 0.0, 2000, 200)
    small, large = (photo(rng, to_photo, side, place) for side, place in ((5, (-20, -20)), (12, (5, 5))))
    both = small.copy()
    both[500:] = large[500:]
    np.testing.assert_allclose(marker.find(both).corners, plane.apply(to_photo, square(12, (5, 5))), atol=0.3)


@pytest.mark.parametrize("shape", [(400, 300, 3), (1, 1, 3), (3, 2000, 3)])
def test_photos_without_one(shape):
    assert marker.find(np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)) is None


def test_a_marker_at_the_edge_of_the_photo_is_found_or_not_but_never_an_error():
    rng = np.random.default_rng(3)
    whole = photo(rng, camera(0.2, 2.0, 0.1, 2000, 200), 12, (-6, -6))
    rows, columns = np.where(whole[..., 0] < 60)
    for cut in range(-3, 12):
        found = marker.find(np.ascontiguousarray(whole[rows.min() - cut :, columns.min() - cut :]))
        assert found is None or np.isfinite(found.corners).all()


def test_the_printed_marker_has_the_cells_and_the_size_of_the_dictionary():
    text = marker.to_svg(3, 10)
    black = {(int(y), int(x)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", text)}
    expected = marker.draw(3, 6, 2)
    assert black == set(zip(*(axis.tolist() for axis in np.where(expected == 0))))
    assert re.search(r'width="16\.6667cm" height="16\.6667cm" viewBox="0 0 10 10"', text)  # 10 of 6 cells
