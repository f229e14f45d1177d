"""The program from a decoded photo to the input, against OpenCV and against its own steps."""

import math

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from base import geometry
from preprocessing.input import color, packed_pixels, rendering
from preprocessing.input.resampling import METHODS, resize_first

_NO_AMOUNTS = {"brightness": 0.0, "saturation": 1.0, "hue": 0.0, "contrast": 1.0}


def _photo(height, width, blur=2):
    noise = np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), blur), None, 0, 255, cv2.NORM_MINMAX)
    return np.round(smooth).astype(np.uint8)


def _render(images, matrices, size, amounts, order):
    """Calls `rendering.render` for images of any sizes."""
    length = max(image.size for image in images)
    rows = np.stack([np.pad(image.ravel(), [0, length - image.size]) for image in images])
    shapes = tf.constant([image.shape[:2] for image in images])
    return rendering.render(tf.constant(rows), shapes, matrices, size, amounts, order)


def _rendered(image, matrix, size, method="bilinear", amounts=_NO_AMOUNTS, order=color.AS_IS):
    image, matrix = resize_first(tf.constant(image), tf.constant(matrix, tf.float32), size, method)
    amounts = {name: tf.constant([amount], tf.float32) for name, amount in amounts.items()}
    return _render([image.numpy()], matrix[None], size, amounts, tf.constant([order]))[0].numpy().astype(int)


def _warped(image, matrix, size):
    """OpenCV's sampling, whose planes have the first pixel's centre at 0."""
    half = geometry.translation(0.5, 0.5)
    matrix = geometry.compose(half, matrix, geometry.invert(half))
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR).astype(np.float32)


@pytest.mark.parametrize(("height", "width", "size"), [(70, 90, 64), (513, 700, 48), (40, 30, 96)])
def test_sampling_agrees_with_opencv(height, width, size):
    image = _photo(height, width)
    middle = np.float32(width / 2), np.float32(height / 2)
    rotation = geometry.rotation(np.float32(0.4), *middle)
    matrix = geometry.compose(
        rotation, geometry.cropping(4.0, 3.0, width - 9.0, height - 5.0, size, size), geometry.flipping(float(size))
    )
    inner = cv2.erode(_warped(np.ones((height, width), np.uint8), matrix, size), np.ones((5, 5))) > 0
    assert 0.5 < inner.mean() < 1.0
    ours = _rendered(image, matrix, size)
    assert np.abs(ours - _warped(image, matrix, size))[inner].mean() < 1.0  # of 255


@pytest.mark.parametrize("method", METHODS)
def test_every_method_shows_the_same_picture(method):
    image = _photo(160, 200, blur=8)
    rotation = geometry.rotation(np.float32(0.4), np.float32(90), np.float32(80))
    matrix = geometry.compose(rotation, geometry.cropping(40.0, 30.0, 110.0, 90.0, 72, 72), geometry.flipping(72.0))
    expected = _warped(image, matrix, 72)
    shown = _rendered(image, matrix, 72, method)
    assert expected.std() > 20
    assert np.abs(shown - expected)[3:-3, 3:-3].mean() < (1 if method == "bilinear" else 3)


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("order", range(len(color.ORDERS)))
def test_every_method_is_recoloured_after_sampling(method, order):
    image = _photo(60, 60)
    amounts = {"brightness": 0.1, "saturation": 1.4, "hue": -0.1, "contrast": 0.7}
    sampled = packed_pixels.pack(_rendered(image, geometry.identity(), 60, method))
    np.testing.assert_array_equal(packed_pixels.to_image(sampled), image)
    expected = packed_pixels.to_image(color.distort(sampled, amounts, tf.constant(order))).numpy().astype(int)
    shown = _rendered(image, geometry.identity(), 60, method, amounts, order)
    assert np.abs(shown - expected).max() <= 1  # of 255: the sums of the contrast are rounded otherwise
    assert np.abs(shown - image).mean() > 10


def test_sampling_a_whole_photo_is_a_resize():
    image = _photo(50, 61)
    ours = _rendered(image, geometry.scaling(96 / 61, 96 / 50), 96)
    distance = np.abs(ours - tf.image.resize(image, (96, 96)).numpy())
    assert distance.mean() < 0.3  # of 255: rounding to whole values alone gives a quarter
    assert distance.max() < 0.501


def test_a_flip_reverses_the_rows():
    image = _photo(64, 64)
    np.testing.assert_array_equal(_rendered(image, geometry.flipping(64.0), 64), image[:, ::-1])


def test_outside_is_black_and_one_pixel_is_enough():
    image = np.full((1, 1, 3), 200, np.uint8)
    expected = np.zeros((4, 4, 3))
    expected[1, 2] = 200
    np.testing.assert_array_equal(_rendered(image, geometry.translation(2.0, 1.0), 4), expected)


def test_images_are_rendered_each_in_its_own_way():
    images = [_photo(40, 50), _photo(70, 30), _photo(513, 700)]
    matrices = [geometry.scaling(32 / image.shape[1], 32 / image.shape[0]) for image in images]
    amounts = [{name: amount + 0.1 * row for name, amount in _NO_AMOUNTS.items()} for row in range(3)]
    alone = [
        _rendered(*pair, 32, "bilinear", own, order) for *pair, own, order in zip(images, matrices, amounts, range(3))
    ]
    together = _render(
        images,
        tf.constant(np.stack(matrices), tf.float32),
        32,
        {name: tf.constant([own[name] for own in amounts], tf.float32) for name in _NO_AMOUNTS},
        tf.range(3),
    )
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("corners", [(255, 0, 0, 0), (0, 255, 255, 0), (255, 255, 255, 0), (255, 255, 255, 255)])
def test_every_fraction_is_sampled_within_one_step_of_255(corners):
    """Where two pixels meet at hard edges, at fractions up to the last before the next pixel."""
    image = np.repeat(np.uint8(corners).reshape(2, 2, 1), 3, -1)
    size = 512  # a pixel of the image is 256 samples, from the middle of the first to that of the last
    matrix = geometry.cropping(0.5, 0.5, 1.0, 1.0, size, size)
    fraction = (np.arange(size) + 0.5) / size
    top = corners[0] + (corners[1] - corners[0]) * fraction
    bottom = corners[2] + (corners[3] - corners[2]) * fraction
    expected = top + (bottom - top) * fraction[:, None]
    assert np.abs(_rendered(image, matrix, size)[..., 0] - expected).max() <= 0.51


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    degrees=st.floats(-180, 180),
    zoom=st.tuples(st.floats(0.1, 20), st.floats(0.1, 20)),
    flip=st.booleans(),
)
def test_sampling_equals_another_implementation_within_one_step(seed, height, width, degrees, zoom, flip):
    image = np.random.default_rng(seed).choice([0, 1, 128, 254, 255], (height, width, 3)).astype(np.uint8)
    matrix = geometry.compose(
        geometry.rotation(math.radians(degrees), width / 2, height / 2),
        geometry.scaling(*zoom),
        geometry.flipping(24.0) if flip else geometry.identity(),
    ).astype(np.float32)
    ours, theirs, certain = _rendered(image, matrix, 24), *_sampled(image, matrix, 24)
    assert np.abs(ours - theirs)[certain].max(initial=0) <= 1


def _sampled(image, matrix, size):
    """Samples bilinearly in float64, pixel by pixel; tells where rounding may not decide between inside and outside."""
    height, width = image.shape[:2]
    centres = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), -1).reshape(-1, 2)
    x, y = geometry.apply(geometry.invert(matrix.astype(np.float64)), centres).reshape(size, size, 2).transpose(2, 0, 1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    distance = np.min(np.abs([x, x - width, y, y - height]), 0)
    x, y = np.clip(x - 0.5, 0, width - 1), np.clip(y - 0.5, 0, height - 1)
    left, top = x.astype(int), y.astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[..., None], (y - top)[..., None]
    image = image.astype(np.float64)
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
    return np.where(inside[..., None], upper * (1 - down) + lower * down, 0), distance > 1e-3
