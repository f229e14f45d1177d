"""Trainings small enough for tests: records of drawn squares, a net of three layers, the flags of train_hg.py.

As a program this file trains that net, as train_hg.py trains its own: `python tests/made_trainings.py --data_dir=…`.
"""

import dataclasses
import os
import subprocess
import sys

import cv2
import fashionai as keypoints
import numpy as np
import tensorflow as tf

from base import plain_paths, program_log
from base.options import other_default
from configs import command_line
from net import registry
from net.declarations import Net, Stage
from net.layers import LayerOptions, Layers
from net.nets import hourglass
from preprocessing.data import records
from utility.training import distribution, training
from utility.training.settings import TrainingSettings

SMALL = (
    "--feats_channels=8",
    "--train_image_size=64",
    "--heatmap_size=16",
    "--batch_size=4",
    "--eval_batch_size=8",
    "--num_readers=1",
    "--num_preprocessing_threads=1",
    "--noaugment",  # its graph takes most of such a training's time; what looks at it says --augment
)
# A small hourglass of skirts, for train_hg.py as a program.
SMALL_HOURGLASS = (
    "--model_to_train=skirt",
    "--num_stacks=1",
    "--feats_channels=16",
    "--train_image_size=64",
    "--heatmap_size=16",
)
NET = "tiny"
MOST = "TINY_NET_MOST"  # variable of the environment: the height above which maps are not finite in training
NET_FLAGS = ("feats_channels",)
_GROUPS = [*NET_FLAGS, *command_line.TRAINING_GROUPS]


@dataclasses.dataclass(frozen=True)
class _Options(LayerOptions):
    feats_channels: int = other_default(hourglass.Options, "feats_channels", 8)
    bn_momentum: float = other_default(LayerOptions, "bn_momentum", 0.9)


def _tiny_net(images, num_keypoints, is_training, data_format, options, heatmap_size=None):
    layers = Layers(is_training, data_format, options)
    feats_channels = options.feats_channels
    with tf.compat.v1.variable_scope("tiny"):
        features = layers.conv_norm(layers.enter(images), feats_channels, 3, "stem", strides=2)
        features = layers.conv_norm(features, feats_channels, 3, "body", strides=2)
        heatmaps = layers.leave(layers.heatmaps(features, num_keypoints, 1, "heatmaps"))
    if is_training and MOST in os.environ:  # a training that fails where its rate is too high
        is_high = tf.reduce_max(tf.abs(heatmaps)) > float(os.environ[MOST])
        heatmaps *= tf.where(is_high, float("nan"), 1.0)
    assert heatmap_size in (None, tuple(heatmaps.shape[1:3]))
    return [heatmaps]


registry.register(
    NET, Net(_tiny_net, _Options, lambda options: [Stage("mse", 1.0, 0.0)], keypoint_outputs=r"tiny/heatmaps/")
)


def write_records(folder, category="skirt", num_train=16, num_validation=8, seed=0, shards=1):
    """Writes records of `category`: a square on noise, its corners the first four keypoints, the others hidden."""
    os.makedirs(folder, exist_ok=True)
    random = np.random.RandomState(seed)
    for validation, count in ((False, num_train), (True, num_validation)):
        for shard in range(shards if count else 0):
            path = os.path.join(folder, records.shard_name(category, shard, validation))
            with tf.io.TFRecordWriter(path) as writer:
                for number in range(shard, count, shards):
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
    """Returns the TrainingSettings of `words`."""
    flags = command_line.parse(["train", *words(data_dir, model_dir, *more)], _GROUPS)
    return TrainingSettings.from_flags(vars(flags))


def train_all(data_dir, model_dir, *more):
    """Trains as the command line of `words` does, in this process."""
    program_log.show()
    _train_all(settings(data_dir, model_dir, *more))


def _train_all(settings):
    training.train_all(settings, NET, {name: settings.flags[name] for name in NET_FLAGS})


def start(data_dir, model_dir, *more, **environment):
    """Starts the training of `words` as a process of its own, what it prints in pipes; `environment` adds variables."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return subprocess.Popen(
        [sys.executable, __file__, *words(data_dir, model_dir, *more)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": root, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def job(data_dir, model_dir, *more):
    """Returns the `training.Job` of such a training."""
    own = settings(data_dir, model_dir, *more)
    options = {name: own.flags[name] for name in NET_FLAGS}
    return training.plan_job("skirt", own, NET, options, distribution.Distribution())


def variables(checkpoint):
    """Returns {name: array} of everything in a checkpoint."""
    reader = tf.train.load_checkpoint(plain_paths.plain(checkpoint))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def run(*argv):
    """Runs this file's program with a command line; ends the process, or raises SystemExit."""
    command_line.run(
        lambda flags: _train_all(TrainingSettings.from_flags(vars(flags))),
        __doc__,
        _GROUPS,
        required=["data_dir", "model_dir"],
        argv=[__file__, *argv],
        written=["model_dir"],
    )


if __name__ == "__main__":
    run(*sys.argv[1:])
