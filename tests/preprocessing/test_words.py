"""Sampling of packed pixels, against OpenCV and against the general warp."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from preprocessing import geometry, words


def _photo(height, width, seed=0):
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    return np.round(smooth).astype(np.uint8)


def _sampled(image, matrix, size):
    return words.to_image(words.sample(tf.constant(image), tf.constant(matrix, tf.float32), size)).numpy()


def test_words_keep_every_byte():
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(words.to_image(words.from_image(image)), image)
    np.testing.assert_array_equal(np.stack(words.to_channels(words.from_image(image)), -1), image)


@pytest.mark.parametrize(("height", "width", "size"), [(70, 90, 64), (513, 700, 48), (40, 30, 96)])
def test_sampling_agrees_with_opencv(height, width, size):
    image = _photo(height, width)
    middle = np.float32(width / 2), np.float32(height / 2)
    turn = geometry.rotation(np.float32(0.4), *middle)
    matrix = geometry.compose(
        turn, geometry.cropping(4.0, 3.0, width - 9.0, height - 5.0, size, size), geometry.mirroring(float(size))
    )
    half = geometry.translation(0.5, 0.5)
    theirs = geometry.compose(half, matrix, geometry.invert(half))
    expected = cv2.warpAffine(image, theirs, (size, size), flags=cv2.INTER_LINEAR).astype(np.float32)
    inner = cv2.erode(cv2.warpAffine(np.ones((height, width), np.uint8), theirs, (size, size)), np.ones((5, 5))) > 0
    assert 0.5 < inner.mean() < 1.0
    ours = _sampled(image, matrix, size)
    assert np.abs(ours - expected)[inner].mean() < 1.0  # of 255


def test_sampling_a_whole_photo_is_a_resize():
    image = _photo(50, 61)
    ours = _sampled(image, geometry.scaling(96 / 61, 96 / 50), 96)
    distance = np.abs(ours - tf.image.resize(image, (96, 96)).numpy())
    assert distance.mean() < 0.3  # of 255: rounding to whole values alone gives a quarter
    assert distance.max() < 0.5 + 3 * 0.5 * 255 / 256  # three weights, each rounded to a 256th


def test_mirroring_mirrors_the_pixels():
    image = _photo(64, 64)
    np.testing.assert_array_equal(_sampled(image, geometry.mirroring(64.0), 64), image[:, ::-1])


def test_outside_is_black_and_one_pixel_is_enough():
    image = np.full((1, 1, 3), 200, np.uint8)
    seen = _sampled(image, geometry.translation(2.0, 1.0), 4)
    expected = np.zeros((4, 4, 3))
    expected[1, 2] = 200
    np.testing.assert_array_equal(seen, expected)
