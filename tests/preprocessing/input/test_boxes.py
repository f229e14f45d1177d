"""A row with a box is, to the net, the photo that the box cuts out: the same inputs, points and draws."""

import numpy as np
import pytest
import tensorflow as tf

from base import geometry
from preprocessing.data import records
from preprocessing.input import input_fn
from preprocessing.input.augmentation_options import AugmentationOptions

SIZE = 64
OWN = [15, 16, 17, 18]  # the keypoints of skirts


def smooth(generator, height, width):
    coarse = generator.integers(0, 255, [5, 5, 3]).astype(np.float32)
    return tf.cast(tf.clip_by_value(tf.image.resize(coarse, [height, width], "bicubic"), 0, 255), tf.uint8).numpy()


def serialise(name, image, points, box=None):
    encoded = tf.io.encode_jpeg(image, quality=100, chroma_downsampling=False).numpy()
    visibility = np.full(24, -1)
    visibility[OWN] = 1
    return records.serialise(name, encoded, image.shape[1::-1], "skirt", points, visibility, box=box)


@pytest.fixture(scope="module", params=[1, 8], ids=["small", "shrunk"])
def folders(request, tmp_path_factory):
    """Of photos with boxes, and of what the boxes cut out; large ones are decoded at an eighth of their size."""
    scale, generator = request.param, np.random.default_rng(0)
    boxed, cut = (tmp_path_factory.mktemp(name) for name in ("boxed", "cut"))
    writers = [tf.io.TFRecordWriter(str(folder / "skirt_0000.tfrecord")) for folder in (boxed, cut)]
    for number in range(12):
        height, width = scale * generator.integers(90, 140, 2)
        x0, y0 = scale * generator.integers(0, 30, 2)
        x1, y1 = x0 + scale * generator.integers(40, 61), y0 + scale * generator.integers(40, 61)
        image, name = smooth(generator, height, width), f"Images/skirt/{number}.jpg"
        points = np.full([24, 2], -1)
        points[OWN] = generator.integers([x0, y0], [x1, y1], [4, 2])
        moved = points.copy()
        moved[OWN] -= [x0, y0]
        writers[0].write(serialise(name, image, points, (x0, y0, x1, y1)))
        writers[1].write(serialise(name, image[y0:y1, x0:x1], moved))
    for writer in writers:
        writer.close()
    return boxed, cut


def batch(folder, training, **options):
    augmentation = AugmentationOptions() if training else None
    dataset = input_fn.make_dataset(str(folder), "skirt", training, 12, SIZE, augmentation, **options)
    features, labels = next(iter(dataset))
    return {name: value.numpy() for name, value in {**features, **labels}.items()}


@pytest.mark.parametrize("training", [True, False])
def test_a_box_gives_the_input_of_the_photo_that_it_cuts_out(folders, training):
    boxed, cut = (batch(folder, training) for folder in folders)
    np.testing.assert_allclose(boxed["points"], cut["points"], atol=2e-3)
    np.testing.assert_array_equal(boxed["visibility"], cut["visibility"])
    np.testing.assert_allclose(boxed["norm"], cut["norm"], rtol=1e-6)
    np.testing.assert_array_equal(boxed["image_id"], cut["image_id"])
    difference = np.abs(boxed["image"].astype(float) - cut["image"])
    # The two were compressed apart, and where they are shrunk, pixels at the edge stand for some beyond the box, too.
    assert np.median(difference) <= 1.5
    assert difference.mean() < 4
    assert not np.abs(boxed["to_input"] - cut["to_input"]).max() < 1e-3  # they lead there from other photos


@pytest.mark.parametrize("training", [True, False])
def test_a_margin_gives_the_input_of_a_larger_box(tmp_path, training):
    """So all that holds for a box holds for one with its margin, draws of the augmentation included."""
    margin, generator = 0.25, np.random.default_rng(1)
    names = ("margin", "larger")
    for name in names:
        (tmp_path / name).mkdir()
    writers = [tf.io.TFRecordWriter(str(tmp_path / name / "skirt_0000.tfrecord")) for name in names]
    for number in range(12):
        image, points = smooth(generator, 120, 150), np.full([24, 2], -1)
        x0, y0 = generator.integers(0, 60, 2).tolist()
        x1, y1 = (x0 + 4 * int(generator.integers(8, 16)), y0 + 4 * int(generator.integers(6, 12)))
        points[OWN] = generator.integers([x0, y0], [x1, y1], [4, 2])
        more_x, more_y = (x1 - x0) // 4, (y1 - y0) // 4
        larger = (max(x0 - more_x, 0), max(y0 - more_y, 0), min(x1 + more_x, 150), min(y1 + more_y, 120))
        for writer, box in zip(writers, ((x0, y0, x1, y1), larger)):
            writer.write(serialise(f"Images/skirt/{number}.jpg", image, points, box))
    for writer in writers:
        writer.close()
    seen = [batch(tmp_path / name, training, box_margin=own) for name, own in zip(names, (margin, 0.0))]
    for name, values in seen[0].items():
        np.testing.assert_array_equal(values, seen[1][name], err_msg=name)


@pytest.mark.parametrize("training", [True, False])
def test_errors_are_measured_in_the_photo_s_own_pixels(folders, training):
    """What leads back from the input leads to where the CSV has the points: flips exchange left and right, though."""
    options = {"augmentation": AugmentationOptions(flip_probability=0.0)} if training else {}
    dataset = input_fn.make_dataset(str(folders[0]), "skirt", training, 12, SIZE, **options)
    features, labels = next(iter(dataset))
    back = geometry.apply(geometry.invert(features["to_input"]), labels["points"]).numpy() - 0.5
    truth = {}
    for serialised in tf.data.TFRecordDataset(str(folders[0] / "skirt_0000.tfrecord")):
        record = records.parse(serialised)
        truth[record["image_id"].numpy()] = record["points"].numpy()[OWN]
    seen = labels["visibility"].numpy() == 1
    expected = np.array([truth[name] for name in features["image_id"].numpy()])
    np.testing.assert_allclose(back[seen], expected[seen], atol=0.02)
    assert seen.any()


def test_what_lies_beyond_a_box_is_not_seen(tmp_path):
    """White around the box would show wherever a crop, a rotation or the bilinear sampling looked beyond it."""
    image = np.full([200, 300, 3], 255, np.uint8)
    image[40:168, 48:208] = 90  # whole blocks of the JPEG: none holds an edge
    points = np.full([24, 2], -1)
    points[OWN] = [[60, 60], [190, 60], [60, 150], [190, 150]]
    with tf.io.TFRecordWriter(str(tmp_path / "skirt_0000.tfrecord")) as writer:
        for number in range(12):
            writer.write(serialise(f"Images/skirt/{number}.jpg", image, points, (48, 40, 208, 168)))
    plain = AugmentationOptions(color_probability=0.0, rotate_probability=1.0)
    for training, augmentation, epochs in ((True, plain, 1), (False, None, None)):
        dataset = input_fn.make_dataset(str(tmp_path), "skirt", training, 12, SIZE, augmentation, epochs=epochs)
        images = np.concatenate([features["image"].numpy() for features, _ in dataset]).astype(int)
        assert images.max() <= 93
