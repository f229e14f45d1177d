"""What happens to a photo, step by step: points, augmented input, heatmaps of the stages, prediction."""

import functools
import os
import tempfile

import cv2
import numpy as np
import tensorflow as tf

from base import geometry
from base.errors import DataError
from configs.keypoints import ALL, CATEGORIES, keypoint_indices, keypoint_names
from preprocessing.data import records
from preprocessing.input import input_fn
from tools.browsing import augmented, entries
from utility import drawing
from utility.model import codec, inference_graph, model_directory
from utility.model.heatmap_codec import MAPS
from utility.model.network import run_net
from utility.prediction import photo_reading
from utility.prediction.predict_all import find_models
from utility.prediction.predictor import Predictor

TILE = 210  # pixels


def draw(data_dir, model_dir, seed):
    """Draws a row a category, of the first photo that shows every keypoint of its category.

    Args:
        data_dir: a split in the FashionAI layout.
        model_dir: the parent folder of the models, or one model's folder.
        seed: of the augmentation.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        DataError: the data has no such photo, or there is no model for its category.
    """
    found, _ = entries.from_data_dir(data_dir, TILE)
    chosen = [_choose(data_dir, found, category) for category in CATEGORIES]
    models = {name: folder for name, (folder,) in find_models([model_dir], CATEGORIES).items()}
    inputs = _augmented(chosen, seed)
    tiles, captions = [], []
    for entry in chosen:
        row = _row(entry, inputs[entry.image_id], models[entry.category])
        tiles += row.values()
        captions += row if not captions else [""] * len(row)
    return drawing.contact_sheet(tiles, len(row), TILE, captions)


def _choose(data_dir, found, category):
    own = list(keypoint_indices(category))
    for entry in found:
        if entry.category == category and entry.size and (entry.visibility[own] == 1).all():
            return entry
    raise DataError(data_dir, None, f"has no {category} that shows every keypoint: more photos would be right")


def _row(entry, augmented_input, model_dir):
    """Returns {caption: [H, W, 3] uint8 RGB} of one photo."""
    photo = photo_reading.read(entry.path)
    truth = drawing.named_points(entry.points, entry.visibility)
    model, predictor, run_stages = _load(model_dir)
    channels = {name: model["keypoints"].index(name) for name in keypoint_names(entry.category)}
    stages = [
        drawing.draw_heatmaps(photo, {name: maps[0, ..., channel] for name, channel in channels.items()}, 0.85)
        for maps in run_stages(cv2.resize(photo, (model["train_image_size"],) * 2, interpolation=cv2.INTER_AREA)[None])
    ]
    keypoints = predictor.predict(photo, entry.category)["keypoints"]
    points = {name: (point["x"], point["y"]) for name, point in keypoints.items()}
    scores = {name: point["score"] for name, point in keypoints.items()}
    return {
        "photo": drawing.draw_keypoints(photo, entry.category, truth),
        "augmented": augmented_input,
        "stage 1": stages[0],
        f"stage {len(stages)}": stages[-1],
        "prediction": drawing.draw_keypoints(photo, entry.category, points, scores),
    }


def _augmented(chosen, seed):
    """Returns {image_id: one augmented input with its points} of the chosen photos."""
    with tempfile.TemporaryDirectory() as folder, tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for entry in chosen:
            augmented.write_records(os.path.join(folder, records.shard_name(entry.category, 0)), [entry])
        dataset = input_fn.make_dataset(folder, ALL, True, len(chosen), TILE, augmentation={}, seed=seed, epochs=1)
        features, labels = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
        batch = session.run({**features, **labels})
    pictures = {}
    for image_id, image, points, visibility, category in zip(
        *(batch[name] for name in ("image_id", "image", "points", "visibility", "category"))
    ):
        shown = drawing.named_points(geometry.to_pixels(points), visibility)
        image = np.uint8(np.clip(np.round(image), 0, 255))
        pictures[image_id.decode()] = drawing.draw_keypoints(image, CATEGORIES[category], shown)
    return pictures


@functools.lru_cache(maxsize=1)
def _load(model_dir):
    """Returns a model's description, its Predictor, and a function from images to the heatmaps of each stage."""
    model = model_directory.read(model_dir)
    size = model["train_image_size"]
    with tf.Graph().as_default() as graph:
        session = tf.compat.v1.Session(graph=graph)
        images = tf.compat.v1.placeholder(tf.float32, [None, size, size, 3])
        stages = [codec.of(model).read(raw)[MAPS] for raw in run_net(images, model, False)]
        inference_graph.restore(session, model_directory.checkpoint(model_dir))
        return model, Predictor(model_dir), session.make_callable(stages, [images])
