"""Training and prediction show the net the same pixels of a garment in its box.

Where a part is large enough to be shrunk, `preprocessing.input.shrinking` says how much they differ.
"""

import io
import types

import cv2
import numpy as np
import pytest
import tensorflow as tf
from made_models import make
from PIL import Image

from base import geometry
from preprocessing.data import records
from preprocessing.input import input_fn
from preprocessing.input.augmentation_options import AugmentationOptions
from utility.prediction import inference, photo_reading, windows
from utility.prediction.predictor import Predictor

SIZE = 64
MARGIN = 0.2
COUNT = 16
WIDTH, HEIGHT = 120, 100
# An augmentation that draws nothing: it still goes its own way, in chunks, by the compiled program.
STILL = AugmentationOptions(flip_probability=0.0, rotate_probability=0.0, crop_probability=0.0, color_probability=0.0)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return Predictor(make(tmp_path_factory.mktemp("models") / "skirt", box_margin=MARGIN))


def seen_in_prediction(predictor, image, box, keep_aspect):
    """Returns what the net is given of a photo, [SIZE, SIZE, 3]."""
    parts = []

    def find(images, categories):
        parts.extend(images)
        return np.zeros([1, 4, 2], np.float32), np.zeros([1, 4], np.float32), None

    passes, predictor._passes = predictor._passes, types.SimpleNamespace(find=find)
    try:
        predictor.find([image], ["skirt"], [box])
    finally:
        predictor._passes = passes
    (part,) = parts
    to_frame = geometry.cropping(0.0, 0.0, float(part.shape[1]), float(part.shape[0]), 1.0, 1.0)
    net = Eye(keep_aspect)
    ((cut, _),) = windows.batches([part], [to_frame], [net.form], inference.Options())
    inference.run_nets(cut, np.float32(to_frame)[None], [net], inference.Options())
    return net.seen


class Eye:
    """A stand-in net that keeps what it is given."""

    codec = types.SimpleNamespace(average=lambda outputs: outputs)

    def __init__(self, keep_aspect):
        self.form = inference.InputForm(SIZE, keep_aspect)

    def __call__(self, images, flip):
        del flip
        self.seen = images[0].numpy()


def seen_in_training(folder, augmentation, keep_aspect):
    """Returns {image id: what the net is given, [SIZE, SIZE, 3]} of the records in a folder."""
    options = {"keep_aspect": keep_aspect, **({"epochs": 1} if augmentation else {})}
    dataset = input_fn.make_dataset(
        str(folder), "skirt", augmentation is not None, COUNT, SIZE, augmentation, box_margin=MARGIN, **options
    )
    features, _ = next(iter(dataset))
    images = features["image"].numpy().astype(np.float32)
    return dict(zip((name.decode() for name in features["image_id"].numpy()), images))


def drawn_boxes():
    """Returns boxes of all kinds of sides and places in a photo of WIDTH by HEIGHT, and none."""
    random, found = np.random.default_rng(0), [None, (0, 0, WIDTH, HEIGHT), (0, 0, 1, 1)]
    while len(found) < COUNT:
        (x0, x1), (y0, y1) = (sorted(random.integers(0, side + 1, 2).tolist()) for side in (WIDTH, HEIGHT))
        if x0 < x1 and y0 < y1:
            found.append((x0, y0, x1, y1))
    return found


@pytest.mark.parametrize("keep_aspect", [False, True])
def test_training_without_draws_and_prediction_see_the_same(tmp_path, predictor, keep_aspect):
    coarse = np.random.default_rng(0).integers(0, 255, [6, 7, 3]).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(cv2.resize(coarse, (WIDTH, HEIGHT))).save(encoded, "JPEG", quality=95)
    encoded, boxes = encoded.getvalue(), {f"Images/{number}.jpg": box for number, box in enumerate(drawn_boxes())}
    labels = np.full([24, 2], 70), np.ones([24], np.int64)
    with tf.io.TFRecordWriter(str(tmp_path / "skirt_0000.tfrecord")) as writer:
        for name, box in boxes.items():
            writer.write(records.serialise(name, encoded, (WIDTH, HEIGHT), "skirt", *labels, box=box))
    whole, still = (seen_in_training(tmp_path, augmentation, keep_aspect) for augmentation in (None, STILL))
    assert whole.keys() == still.keys() == boxes.keys()
    image = photo_reading.decode(encoded, "made")
    for name, box in boxes.items():
        expected = seen_in_prediction(predictor, image, box, keep_aspect)
        np.testing.assert_allclose(whole[name], expected, atol=0.01, err_msg=str(box))
        np.testing.assert_allclose(still[name], expected, atol=1.01, err_msg=str(box))  # whole grey levels
