"""Batches against what went into the records: pixels and points move together, and the seed decides everything."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import fashionai as keypoints
import numpy as np
import pytest
import tensorflow as tf

from base import geometry
from base.errors import DataError
from preprocessing.data import records
from preprocessing.input import input_fn, rendering
from preprocessing.input.augmentation_options import AugmentationOptions

SKIRT = keypoints.CATEGORIES.index("skirt")
WAIST = keypoints.KEYPOINTS.index("waistband_left")


def _write(folder, examples, category="skirt"):
    """Writes a shard of (image [H, W, 3] uint8, points [24, 2], visibility [24])."""
    with tf.io.TFRecordWriter(str(folder / f"{category}_0000.tfrecord")) as writer:
        for number, (image, points, visibility) in enumerate(examples):
            encoded = tf.io.encode_jpeg(image, quality=100, chroma_downsampling=False).numpy()
            name = f"Images/{category}/{number}.jpg"
            writer.write(records.serialise(name, encoded, image.shape[1::-1], category, points, visibility))


def _dotted(generator):
    """Returns a black photo with one soft dot, which is its only keypoint."""
    width, height = generator.integers(150, 400, 2)
    points, visibility = np.full((24, 2), -1), np.full(24, -1)
    points[WAIST] = generator.integers(10, (width - 10, height - 10))
    visibility[WAIST] = 1
    y, x = np.mgrid[:height, :width]
    dot = 255 * np.exp(-((x - points[WAIST][0]) ** 2 + (y - points[WAIST][1]) ** 2) / (2 * 3.0**2))
    return np.repeat(dot[..., None], 3, -1).astype(np.uint8), points, visibility


def _batches(folder, category="skirt", training=True, batch_size=4, image_size=64, augmentation=None, **options):
    return input_fn.make_dataset(str(folder), category, training, batch_size, image_size, augmentation, **options)


def _images(dataset):
    return np.concatenate([features["image"].numpy() for features, _ in dataset]).astype(int)


def test_a_dot_is_found_at_its_point_in_1000_augmentations(tmp_path):
    generator = np.random.default_rng(0)
    _write(tmp_path, [_dotted(generator) for _ in range(20)])
    augmentation = AugmentationOptions(color_probability=0.0, rotate_probability=0.8)
    dataset = _batches(tmp_path, batch_size=1, image_size=128, augmentation=augmentation)
    grid = np.arange(128) + 0.5
    found, mirrored = 0, 0
    for features, labels in dataset.unbatch().as_numpy_iterator():
        (index,) = np.flatnonzero(labels["visibility"] == 1)
        point = labels["points"][index]
        if np.all((point > 14) & (point < 114)):  # the whole dot is in the picture
            light = features["image"].sum(-1)
            light[light < 30] = 0  # what JPEG leaves in the black is no dot
            centre = np.array([(light.sum(0) * grid).sum(), (light.sum(1) * grid).sum()]) / light.sum()
            assert np.hypot(*(centre - point)) < 0.5
            found, mirrored = found + 1, mirrored + (index == 1)
        if found == 1000:
            break
    assert abs(mirrored / found - 0.5) < 0.1


def test_flipped_twice_is_the_photo(tmp_path):
    _write(tmp_path, [_dotted(np.random.default_rng(1))])
    off = AugmentationOptions(color_probability=0.0, rotate_probability=0.0, crop_probability=0.0)
    (plain, plain_labels), (flipped, flipped_labels) = (
        next(iter(_batches(tmp_path, batch_size=1, augmentation=replace(off, flip_probability=probability))))
        for probability in (0.0, 1.0)
    )
    np.testing.assert_array_equal(flipped["image"][:, :, ::-1], plain["image"])
    partners = list(keypoints.flip_permutation("skirt"))
    np.testing.assert_array_equal(tf.gather(flipped_labels["visibility"], partners, axis=1), plain_labels["visibility"])
    present = plain_labels["visibility"].numpy() == 1
    back = tf.gather(flipped_labels["points"], partners, axis=1).numpy()[present]
    np.testing.assert_allclose([64, 0] + back * [-1, 1], plain_labels["points"].numpy()[present], atol=1e-3)


def test_the_seed_decides_the_batches_whatever_the_threads(records):
    def images(**options):
        return _images(_batches(records, keypoints.ALL, augmentation=AugmentationOptions(), **options).take(5))

    expected = images(seed=7, num_preprocessing_threads=1)
    np.testing.assert_array_equal(images(seed=7, num_preprocessing_threads=5), expected)
    assert np.abs(images(seed=8) - expected).mean() > 5
    np.testing.assert_array_equal(images(seed=7, start_step=3)[:8], expected[12:])


@pytest.mark.parametrize("method", ["bilinear", "area"])
def test_an_input_may_be_larger_than_the_windows_of_photos(records, monkeypatch, method):
    monkeypatch.setattr(rendering, "CAPACITIES", (48 * 48, 96 * 96))
    dataset = _batches(
        records, batch_size=32, image_size=128, augmentation=AugmentationOptions(resize_methods=(method,))
    )
    assert _images(dataset.take(1)).shape == (32, 128, 128, 3)


def test_batches_are_the_same_in_a_graph(records):
    expected = next(iter(_batches(records, augmentation=AugmentationOptions(), seed=5)))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        batch = tf.compat.v1.data.make_one_shot_iterator(
            _batches(records, augmentation=AugmentationOptions(), seed=5)
        ).get_next()
        tf.nest.map_structure(np.testing.assert_array_equal, session.run(batch), expected)


def test_evaluation_shows_each_photo_whole_and_once(records):
    batches = list(_batches(records, training=False, batch_size=7, validation=True))
    ids = np.concatenate([features["image_id"].numpy() for features, _ in batches])
    assert len(set(ids)) == len(ids) > 0
    assert all(len(features["image"]) == 7 for features, _ in batches[:-1])
    for features, labels in batches:
        scale = 64 / features["image_size"].numpy()
        for matrix, (x, y) in zip(features["to_input"].numpy(), scale):
            np.testing.assert_allclose(matrix, [[x, 0, 0], [0, y, 0]], rtol=1e-6)
        assert set(features["category"].numpy()) == {SKIRT}
        assert labels["points"].shape[1:] == (4, 2)


def test_evaluation_resizes_as_tensorflow_does(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    _write(tmp_path, [(image, *_dotted(np.random.default_rng(0))[1:])])
    features, _ = next(iter(_batches(tmp_path, training=False)))
    encoded = tf.io.encode_jpeg(image, quality=100, chroma_downsampling=False)
    decoded = tf.io.decode_jpeg(encoded, dct_method="INTEGER_ACCURATE")
    np.testing.assert_allclose(features["image"][0], tf.image.resize(decoded, (64, 64)), atol=0.01)


def test_the_norm_is_that_of_the_csv(tmp_path):
    image, points, visibility = _dotted(np.random.default_rng(0))
    right = keypoints.KEYPOINTS.index("waistband_right")
    cases = []
    for pair, norm in [(((10, 20), (13, 24)), 5.0), (((2, 3), (-1, -1)), 5.0), (((7, 7), (7, 7)), 256.0)]:
        changed = points.copy()
        changed[WAIST], changed[right] = pair
        cases.append((image, changed, visibility))
        assert norm
    _write(tmp_path, cases)
    _, labels = next(iter(_batches(tmp_path, training=False)))
    np.testing.assert_allclose(labels["norm"], [5.0, 5.0, 256.0])


def test_photos_without_keypoints_and_grey_photos_are_no_trouble(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (80, 60, 1)).astype(np.uint8)
    _write(tmp_path, [(image, np.full((24, 2), -1), np.full(24, -1))] * 4)
    augmentation = AugmentationOptions(rotate_probability=0.0, color_probability=0.0)
    features, labels = next(iter(_batches(tmp_path, augmentation=augmentation, epochs=1)))
    assert (labels["visibility"].numpy() == -1).all()
    assert np.isfinite(labels["points"]).all()
    grey = features["image"].numpy()
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    assert grey.std() > 10


def test_the_model_of_all_has_24_points(records):
    _, labels = next(iter(_batches(records, keypoints.ALL, augmentation=AugmentationOptions(), batch_size=40)))
    assert labels["points"].shape == (40, 24, 2)
    assert ((labels["visibility"] >= 0).numpy().sum(1) <= 15).all()


def test_missing_records_are_named(tmp_path):
    with pytest.raises(DataError, match="skirt"):
        _batches(tmp_path)


@pytest.mark.parametrize("training", [True, False])
def test_records_of_a_test_split_are_refused(tmp_path, training):
    _write(tmp_path, [(np.zeros((20, 30, 3), np.uint8), None, None)])
    with pytest.raises(DataError, match=r"skirt_0000.tfrecord: holds test records, without keypoints: expected"):
        _batches(tmp_path, training=training)


def test_the_records_read_without_our_code_give_the_same_points(records):
    """What stands below uses tf.data alone, as anyone could write it from the format's description."""
    integers = tf.io.FixedLenFeature([24], tf.int64)
    features = {f"image/keypoint/{name}": integers for name in ("x", "y", "v", "gid")}
    features["image/filename"] = tf.io.FixedLenFeature([], tf.string)
    theirs = {}
    files = sorted(str(file) for file in Path(records).glob("skirt_*[0-9].tfrecord"))
    for example in tf.data.TFRecordDataset(files).map(lambda row: tf.io.parse_single_example(row, features)):
        order = np.argsort(example["image/keypoint/gid"].numpy())
        x, y, v = (example[f"image/keypoint/{name}"].numpy()[order] for name in "xyv")
        theirs[example["image/filename"].numpy()] = np.stack([x, y, v], -1)[[15, 16, 17, 18]]
    ours = {}
    for batch, labels in _batches(records, training=False):
        inverse = geometry.invert(batch["to_input"])
        pixels = geometry.to_pixels(geometry.apply(inverse, labels["points"])).numpy()
        for image_id, points, visibility in zip(batch["image_id"].numpy(), pixels, labels["visibility"].numpy()):
            ours[image_id] = np.concatenate([points, visibility[:, None]], -1)
    assert ours.keys() == theirs.keys()
    for image_id, points in theirs.items():
        np.testing.assert_allclose(ours[image_id], points, atol=1e-3)


@pytest.mark.skipif("FASHION_DATA" not in os.environ, reason="the 2018 records are not part of the project")
def test_the_records_of_2018_give_the_points_of_their_annotations():
    folder = Path(os.environ["FASHION_DATA"]) / "reference_records" / "train"
    with open(folder / "annotations.csv") as file:
        rows = {row.pop("image_id"): row for row in csv.DictReader(file)}
    seen = 0
    for features, labels in _batches(folder, keypoints.ALL, training=False):
        points = geometry.apply(geometry.invert(features["to_input"]), labels["points"])
        points = np.rint(geometry.to_pixels(points)).astype(int)
        for image_id, places, states in zip(features["image_id"].numpy(), points, labels["visibility"].numpy()):
            row = rows[image_id.decode()]
            cells = [f"{x}_{y}_{state}" for (x, y), state in zip(places, states)]
            assert cells == [row[name] for name in keypoints.KEYPOINTS]
            seen += 1
    assert seen == len(rows)
