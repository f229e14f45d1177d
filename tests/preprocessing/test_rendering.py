"""The program from a decoded photo to the input, against OpenCV and against its own steps."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from preprocessing import color, geometry, rendering, words
from preprocessing.resampling import METHODS, resize_first

_NO_AMOUNTS = {"brightness": 0.0, "saturation": 1.0, "hue": 0.0, "contrast": 1.0}


def _photo(height, width, blur=2):
    noise = np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), blur), None, 0, 255, cv2.NORM_MINMAX)
    return np.round(smooth).astype(np.uint8)


def _rendered(image, matrix, size, method="bilinear", amounts=_NO_AMOUNTS, order=color.AS_IS):
    image, matrix = resize_first(tf.constant(image), tf.constant(matrix, tf.float32), size, method)
    amounts = {name: tf.constant([amount], tf.float32) for name, amount in amounts.items()}
    return rendering.render([image], matrix[None], size, amounts, tf.constant([order]))[0].numpy().astype(int)


def _warped(image, matrix, size):
    """OpenCV's sampling, whose planes have the first pixel's centre at 0."""
    half = geometry.translation(0.5, 0.5)
    matrix = geometry.compose(half, matrix, geometry.invert(half))
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR).astype(np.float32)


@pytest.mark.parametrize(("height", "width", "size"), [(70, 90, 64), (513, 700, 48), (40, 30, 96)])
def test_sampling_agrees_with_opencv(height, width, size):
    image = _photo(height, width)
    middle = np.float32(width / 2), np.float32(height / 2)
    turn = geometry.rotation(np.float32(0.4), *middle)
    matrix = geometry.compose(
        turn, geometry.cropping(4.0, 3.0, width - 9.0, height - 5.0, size, size), geometry.mirroring(float(size))
    )
    inner = cv2.erode(_warped(np.ones((height, width), np.uint8), matrix, size), np.ones((5, 5))) > 0
    assert 0.5 < inner.mean() < 1.0
    ours = _rendered(image, matrix, size)
    assert np.abs(ours - _warped(image, matrix, size))[inner].mean() < 1.0  # of 255


@pytest.mark.parametrize("method", METHODS)
def test_every_method_shows_the_same_picture(method):
    image = _photo(160, 200, blur=8)
    turn = geometry.rotation(np.float32(0.4), np.float32(90), np.float32(80))
    matrix = geometry.compose(turn, geometry.cropping(40.0, 30.0, 110.0, 90.0, 72, 72), geometry.mirroring(72.0))
    expected = _warped(image, matrix, 72)
    shown = _rendered(image, matrix, 72, method)
    assert expected.std() > 20
    assert np.abs(shown - expected)[3:-3, 3:-3].mean() < (1 if method == "bilinear" else 3)


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("order", range(len(color.ORDERS)))
def test_every_method_is_recoloured_after_sampling(method, order):
    image = _photo(60, 60)
    amounts = {"brightness": 0.1, "saturation": 1.4, "hue": -0.1, "contrast": 0.7}
    sampled = words.pack(_rendered(image, geometry.identity(), 60, method))
    np.testing.assert_array_equal(words.to_image(sampled), image)
    expected = words.to_image(color.distort(sampled, amounts, tf.constant(order))).numpy().astype(int)
    shown = _rendered(image, geometry.identity(), 60, method, amounts, order)
    assert np.abs(shown - expected).max() <= 1  # of 255: the sums of the contrast are rounded otherwise
    assert np.abs(shown - image).mean() > 10


def test_sampling_a_whole_photo_is_a_resize():
    image = _photo(50, 61)
    ours = _rendered(image, geometry.scaling(96 / 61, 96 / 50), 96)
    distance = np.abs(ours - tf.image.resize(image, (96, 96)).numpy())
    assert distance.mean() < 0.3  # of 255: rounding to whole values alone gives a quarter
    assert distance.max() < 0.5 + 3 * 0.5 * 255 / 256  # three weights, each rounded to a 256th


def test_mirroring_mirrors_the_pixels():
    image = _photo(64, 64)
    np.testing.assert_array_equal(_rendered(image, geometry.mirroring(64.0), 64), image[:, ::-1])


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
    together = rendering.render(
        [tf.constant(image) for image in images],
        tf.constant(np.stack(matrices), tf.float32),
        32,
        {name: tf.constant([own[name] for own in amounts], tf.float32) for name in _NO_AMOUNTS},
        tf.range(3),
    )
    np.testing.assert_array_equal(together, alone)
