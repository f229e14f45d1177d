"""Every net, in small, learns eight pictures by heart, and still knows them in evaluation."""

import numpy as np
import pytest
import tensorflow as tf

from net import registry
from net.backbones import resnet
from utility.model import heatmaps

v1 = tf.compat.v1
BATCH, SIZE, CELLS, KEYPOINTS, STEPS = 8, 64, 16, 3, 120


def pictures():
    """Noise with a bright spot at each keypoint, of the keypoint's own colour: ([B, S, S, 3], points [B, K, 2])."""
    random = np.random.RandomState(0)
    points = random.uniform(8, SIZE - 8, (BATCH, KEYPOINTS, 2)).astype(np.float32)
    images = random.normal(0, 0.1, (BATCH, SIZE, SIZE, 3)).astype(np.float32)
    cells = np.arange(SIZE) + 0.5
    for picture, places in zip(images, points):
        for channel, (x, y) in enumerate(places):
            picture[..., channel] += np.exp(-((cells[:, None] - y) ** 2 + (cells - x) ** 2) / 18)
    return images, points


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hourglass", {"num_stacks": 1, "feats_channels": 32}),
        ("cpn", {"backbone": "resnet50", "head_channels": 32}),
        ("cpn", {"backbone": "detnet59", "head_channels": 32}),
    ],
)
def test_learns_eight_pictures_by_heart(name, options, monkeypatch):
    monkeypatch.setitem(resnet.BLOCKS, "resnet50", (1, 1, 1, 1))
    options = {**options, "bn_momentum": 0.9}
    plan = registry.get_net(name).stages(registry.make_options(name, options))
    images, points = pictures()
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        with v1.variable_scope("", reuse=False):
            stages = registry.build(name, tf.constant(images), KEYPOINTS, True, options)
        losses = []
        for maps, stage in zip(stages, plan):
            targets = heatmaps.encode(points * CELLS / SIZE, (CELLS, CELLS), np.hypot(1, stage.sigma))
            losses.append(tf.reduce_mean(tf.square(maps - targets)))
        rate = v1.train.polynomial_decay(3e-3, v1.train.get_or_create_global_step(), STEPS, 1e-4)
        update = v1.get_collection(v1.GraphKeys.UPDATE_OPS)
        with tf.control_dependencies(update):
            train = v1.train.AdamOptimizer(rate).minimize(tf.add_n(losses), v1.train.get_global_step())
        with v1.variable_scope("", reuse=True):
            evaluated = registry.build(name, tf.constant(images), KEYPOINTS, False, options)[-1]
        session.run(v1.global_variables_initializer())
        for _ in range(STEPS):
            session.run(train)
        found = session.run(heatmaps.decode(evaluated, "dark"))
    distances = np.linalg.norm(found * SIZE / CELLS - points, axis=-1)
    norms = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1, keepdims=True)
    assert np.mean(distances / norms) < 0.03
