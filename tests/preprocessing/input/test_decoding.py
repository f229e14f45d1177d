"""Decoding only what the input shows gives the pixels that decoding all would give."""

import functools
import io
import math

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from base import geometry
from preprocessing.data import photos
from preprocessing.input import decoding, rendering, shrinking


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
    np.testing.assert_array_equal(window, whole[top : top + height, left : left + width])


@functools.cache
def _blocks(sampling):
    """A JPEG of hard edges between colours, of 699x613 pixels, and its pixels at each of the ratios."""
    image = np.random.default_rng(4).integers(0, 256, [90, 80, 3]).astype(np.uint8).repeat(8, 0).repeat(9, 1)
    data = io.BytesIO()
    Image.fromarray(image[:613, :699]).save(data, "JPEG", quality=90, subsampling=sampling)
    return data.getvalue(), {ratio: _decoded(data.getvalue(), ratio) for ratio in shrinking.RATIOS}


_EDGE = st.integers(0, 44).map(lambda block: 16 * block) | st.integers(0, 700)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(columns=st.tuples(_EDGE, _EDGE), rows=st.tuples(_EDGE, _EDGE), zoom=st.sampled_from([1.0, 2.5, 5.0, 9.0]))
@example(columns=(0, 1), rows=(0, 64), zoom=1.0)
@example(columns=(160, 480), rows=(160, 480), zoom=1.0)
def test_the_window_of_a_box_is_that_part_of_the_whole_photo_to_the_bit(sampling, columns, rows, zoom):
    encoded, whole = _blocks(sampling)
    (x0, x1), (y0, y1) = sorted(columns), sorted(rows)
    x1, y1 = min(x1, 699), min(y1, 613)
    assume(x0 < x1 and y0 < y1)
    side = max(x1 - x0, y1 - y0)
    to_input = geometry.cropping(float(x0), float(y0), float(side), float(side), *[max(1, round(side / zoom))] * 2)
    window, from_window = decoding.decode_window(
        encoded,
        tf.constant([699, 613]),
        tf.constant(to_input, tf.float32),
        max(1, round(side / zoom)),
        [x0, y0, x1, y1],
    )
    to_photo = geometry.compose(from_window.numpy(), geometry.invert(to_input))  # from the window's plane
    ratio = round(float(to_photo[0, 0]))
    left, top = np.round(to_photo[:, 2] / ratio).astype(int)
    height, width = window.shape[:2]
    np.testing.assert_array_equal(window, whole[ratio][top : top + height, left : left + width])


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


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    side=st.integers(1, 9000),
    aspect=st.floats(0.01, 100),
    box=st.tuples(*[st.floats(0, 1)] * 4),
    degrees=st.floats(-180, 180),
    input_size=st.integers(16, 512),
)
@example(side=2592, aspect=1944 / 2592, box=(2 / 2592, 2 / 1944, 2156 / 2592, 1940 / 1944), degrees=0.0, input_size=384)
@example(side=9000, aspect=0.6, box=(0.0, 0.0, 1.0, 1.0), degrees=45.0, input_size=512)
@example(side=65535, aspect=0.0116, box=(0.0, 0.0, 1.0, 1.0), degrees=0.0, input_size=512)
def test_every_window_fits_and_holds_what_the_input_shows(side, aspect, box, degrees, input_size):
    width, height = (side, max(1, round(side * aspect))) if aspect <= 1 else (max(1, round(side / aspect)), side)
    assume(width * height <= photos.MOST_PIXELS)
    left, right = np.sort(box[::2]) * width
    top, bottom = np.sort(box[1::2]) * height
    to_input = geometry.compose(
        geometry.rotation(math.radians(degrees), width / 2, height / 2),
        geometry.cropping(left, top, max(1.0, right - left), max(1.0, bottom - top), input_size, input_size),
    )
    matrix = tf.constant(to_input, tf.float32)
    number, low, size = (part.numpy() for part in decoding._choose_window([0, 0, width, height], matrix, input_size))
    ratio = shrinking.RATIOS[number]
    shrunk = np.ceil(np.array([width, height]) / ratio)
    assert 1 <= size.prod() <= rendering.CAPACITIES[-1]
    assert (low >= 0).all()
    assert (low + size <= shrunk).all()
    # Whatever pixels of the shrunk photo a sample looks at are in the window.
    centres = np.stack(np.meshgrid(*[np.arange(input_size) + 0.5] * 2), -1).reshape(-1, 2)
    places = geometry.apply(geometry.invert(to_input), centres) / ratio
    seen = places[((places >= 0) & (places < np.array([width, height]) / ratio)).all(1)] - 0.5
    tolerance = 1e-2  # the matrix is of 32 bits
    first, last = np.floor(seen + tolerance), np.ceil(seen - tolerance)
    assert (np.clip(first, 0, shrunk - 1) >= low).all()
    assert (np.clip(last, 0, shrunk - 1) < low + size).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 100), (3, 2), (513, 511), (4000, 40), (40, 4000)])
def test_photos_of_any_shape_are_decoded(width, height):
    encoded = _jpeg(height, width)
    for input_size in (16, 64):
        matrix = geometry.scaling(input_size / width, input_size / height)
        window, from_window = _window(encoded, [width, height], matrix, input_size)
        ratio = int(shrinking.shrink_ratio(matrix))
        np.testing.assert_array_equal(window.shape[:2], np.ceil(np.array([height, width]) / ratio))
        corners = np.array([[0, 0], [width, height]], np.float32)
        np.testing.assert_allclose(
            geometry.apply(from_window, corners / ratio), [[0, 0]] + [[input_size] * 2], atol=1e-2
        )


@pytest.mark.parametrize("ratio", [4, 8])
def test_minification_does_not_alias(ratio):
    """Against means over areas: a third, at most, of the error that sampling the whole photo with two taps makes."""
    size = 64
    encoded = _textured(size * ratio)
    whole = _decoded(encoded)
    expected = whole.reshape(size, ratio, size, ratio, 3).mean((1, 3))
    matrix = geometry.scaling(1 / ratio, 1 / ratio)
    window, from_window = _window(encoded, whole.shape[:2], matrix, size)
    ours, two_taps = (
        geometry.warp(image[None], np.float32(to_input)[None], [size, size])[0].numpy()
        for image, to_input in ((window, from_window), (whole, matrix))
    )
    assert np.abs(two_taps - expected).mean() > 5
    assert np.abs(ours - expected).mean() <= np.abs(two_taps - expected).mean() / 3


def _textured(side):
    """Returns a photo of stripes of a few pixels and noise, as fabrics have."""
    y, x = np.mgrid[:side, :side]
    noise = np.random.default_rng(3).normal(0, 20, (side, side, 3))
    image = 128 + 60 * np.sin(x * 1.9 + y * 0.7)[..., None] + 30 * np.sin(y / 20)[..., None] + noise
    return tf.io.encode_jpeg(image.clip(0, 255).astype(np.uint8), quality=95)
