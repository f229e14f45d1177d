"""What happens to a photo, step by step: points, augmented input, heatmaps of the stages, prediction."""

import functools
import os
import tempfile

import cv2
import numpy as np
import tensorflow as tf

from base import geometry
from base import schema as schemas
from base.errors import DataError
from base.schema import ALL
from preprocessing.input import input_fn
from preprocessing.input.augmentation_options import AugmentationOptions
from tools.browsing import augmented, entries
from utility import drawing
from utility.model import codec, inference_graph, model_directory
from utility.model.heatmap_codec import MAPS
from utility.model.network import run_net
from utility.prediction import photo_reading
from utility.prediction.model_choice import find_models
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
    schema = schemas.default()
    found, _ = entries.from_data_dir(data_dir, TILE, schema)
    chosen = [_choose(data_dir, found, schema, category) for category in schema.category_names]
    models = {name: folder for name, (folder,) in find_models([model_dir], schema.category_names, schema).items()}
    inputs = _augmented(chosen, seed, schema)
    tiles, captions = [], []
    for entry in chosen:
        row = _row(entry, inputs[entry.image_id], models[entry.category])
        tiles += row.values()
        captions += row if not captions else [""] * len(row)
    return drawing.contact_sheet(tiles, len(row), TILE, captions)


def _choose(data_dir, found, schema, category):
    own = list(schema.keypoint_indices(category))
    for entry in found:
        if entry.category == category and entry.size and (entry.visibility[own] == 1).all():
            return entry
    raise DataError(data_dir, None, f"has no {category} that shows every keypoint: expected more photos")


def _row(entry, augmented_input, model_dir):
    """Returns {caption: [H, W, 3] uint8 RGB} of one photo."""
    photo = photo_reading.read(entry.path)
    model, predictor, run_stages = _load(model_dir)
    schema = predictor.schema
    truth = drawing.named_points(schema, entry.points, entry.visibility)
    channels = {name: model.keypoints.index(name) for name in schema.keypoint_names(entry.category)}
    stages = [
        drawing.draw_heatmaps(photo, schema, {name: maps[0, ..., channel] for name, channel in channels.items()}, 0.85)
        for maps in run_stages(cv2.resize(photo, (model.train_image_size,) * 2, interpolation=cv2.INTER_AREA)[None])
    ]
    keypoints = predictor.predict(photo, entry.category)["keypoints"]
    points = {name: (point["x"], point["y"]) for name, point in keypoints.items()}
    scores = {name: point["score"] for name, point in keypoints.items()}
    return {
        "photo": drawing.draw_keypoints(photo, schema, entry.category, truth),
        "augmented": augmented_input,
        "stage 1": stages[0],
        f"stage {len(stages)}": stages[-1],
        "prediction": drawing.draw_keypoints(photo, schema, entry.category, points, scores),
    }


def _augmented(chosen, seed, schema):
    """Returns {image_id: one augmented input with its points} of the chosen photos."""
    with tempfile.TemporaryDirectory() as folder, tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for entry in chosen:
            augmented.write_records(folder, entry.category, [entry], schema)
        dataset = input_fn.make_dataset(
            folder, ALL, True, len(chosen), TILE, augmentation=AugmentationOptions(), seed=seed, epochs=1
        )
        features, labels = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
        batch = session.run({**features, **labels})
    pictures = {}
    for image_id, image, points, visibility, category in zip(
        *(batch[name] for name in ("image_id", "image", "points", "visibility", "category"))
    ):
        shown = drawing.named_points(schema, geometry.to_pixels(points), visibility)
        image = np.uint8(np.clip(np.round(image), 0, 255))
        pictures[image_id.decode()] = drawing.draw_keypoints(image, schema, schema.category_names[category], shown)
    return pictures


@functools.lru_cache(maxsize=1)
def _load(model_dir):
    """Returns a model's description, its Predictor, and a function from images to the heatmaps of each stage."""
    model = model_directory.read(model_dir)
    if MAPS not in codec.of(model).output_names:
        what = f"expected a model of heatmaps, which the gallery shows, got {model.codec}"
        raise DataError(os.path.join(model_dir, model_directory.DESCRIPTION), "codec", what)
    size = model.train_image_size
    with tf.Graph().as_default() as graph:
        session = tf.compat.v1.Session(graph=graph)
        images = tf.compat.v1.placeholder(tf.float32, [None, size, size, 3])
        stages = [codec.of(model).read(raw)[MAPS] for raw in run_net(images, model, False)]
        inference_graph.restore(session, model_directory.checkpoint(model_dir))
        return model, Predictor(model_dir), session.make_callable(stages, [images])
