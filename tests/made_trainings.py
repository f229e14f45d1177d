"""Trainings small enough for tests: records of drawn squares, a thin net, the flags of train_hg.py."""

import os

import cv2
import numpy as np
import tensorflow as tf

from configs import command_line, keypoints
from preprocessing import records
from utility import distribution, training

SMALL = (
    "--train_image_size=64",
    "--heatmap_size=16",
    "--num_stacks=1",
    "--feats_channels=8",
    "--batch_size=4",
    "--eval_batch_size=8",
    "--num_readers=1",
    "--num_preprocessing_threads=1",
)
NET_FLAGS = ("num_stacks", "num_modules", "feats_channels")


def write_records(folder, category="skirt", num_train=16, num_validation=8, seed=0):
    """Writes records of `category`: a square on noise, its corners the first four keypoints, the others hidden."""
    os.makedirs(folder, exist_ok=True)
    random = np.random.RandomState(seed)
    for validation, count in ((False, num_train), (True, num_validation)):
        if count == 0:
            continue
        path = os.path.join(folder, records.shard_name(category, 0, validation))
        with tf.io.TFRecordWriter(path) as writer:
            for number in range(count):
                writer.write(_example(category, f"{int(validation)}_{number}", random))
    return str(folder)


def _example(category, name, random):
    image = random.randint(0, 60, [96, 96, 3]).astype(np.uint8)
    x, y, side = random.randint(15, 35), random.randint(15, 35), random.randint(30, 40)
    cv2.rectangle(image, (x, y), (x + side, y + side), (220, 180, 150), -1)
    points, visibility = np.full([24, 2], -1), np.full(24, -1)
    own = list(keypoints.keypoint_indices(category))
    visibility[own] = 0
    points[own] = (x, y)
    points[own[:4]] = [(x, y), (x + side, y), (x, y + side), (x + side, y + side)]
    visibility[own[:4]] = 1
    encoded = cv2.imencode(".jpg", image)[1].tobytes()
    return records.serialise(f"Images/{category}/{name}.jpg", encoded, (96, 96), category, points, visibility)


def words(data_dir, model_dir, *more):
    """Returns a command line of train_hg.py for a small training of skirts; later words win."""
    return [f"--data_dir={data_dir}", f"--model_dir={model_dir}", "--model_to_train=skirt", *SMALL, *more]


def settings(data_dir, model_dir, *more):
    """Returns the flags of `words`, by name."""
    names = [*NET_FLAGS, *command_line.TRAINING_GROUPS]
    return vars(command_line.parse(["train_hg.py", *words(data_dir, model_dir, *more)], names))


def train_all(data_dir, model_dir, *more):
    """Trains as the command line of `words` does, in this process."""
    flags = settings(data_dir, model_dir, *more)
    training.train_all(flags, "hourglass", {name: flags[name] for name in NET_FLAGS})


def job(data_dir, model_dir, *more):
    """Returns the `training.Job` of such a training."""
    flags = settings(data_dir, model_dir, *more)
    options = {name: flags[name] for name in NET_FLAGS}
    return training.plan_job("skirt", flags, "hourglass", options, distribution.Distribution())


def variables(checkpoint):
    """Returns {name: array} of everything in a checkpoint."""
    reader = tf.train.load_checkpoint(checkpoint)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
