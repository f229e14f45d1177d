"""What the nets see of photos of any size: the same as of the whole shrunk photo, in little memory, in every batch."""

import math
import tracemalloc

import cv2
import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from fashionai import ALL, SCHEMA
from hypothesis import strategies as st
from made_models import description

from base import geometry
from preprocessing.input import shrinking
from utility.model import codec
from utility.prediction import inference, passes, windows

THOROUGH = hypothesis.settings.default.max_examples > 1000
EXAMPLES = hypothesis.settings(
    max_examples=300 if THOROUGH else 25, deadline=None, derandomize=True, database=None,
    phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip
LARGEST = 9000 if THOROUGH else 2500
PLAIN = inference.Options()


@st.composite
def sizes(draw):
    """(width, height) of 1 to LARGEST px, up to a hundred times as long as wide."""
    longer = draw(st.one_of(st.integers(1, 200), st.integers(1, LARGEST)))
    shorter = draw(st.integers(max(1, longer // 100), longer))
    return (longer, shorter) if draw(st.booleans()) else (shorter, longer)


@st.composite
def boxes(draw, width, height):
    """A frame of at least a pixel within the photo: (left, top, width, height)."""
    sides = [draw(st.floats(1, length)) for length in (width, height)]
    corner = [draw(st.floats(0, 1)) * (length - side) for length, side in zip((width, height), sides)]
    return (*corner, *sides)


@EXAMPLES
@hypothesis.given(data=st.data(), size=st.integers(16, 128), zoom=st.sampled_from([1.0, 0.7, 1.3]))
def test_a_window_shows_what_the_whole_shrunk_photo_shows(data, size, zoom):
    width, height = data.draw(sizes().filter(lambda size: size[0] * size[1] < 400_000))
    image = np.random.default_rng(width).integers(0, 256, [height, width, 3], np.uint8)
    options = inference.Options(scales=(zoom,), rotations=(data.draw(st.floats(-30, 30)),))
    to_frame = geometry.cropping(*data.draw(boxes(width, height)), 1.0, 1.0)
    ratio = int(shrinking.shrink_ratio(geometry.compose(to_frame, geometry.scaling(size, size))))
    whole = cv2.copyMakeBorder(shrinking.shrink(image, ratio), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    to_whole = geometry.compose(geometry.scaling(1 / ratio, 1 / ratio), geometry.translation(1.0, 1.0))
    window, to_window = windows.cut(image, to_frame, inference.InputForm(size), options)
    assert window.size <= whole.size
    (turn,) = inference.views(options)
    to_view = to_frame if turn is None else geometry.compose(to_frame, turn)
    to_input = geometry.compose(to_view, geometry.scaling(size, size))
    seen = []
    for pixels, to_pixels in ((window, to_window), (whole, to_whole)):
        matrix = geometry.compose(geometry.invert(to_pixels), to_input)
        inside = _inside(matrix, pixels.shape, size)
        seen.append(geometry.warp(pixels[None], np.float32(matrix)[None], [size, size])[0].numpy() * inside[..., None])
    # 32-bit places in a wide photo; steep noise makes 0.1 grey levels of a few 10^-4 px.
    np.testing.assert_allclose(*seen, rtol=0, atol=0.6)


def _inside(matrix, shape, size):
    """Returns [size, size] bool: where the place that is sampled lies within the pixels, so that no black comes in."""
    places = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), -1).reshape(-1, 2)
    found = geometry.apply(geometry.invert(matrix), places)
    inside = (found >= 1.01) & (found <= np.array(shape[1::-1]) - 1.01)
    return inside.all(-1).reshape(size, size)


@EXAMPLES
@hypothesis.given(data=st.data(), size=st.sampled_from([64, 192, 256]))
def test_the_memory_of_a_batch_is_bounded(data, size):
    """Windows of mixed shapes padded to a common one: a tall and a wide photo together would be a huge square."""
    images, frames = [], []
    for width, height in data.draw(st.lists(sizes(), min_size=1, max_size=6)):
        images.append(np.zeros([height, width, 3], np.uint8))
        frames.append(geometry.cropping(*data.draw(boxes(width, height)), 1.0, 1.0))
    seen = []
    tracemalloc.start()
    for batch, part in windows.batches(images, frames, [inference.InputForm(size)], PLAIN):
        pixels = batch[inference.InputForm(size)].images
        seen += range(len(images))[part]
        assert len(pixels) == 1 or pixels.size <= windows._MOST_NUMBERS
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == list(range(len(images)))
    largest = max(image.size for image in images)
    assert peak < 3 * 4 * (windows._MOST_NUMBERS + largest) + 2**24
    for image, frame in zip(images, frames):
        window, _ = windows.cut(image, frame, inference.InputForm(size), PLAIN)
        ratio = shrinking.shrink_ratio(geometry.compose(frame, geometry.scaling(size, size)))
        assert ratio == 8 or min(window.shape[:2]) < 2 * size + 10  # no more than the input needs


class Spot:
    """A stand-in net whose heatmaps are how red each cell is."""

    codec = codec.of(description(ALL).with_codec(decode="expectation", target_scale=1.0))

    def __init__(self, keep_aspect):
        self.form = inference.InputForm(64, keep_aspect)

    def __call__(self, images, flip):
        cells = tf.image.resize(images[..., :1], [16, 16], method="area") / 255
        return {"heatmaps": tf.tile(cells, [1, 1, 1, 24])}


@pytest.fixture(scope="module", params=[(False, False), (True, False), (True, True)])
def finder(request):
    two_pass, keep_aspect = request.param
    options = inference.Options(two_pass=two_pass, crop_margin=(250.0, 250.0))
    return passes.Passes(lambda: [Spot(keep_aspect)], SCHEMA, ALL, options)


@EXAMPLES
@hypothesis.given(size=sizes(), place=st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)))
def test_a_spot_is_found_in_photos_of_any_size(finder, size, place):
    """To half a cell of what the net sees, which is a sixteenth of it, and to half a pixel of the photo."""
    width, height = size
    seen = [max(size)] * 2 if finder._forms[0].keep_aspect else size
    y, x = (np.exp(-(((np.arange(n) + 0.5) / n - p) ** 2) / 0.02) for n, p in ((height, place[1]), (width, place[0])))
    image = np.zeros([height, width, 3], np.uint8)
    image[..., 0] = np.round(255 * y[:, None] * x[None, :])
    points, scores, _ = finder.find([image], [ALL])
    truth = np.array([width * place[0], height * place[1]]) - 0.5
    assert points.shape == (1, 24, 2)
    assert (np.abs(points - truth) <= np.array(seen) / 32 + 0.5).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_photos_of_all_shapes_together_are_found_as_each_alone(finder):
    random = np.random.default_rng(0)
    shapes = [(1, 1), (1, 700), (700, 1), (64, 64), (129, 300), (1500, 900), (90, 9000), (9000, 90)]
    images = [random.integers(0, 256, [*shape, 3], np.uint8) for shape in shapes]
    together, *_ = finder.find(images, [ALL] * len(images))
    for image, row in zip(images, together):
        (alone,), *_ = finder.find([image], [ALL])
        np.testing.assert_allclose(alone, row, atol=0.02 + 1e-4 * max(image.shape))


def test_a_turned_view_is_cut_wide_enough():
    """The corners of a view that is turned, or zoomed out, lie beyond the frame."""
    image = np.zeros([400, 400, 3], np.uint8)
    to_frame = geometry.cropping(150.0, 150.0, 100.0, 100.0, 1.0, 1.0)
    plain, _ = windows.cut(image, to_frame, inference.InputForm(64), PLAIN)
    turned, _ = windows.cut(image, to_frame, inference.InputForm(64), inference.Options(rotations=(0.0, 45.0)))
    smaller, _ = windows.cut(image, to_frame, inference.InputForm(64), inference.Options(scales=(1.0, 0.5)))
    assert plain.shape[0] == pytest.approx(100 + 6, abs=2)
    assert turned.shape[0] == pytest.approx(100 * math.sqrt(2) + 6, abs=2)
    assert smaller.shape[0] == pytest.approx(200 + 6, abs=2)
