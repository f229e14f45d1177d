"""Models with random weights, for tests that need a model's folder and not its skill."""

import atexit
import dataclasses
import functools
import os
import shutil
import tempfile

import tensorflow as tf
from fashionai import SCHEMA

from net import registry
from utility.model import model_directory
from utility.model.coordinate_settings import CoordinateSettings
from utility.model.description import ModelDescription, Normalisation
from utility.model.network import run_net

v1 = tf.compat.v1

_SMALL = {
    "hourglass": {"num_stacks": 1, "feats_channels": 16},
    "cpn": {"head_channels": 32},
    "dfa": {"num_stages": 2, "fc_channels": 16, "backbone": "efficientnet_lite0"},
}


def description(category="skirt", net="hourglass", image_size=64, schema=SCHEMA, box_margin=0.0, **net_options):
    """Returns the ModelDescription of a small net."""
    small = _SMALL.get(net, {})
    settings = {"heatmap_size": image_size // 4, "heatmap_sigma": 1.0, "target_scale": 255.0}
    settings |= {"heatmap_loss": "mse", "decode": "dark"}
    own = registry.get_net(net).codec
    if own == "coordinates":
        settings = dataclasses.asdict(CoordinateSettings())
    return ModelDescription(
        net=net,
        net_options=registry.complete(net, {**small, **net_options}),
        category=category,
        schema=schema,
        keypoints=schema.keypoint_names(category),
        train_image_size=image_size,
        normalisation=Normalisation(registry.MEAN_RGB, (registry.SCALE,) * 3),
        codec=own,
        codec_settings=settings,
        box_margin=box_margin,
        keep_aspect=registry.get_net(net).keep_aspect,
    )


def make(folder, seed=0, step=7, **settings):
    """Writes a model's folder and returns its path. The weights are random, the statistics of batch norm, too.

    Those of the same seed, step and settings are made once a process: to build a net takes seconds.
    """
    folder = os.fspath(folder)
    shutil.copytree(_made(seed, step, **settings), folder, dirs_exist_ok=True)
    return folder


@functools.cache
def _made(seed, step, **settings):
    folder = tempfile.mkdtemp(prefix="made_model.")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    model = description(**settings)
    size = model.train_image_size
    model_directory.write(folder, model)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(seed)
        run_net(v1.placeholder(tf.float32, [None, size, size, 3]), model, False)
        v1.train.get_or_create_global_step()
        session.run(v1.global_variables_initializer())
        changes = [v1.assign(v1.train.get_global_step(), step)]
        for number, variable in enumerate(v1.global_variables()):
            name = variable.op.name
            if name.endswith(("moving_mean", "moving_variance", "beta", "gamma", "heatmaps/kernel", "head/x/bias")):
                spread = 0.5 + tf.random.stateless_uniform(variable.shape, [seed, number])
                changes.append(v1.assign(variable, spread))
        session.run(changes)  # one call: each call after a change of the graph takes it in anew
        saver = v1.train.Saver(save_relative_paths=True)
        saver.save(session, os.path.join(folder, "model.ckpt"), global_step=step, write_meta_graph=False)
    return folder
