"""Models with random weights, for tests that need a model's folder and not its skill."""

import os

import tensorflow as tf
from fashionai import SCHEMA, keypoint_names

from net import registry
from utility.model import model_directory
from utility.model.network import run_net

v1 = tf.compat.v1


def description(category="skirt", net="hourglass", image_size=64, **net_options):
    """Returns what `model_directory.read` returns, for a small net."""
    small = {"num_stacks": 1, "feats_channels": 16} if net == "hourglass" else {"head_channels": 32}
    return {
        "format_version": model_directory.FORMAT_VERSION,
        "net": net,
        "net_options": {**registry.get_net(net).options, **small, **net_options},
        "schema": SCHEMA,
        "category": category,
        "keypoints": list(keypoint_names(category)),
        "train_image_size": image_size,
        "heatmap_size": image_size // 4,
        "heatmap_sigma": 1.0,
        "target_scale": 255.0,
        "codec": "heatmap",
        "heatmap_loss": "mse",
        "normalisation": {"mean": list(registry.MEAN_RGB), "scale": [registry.SCALE] * 3},
        "decode": "dark",
    }


def make(folder, seed=0, step=7, **settings):
    """Writes a model's folder and returns its path. The weights are random, the statistics of batch norm, too."""
    folder = os.fspath(folder)
    model = description(**settings)
    size = model["train_image_size"]
    os.makedirs(folder, exist_ok=True)
    model_directory.write(folder, model)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(seed)
        run_net(v1.placeholder(tf.float32, [None, size, size, 3]), model, False)
        v1.train.get_or_create_global_step()
        session.run(v1.global_variables_initializer())
        changes = [v1.assign(v1.train.get_global_step(), step)]
        for number, variable in enumerate(v1.global_variables()):
            name = variable.op.name
            if name.endswith(("moving_mean", "moving_variance", "beta", "gamma", "heatmaps/kernel")):
                spread = 0.5 + tf.random.stateless_uniform(variable.shape, [seed, number])
                changes.append(v1.assign(variable, spread))
        session.run(changes)  # one call: each call after a change of the graph takes it in anew
        saver = v1.train.Saver(save_relative_paths=True)
        saver.save(session, os.path.join(folder, "model.ckpt"), global_step=step, write_meta_graph=False)
    return folder
