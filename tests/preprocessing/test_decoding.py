"""Decoding only what the input shows gives the pixels that decoding all would give."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from preprocessing import decoding, geometry


def _jpeg(height, width, grey=False):
    noise = np.random.default_rng(1).uniform(0, 255, (height // 25 + 1, width // 25 + 1, 1 if grey else 3))
    image = cv2.resize(noise.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    return tf.io.encode_jpeg(image.astype(np.uint8).reshape(height, width, -1), quality=95)


def _decoded(encoded, ratio=1):
    return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE").numpy()


def _window(encoded, size, matrix, input_size=64):
    matrix = tf.constant(matrix, tf.float32)
    image, to_input = decoding.decode_window(encoded, tf.constant(size), matrix, input_size)
    return image.numpy(), to_input.numpy()


@pytest.mark.parametrize("grey", [False, True])
def test_a_window_is_that_part_of_the_photo(grey):
    encoded = _jpeg(700, 500, grey)
    whole = _decoded(encoded)
    to_input = geometry.cropping(50.0, 100.0, 64.0, 64.0, 64, 64)
    window, from_window = _window(encoded, [500, 700], to_input)
    left, top = np.round(
        geometry.apply(geometry.compose(from_window, geometry.invert(to_input)), np.zeros((1, 2)))[0]
    ).astype(int)
    height, width = window.shape[:2]
    assert (left, top, width, height) == (49, 99, 66, 66)  # one more pixel on each side
    # libjpeg smooths colours across the window's edge differently: one pixel at the edge may differ a little.
    np.testing.assert_array_equal(window[1:-1, 1:-1], whole[top : top + height, left : left + width][1:-1, 1:-1])


def test_the_window_of_a_small_photo_is_exactly_that_part():
    encoded, matrix = _jpeg(300, 200), geometry.cropping(50.0, 100.0, 64.0, 64.0, 64, 64)
    window, from_window = _window(encoded, [200, 300], matrix)
    np.testing.assert_array_equal(window, _decoded(encoded)[99:165, 49:115])
    np.testing.assert_allclose(from_window, geometry.compose(geometry.translation(49.0, 99.0), matrix), atol=1e-4)


def test_a_window_ends_where_the_photo_ends():
    turned = geometry.compose(
        geometry.rotation(np.float32(0.5), np.float32(500), np.float32(250)),
        geometry.cropping(-100.0, -100.0, 1200.0, 700.0, 640, 640),
    )
    window, from_window = _window(_jpeg(500, 1000), [1000, 500], turned, 640)
    assert window.shape == (500, 1000, 3)
    np.testing.assert_allclose(from_window, turned, atol=1e-5)


def test_a_large_window_is_decoded_at_a_fraction_of_its_size():
    encoded = _jpeg(1500, 2001)
    matrix = geometry.scaling(500 / 2001, 500 / 1500)
    window, from_window = _window(encoded, [2001, 1500], matrix, 500)
    assert window.shape == (750, 1001, 3)
    # A point stays where it is: photo to window by the half, window to input by the matrix returned.
    points = np.array([[0.0, 0.0], [2000.0, 1500.0], [777.0, 333.0]], np.float32)
    np.testing.assert_allclose(geometry.apply(from_window, points / 2), geometry.apply(matrix, points), atol=1e-4)
    whole = _decoded(encoded)
    averages = whole[:, :2000].reshape(750, 2, 1000, 2, 3).mean((1, 3))
    assert np.abs(window[:, :1000] - averages).mean() < 1.5
