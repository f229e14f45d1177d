"""Deep fashion alignment learns eight pictures by heart, and its later stages correct an earlier one that errs."""

import made_models
import numpy as np
import tensorflow as tf

from net import registry
from net.backbones import vgg
from utility.model import codec, pseudo_labels
from utility.model.pseudo_labels import Clusters

v1 = tf.compat.v1
BATCH, SIZE, KEYPOINTS, STEPS = 8, 64, 3, 160
OPTIONS = {"fc_channels": 64, "dropout": 0.0, "pseudo_labels": (4, 4, 4, 4)}


def pictures():
    """Noise with a spot at each keypoint, of its own colour: [B, S, S, 3], points [B, K, 2] in the unit square."""
    random = np.random.RandomState(0)
    points = random.uniform(0.15, 0.85, (BATCH, KEYPOINTS, 2)).astype(np.float32)
    cells = (np.arange(SIZE) + 0.5) / SIZE
    images = random.normal(0, 0.1, (BATCH, SIZE, SIZE, 3)).astype(np.float32)
    for picture, places in zip(images, points):
        for channel, (x, y) in enumerate(places):
            picture[..., channel] += np.exp(-((cells[:, None] - y) ** 2 + (cells - x) ** 2) * SIZE**2 / 18)
    return images, points


def normalised_error(found, points):
    norms = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1, keepdims=True)
    return np.mean(np.linalg.norm(found - points, axis=-1) / norms)


def test_stages_learn_by_heart_and_correct_each_other(monkeypatch):
    monkeypatch.setattr(vgg, "STAGES", ((1, 8), (1, 16), (1, 32), (1, 32), (1, 32)))
    images, points = pictures()
    phases = registry.get_net("dfa").phases(registry.make_options("dfa", OPTIONS))
    own = codec.of(made_models.description(net="dfa").with_codec(point_warmup=0.0, visibility_weight=10.0))
    states = np.int32(points[..., 0] < 0.5)  # what is on the right is occluded
    random = np.random.default_rng(2)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        stages = registry.build("dfa", tf.constant(images), KEYPOINTS, True, OPTIONS)
        rate = v1.placeholder(tf.float32, [])
        truth = codec.Truth(tf.constant(points), tf.constant(states), tf.ones(states.shape, tf.bool), progress=1.0)
        session.run(v1.global_variables_initializer())
        errors = []
        for phase, stage in zip(phases, stages):
            variables = [v for v in v1.trainable_variables() if v.name.startswith(tuple(_scopes(phase)))]
            ways = points - session.run(stage.heads[0].previous)
            centres = pseudo_labels.find_centres(ways, states >= 0, phase.labels[0], seed=3)
            median = float(np.median(pseudo_labels.lengths(ways, states >= 0)))
            clusters = Clusters((centres,) * len(phase.labels), phase.stage == 0, median, (0.6, 0.3, 0.1))
            optimizer = v1.train.AdamOptimizer(rate)
            step = optimizer.minimize(own.loss(stage, truth._replace(clusters=clusters), None), var_list=variables)
            session.run(v1.variables_initializer(optimizer.variables()))
            for number in range(STEPS):
                session.run(step, {rate: 2e-3 * (1 - number / STEPS) + 1e-5})
            errors.append(normalised_error(session.run(stage.points), points))
            if phase.stage == 0:
                assert errors[0] < 0.03
                for kernel in (v for v in variables if v.name.startswith(("dfa/stage1/head/x/", "dfa/stage1/head/y/"))):
                    kernel.load(session.run(kernel) + random.normal(0, 0.02, kernel.shape), session)
                errors = [normalised_error(session.run(stage.points), points)]
        visibility = session.run(own.read(stages[0])["visibility"])
    assert errors[0] > 0.05
    assert errors[1] < errors[0] / 2
    assert errors[2] < errors[1]
    assert np.mean(visibility.argmax(-1) == 1 - states) > 0.9


def _scopes(phase):
    """Returns the beginnings of the names of the variables that a phase trains."""
    return [f"dfa/{name}/" for name in phase.variables[len("dfa/(") : -len(")/")].split("|")]
