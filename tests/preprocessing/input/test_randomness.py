"""The random streams of the training input, read off the batches that it makes: each is independent of every other."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from base import geometry
from preprocessing.data import records
from preprocessing.input import input_fn, rendering
from preprocessing.input.augmentation_options import AugmentationOptions

DRAWS = 20_000
PHOTO = 400  # pixels: the photo's width and height
SIZE = 16  # of the input
CENTRE = (200.5, 200.5)  # of the keypoints, in the photo's plane
METHODS = ("bilinear", "nearest", "area")
# Boxes that always fit around the keypoints, wherever they lie: so that nothing but the draws decides them.
OPTIONS = AugmentationOptions(crop_area=(0.04, 0.2), crop_aspect=(0.75, 1.33), bbox_border=0.0, resize_methods=METHODS)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """The records of one photo whose keypoints stand together in its middle."""
    folder = tmp_path_factory.mktemp("one")
    encoded = tf.io.encode_jpeg(np.zeros((PHOTO, PHOTO, 3), np.uint8)).numpy()
    points = np.full((24, 2), 200)
    with tf.io.TFRecordWriter(str(folder / "skirt_0000.tfrecord")) as writer:
        writer.write(records.serialise("a.jpg", encoded, (PHOTO, PHOTO), "skirt", points, [1] * 24))
    return folder


def _recorded(rows, shapes, to_input, input_size, amounts, order):
    """Takes the place of `rendering.render`: notes in the first bytes of an image what it was called with."""
    del shapes, to_input
    method = tf.cast(rows[:, 0], tf.float32)
    columns = [amounts["brightness"], amounts["saturation"], amounts["hue"], amounts["contrast"]]
    values = tf.stack([*columns, tf.cast(order, tf.float32), method], 1)
    noted = tf.reshape(tf.bitcast(values, tf.uint8), [rows.shape[0], 24])
    rest = 3 * input_size**2 - noted.shape[1]
    return tf.reshape(tf.pad(noted, [[0, 0], [0, rest]]), [rows.shape[0], input_size, input_size, 3])


def _noted_method(image, matrix, input_size, method):
    """Takes the place of `resampling.resize_first`: returns an image of one pixel that tells the method."""
    del input_size
    return tf.zeros_like(image[:1, :1]) + METHODS.index(method), matrix


def _draws(folder, seed=5, count=DRAWS, **options):
    """Returns {name: [N]} of what `make_dataset` drew for the photo, by position."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "render", _recorded)
        patch.setattr(input_fn, "resize_first", _noted_method)
        own = replace(OPTIONS, **options)
        dataset = input_fn.make_dataset(str(folder), "skirt", True, 500, SIZE, own, seed=seed)
        rows = [
            (features["image"], features["to_input"]) for features, _ in dataset.take(count // 500).as_numpy_iterator()
        ]
    images, matrices = (np.concatenate(column) for column in zip(*rows))
    noted = np.ascontiguousarray(images.reshape(len(images), -1)[:, :24]).view(np.float32)
    names = ("brightness", "saturation", "hue", "contrast", "order", "method")
    return {**_geometry(matrices.astype(np.float64)), **dict(zip(names, noted.T.astype(np.float64)))}


def _geometry(to_input):
    """Takes the matrices [N, 2, 3] apart: the inverse of flip after crop after rotation about the keypoints."""
    flip = np.linalg.det(to_input[..., :2]) < 0
    plain = np.where(flip[:, None, None], geometry.compose(to_input, geometry.flipping(float(SIZE))), to_input)
    x_scale, y_scale = np.linalg.norm(plain[..., :2], axis=-1).T
    radians = np.arctan2(plain[:, 1, 0], plain[:, 1, 1])
    back = geometry.rotation(-radians, np.full(len(flip), CENTRE[0]), np.full(len(flip), CENTRE[1]))
    crop = geometry.compose(back, plain)
    width, height = SIZE / x_scale, SIZE / y_scale
    return {
        "flip": flip.astype(float),
        "rotated": (np.abs(radians) > 1e-4).astype(float),
        "degrees": np.degrees(radians),
        "cropped": (np.maximum(width, height) < PHOTO - 1).astype(float),
        "area": np.sqrt(width * height),  # its root is what the operation draws uniformly
        "aspect": np.log(width / height),
        # Where the keypoints lie in the box, from 0 to 1.
        "x": (CENTRE[0] + crop[:, 0, 2] / x_scale) / width,
        "y": (CENTRE[1] + crop[:, 1, 2] / y_scale) / height,
    }


def _assert_uncorrelated(draws, names):
    for first, second in itertools.combinations(names, 2):
        for power in (1, 2):
            # Squares of centred values, so that a dependence of one's spread on the other shows, too.
            values = [(draws[name] - draws[name].mean()) ** power for name in (first, second)]
            if min(value.std() for value in values) > 1e-9:  # a coin's square is constant
                correlation = np.corrcoef(*values)[0, 1]
                assert abs(correlation) < 0.03, (first, second, power)


def _ks_probability_is_low(first, second):
    """Returns whether two samples differ by the two-sample Kolmogorov-Smirnov test at p = 0.001."""
    everything = np.sort(np.concatenate([first, second]))
    shares = [np.searchsorted(np.sort(sample), everything, "right") / len(sample) for sample in (first, second)]
    scale = np.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return np.abs(shares[0] - shares[1]).max() * scale > 1.9495


@pytest.fixture(scope="module")
def everything(photo):
    """The draws where each photo is rotated, cropped and recoloured."""
    return _draws(photo, rotate_probability=1.0, crop_probability=1.0, color_probability=1.0)


def test_every_draw_is_uncorrelated_with_every_other(everything):
    _assert_uncorrelated(everything, everything.keys() - {"rotated", "cropped"})


def test_whether_is_drawn_apart_from_how_much(photo):
    draws = _draws(photo, rotate_probability=0.9, crop_probability=0.9, color_probability=0.9)
    draws["coloured"] = (draws["order"] < 4).astype(float)
    whether = ("flip", "rotated", "cropped", "coloured")
    assert [abs(draws[name].mean() - 0.9) < 0.01 for name in whether[1:]] == [True] * 3
    _assert_uncorrelated(draws, whether)
    how = {
        "rotated": ("degrees",),
        "cropped": ("area", "aspect", "x", "y"),
        "coloured": ("order", "brightness", "saturation", "hue", "contrast"),
    }
    for doing, amounts in how.items():
        done = {name: values[draws[doing] == 1] for name, values in draws.items()}
        for name, amount in itertools.product(set(whether) - {doing}, (*amounts, "method")):
            _assert_uncorrelated(done, (name, amount))


def test_the_crop_is_drawn_alike_with_and_without_flip(everything):
    flip = everything["flip"] == 1
    for name in ("area", "aspect", "x", "y", "degrees"):
        assert not _ks_probability_is_low(everything[name][flip], everything[name][~flip]), name


def test_the_amounts_are_uniform_in_their_ranges(everything):
    ranges = {"brightness": (-32 / 255, 32 / 255), "saturation": (0.5, 1.5), "hue": (-0.2, 0.2), "contrast": (0.5, 1.5)}
    ranges["degrees"] = (-30.0, 30.0)
    for name, (low, high) in ranges.items():
        uniform = (np.arange(DRAWS) + 0.5) / DRAWS
        assert not _ks_probability_is_low((everything[name] - low) / (high - low), uniform), name
    assert abs(everything["flip"].mean() - 0.5) < 0.015
    for name, count in (("order", 4), ("method", len(METHODS))):
        shares = np.bincount(everything[name].astype(int), minlength=count) / DRAWS
        assert len(shares) == count
        assert np.abs(shares - 1 / count).max() < 0.015


def test_two_seeds_share_nothing(photo, everything):
    other = _draws(photo, seed=6, rotate_probability=1.0, crop_probability=1.0, color_probability=1.0)
    for name, values in everything.items():
        if values.std() > 0:
            assert abs(np.corrcoef(values, other[name])[0, 1]) < 0.03, name
    # Nor does one seed's draw come up at another place of the other's.
    rows = [set(zip(draws["degrees"], draws["hue"], draws["contrast"])) for draws in (everything, other)]
    assert len(rows[0]) == len(rows[1]) == DRAWS
    assert not rows[0] & rows[1]
