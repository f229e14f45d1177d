"""Draws a gallery of what happens to a photo: the photo with its points, the augmented input of the training, the
heatmaps of the net's stages (of many, the first and the last), and the prediction.

python demos/draw_gallery.py --data_dir=DATA --model_dir=MODELS --output=demos/gallery.jpg
"""

import os
import tempfile

import numpy as np
import tensorflow as tf

from configs import command_line
from configs.errors import DataError
from configs.keypoints import CATEGORIES, keypoint_indices, keypoint_names
from preprocessing import geometry, input_fn, records
from tools.browsing import augmented, entries
from utility import drawing, frozen, model_directory, predict
from utility.model_fn import forward
from utility.predict_all import find_models

TILE = 210  # pixels
FLAGS = ("data_dir", "model_dir", "output", "seed")


def main(flags):
    """Writes the gallery: a row a category, of the first photo that shows every keypoint of its category.

    Raises:
        DataError: the data has no such photo, or there is no model for its category.
    """
    found, _ = entries.from_data_dir(flags.data_dir, TILE)
    chosen = [_choose(flags.data_dir, found, category) for category in CATEGORIES]
    models = find_models([flags.model_dir], CATEGORIES)
    tiles, captions = [], []
    for entry in chosen:
        (model_dir,) = models[entry.category]
        row = _row(entry, model_dir, flags.seed)
        tiles += row.values()
        captions += row if not captions else [""] * len(row)
    drawing.save(flags.output, drawing.contact_sheet(tiles, len(row), TILE, captions), quality=78)


def _choose(data_dir, found, category):
    own = list(keypoint_indices(category))
    for entry in found:
        if entry.category == category and entry.size and (entry.visibility[own] == 1).all():
            return entry
    raise DataError(data_dir, None, f"has no {category} that shows every keypoint: more photos would be right")


def _row(entry, model_dir, seed):
    """Returns {caption: [H, W, 3] uint8 RGB} of one photo."""
    photo = predict.read(entry.path)
    truth = drawing.named_points(entry.points, entry.visibility)
    row = {"photo": drawing.draw_keypoints(photo, entry.category, truth)}
    row["augmented"] = _augmented(entry, model_directory.read(model_dir)["train_image_size"] * 2, seed)
    stages = _stage_pictures(entry, photo, model_dir)
    row.update({"stage 1": stages[0], f"stage {len(stages)}": stages[-1]})
    keypoints = predict.Predictor(model_dir).predict(photo, entry.category)["keypoints"]
    points = {name: (point["x"], point["y"]) for name, point in keypoints.items()}
    scores = {name: point["score"] for name, point in keypoints.items()}
    row["prediction"] = drawing.draw_keypoints(photo, entry.category, points, scores)
    return row


def _augmented(entry, image_size, seed):
    """Returns one augmented input with its points."""
    with tempfile.TemporaryDirectory() as folder, tf.Graph().as_default(), tf.compat.v1.Session() as session:
        augmented.write_records(os.path.join(folder, records.shard_name(entry.category, 0)), [entry])
        dataset = input_fn.make_dataset(folder, entry.category, True, 1, image_size, augmentation={}, seed=seed)
        features, labels = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
        image, points, visibility = session.run((features["image"][0], labels["points"][0], labels["visibility"][0]))
    names = keypoint_names(entry.category)
    shown = {name: geometry.to_pixels(place) for name, place, state in zip(names, points, visibility) if state >= 0}
    return drawing.draw_keypoints(np.uint8(np.clip(np.round(image), 0, 255)), entry.category, shown)


def _stage_pictures(entry, photo, model_dir):
    """Returns the photo under the heatmaps of each stage of the net."""
    model = model_directory.read(model_dir)
    size = model["train_image_size"]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.compat.v1.image.resize(tf.cast(photo, tf.float32)[None], (size, size))
        stages = forward(images, model, False)
        frozen.restore(session, frozen.find_checkpoint(model_dir))
        maps = session.run(stages)
    channels = {name: model["keypoints"].index(name) for name in keypoint_names(entry.category)}
    return [
        drawing.draw_heatmaps(photo, {name: stage[0, ..., channel] for name, channel in channels.items()}, 0.85)
        for stage in maps
    ]


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["data_dir", "model_dir", "output"])
