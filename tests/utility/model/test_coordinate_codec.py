"""Coordinates and visibility: views and flips take the points with them, losses count what they say."""

import made_models
import numpy as np
import pytest
import tensorflow as tf
from fashionai import SCHEMA

from base import geometry
from net.coordinates import Estimate, Head
from utility.model import codec
from utility.model.codec import Truth
from utility.model.coordinate_codec import POINTS, VISIBILITY
from utility.model.pseudo_labels import Clusters

B, K = 3, 4
NAMES = SCHEMA.keypoint_names("skirt")
PARTNERS = [NAMES.index(SCHEMA.partner(name)) for name in NAMES]


def make(**settings):
    return codec.of(made_models.description(net="dfa").with_codec(**settings))


@pytest.fixture
def outputs():
    random = np.random.default_rng(0)
    logits = random.normal(size=[B, K, 3]).astype(np.float32)
    return {POINTS: tf.constant(random.uniform(-0.2, 1.2, [B, K, 2]), tf.float32), VISIBILITY: tf.nn.softmax(logits)}


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-5)


def test_a_flip_exchanges_sides_and_two_are_none(outputs):
    own = make()
    flipped = own.flip(outputs, PARTNERS)
    assert_equal(own.flip(flipped, PARTNERS), outputs)
    left, right = NAMES.index("waistband_left"), NAMES.index("waistband_right")
    np.testing.assert_allclose(flipped[POINTS][:, left], outputs[POINTS][:, right] * [-1, 1] + [1, 0], atol=1e-6)
    np.testing.assert_array_equal(flipped[VISIBILITY][:, left], outputs[VISIBILITY][:, right])


def test_a_warp_moves_the_points_and_its_inverse_takes_them_back(outputs):
    own = make()
    matrices = np.float32([geometry.rotation(angle, 0.5, 0.5) for angle in (0.1, -0.5, 2.0)])
    moved = own.warp(outputs, matrices)
    np.testing.assert_allclose(moved[POINTS], geometry.apply(matrices, outputs[POINTS].numpy()), atol=1e-6)
    assert_equal(own.warp(moved, np.float32(geometry.invert(matrices))), outputs)


def test_slices_means_points_and_scores(outputs):
    own = make()
    other = {name: 1 - tensor for name, tensor in outputs.items()}
    np.testing.assert_allclose(own.average([outputs, other])[POINTS], 0.5, atol=1e-6)
    assert_equal(own.slice(outputs, [2, 0]), {name: tensor.numpy()[:, [2, 0]] for name, tensor in outputs.items()})
    points, scores = own.decode(outputs)
    np.testing.assert_array_equal(points, outputs[POINTS])
    np.testing.assert_array_equal(scores, own.visibility(outputs)[..., 0])
    with pytest.raises(ValueError, match="--average=points"):
        own.adopt(outputs, codec.of(made_models.description()))
    with pytest.raises(ValueError, match="coordinates need no decoding, got dark"):
        codec.of(made_models.description(net="dfa"), "dark")


def estimate(points, visibility=None, unit=1.0, labels=2):
    visibility = tf.zeros([B, K, 3]) if visibility is None else visibility
    head = Head(tf.fill([B, K, 2], 0.5), points, visibility, tf.zeros([B, labels]), unit)
    return Estimate(points, visibility, (head,))


def example(seed=1):
    random = np.random.default_rng(seed)
    states = np.int32([[1, 0, -1, 1], [1, 1, 0, -1], [0, 1, 1, 1]])
    return np.float32(random.uniform(size=[B, K, 2])), states, random.uniform(size=[B, K]) < 0.8


ONLY_POINTS = {"visibility_weight": 0.0, "pseudo_label_weight": 0.0, "point_warmup": 0.0, "point_weight": 3.0}


@pytest.mark.parametrize("unit", [1.0, 0.2])
def test_the_loss_of_points_is_half_the_squared_distance_of_those_that_are_there(unit):
    points, states, owned = example()
    found = points + np.random.default_rng(2).normal(0, 0.1, points.shape).astype(np.float32)
    expected = 3 * 0.5 * (((found - points) / unit) ** 2).sum(-1)[states >= 0].sum() / B
    truth = Truth(tf.constant(points), tf.constant(states), tf.constant(owned), progress=0.5)
    loss = make(**ONLY_POINTS).loss(estimate(tf.constant(found), unit=unit), truth, None)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    found[states < 0] = 77.0
    loss = make(**ONLY_POINTS).loss(estimate(tf.constant(found), unit=unit), truth, None)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_points_weigh_one_in_the_warmup():
    points, states, owned = example()
    found = estimate(tf.constant(points + 0.1))
    own = make(**{**ONLY_POINTS, "point_warmup": 0.2})
    losses = [
        float(own.loss(found, Truth(points, tf.constant(states), tf.constant(owned), progress=progress), None))
        for progress in (0.0, 0.19, 0.21, 1.0)
    ]
    assert losses[0] == losses[1] == pytest.approx(losses[2] / 3, rel=1e-5)
    assert losses[2] == losses[3]


@pytest.mark.parametrize("balance", [0.0, 1.0])
def test_the_loss_of_visibility_is_over_the_categorys_own_keypoints_and_rare_states_may_weigh_more(balance):
    points, states, owned = example()
    logits = np.float32(np.random.default_rng(3).normal(size=[B, K, 3]))
    shares = (0.7, 0.2, 0.1)
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    own = make(**{**ONLY_POINTS, "visibility_weight": 2.0, "visibility_balance": balance})
    expected = []
    for row in range(B):
        terms = [
            -np.log(chances[row, k, {1: 0, 0: 1, -1: 2}[states[row, k]]])
            / (3 * shares[{1: 0, 0: 1, -1: 2}[states[row, k]]]) ** balance
            for k in range(K)
            if owned[row, k]
        ]
        expected.append(np.mean(terms))
    centres = np.zeros([2, K, 2], np.float32)
    truth = Truth(
        tf.constant(points), tf.constant(states), tf.constant(owned), clusters=Clusters((centres,), True, 0.1, shares)
    )
    loss = own.loss(estimate(tf.constant(points), tf.constant(logits)), truth, None)
    assert float(loss) == pytest.approx(2 * np.mean(expected), rel=1e-5)


def test_pseudo_labels_that_are_told_have_no_more_loss_than_their_entropy():
    points, states, owned = example()
    centres = np.float32([points[0] - 0.5, points[1] - 0.5 + 3])
    clusters = Clusters((centres,), False, 0.1, (0.6, 0.3, 0.1))
    truth = Truth(tf.constant(points), tf.constant(states), tf.constant(owned), clusters=clusters)
    own = make(**{**ONLY_POINTS, "pseudo_label_weight": 1.0})
    right, wrong = (estimate(tf.constant(points)) for _ in range(2))
    (head,) = right.heads
    right = right._replace(heads=(head._replace(labels=tf.constant([[30.0, 0.0]] * B)),))
    wrong = wrong._replace(heads=(head._replace(labels=tf.constant([[0.0, 30.0]] * B)),))
    assert float(own.loss(right, truth, None)) == pytest.approx(0, abs=1e-5)
    assert float(own.loss(wrong, truth, None)) == pytest.approx(30, rel=1e-3)
