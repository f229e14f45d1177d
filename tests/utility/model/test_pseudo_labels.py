"""Pseudo-labels: k-means finds groups that there are, whatever is absent, and labels are of the nearest."""

import numpy as np
import pytest
import tensorflow as tf

from net.coordinates import Estimate, Head
from utility.model import pseudo_labels
from utility.model.codec import Truth
from utility.model.pseudo_labels import Clusters

KEYPOINTS, GROUPS, EACH = 5, 4, 60


@pytest.fixture(scope="module")
def groups():
    """(ways, present, centres, group of each way): noise around far centres; a third of the keypoints is absent."""
    random = np.random.default_rng(0)
    centres = random.uniform(-0.5, 0.5, [GROUPS, KEYPOINTS, 2])
    group = np.repeat(np.arange(GROUPS), EACH)
    ways = centres[group] + random.normal(0, 0.02, [len(group), KEYPOINTS, 2])
    present = random.uniform(size=[len(group), KEYPOINTS]) < 2 / 3
    ways[~present] = random.uniform(-9, 9, [(~present).sum(), 2])  # means nothing
    return ways.astype(np.float32), present, centres, group


def test_the_groups_are_found(groups):
    ways, present, centres, _ = groups
    found = pseudo_labels.find_centres(ways, present, GROUPS, seed=1)
    order = [np.abs(found - centre).max((1, 2)).argmin() for centre in centres]
    assert sorted(order) == list(range(GROUPS))
    np.testing.assert_allclose(found[order], centres, atol=0.02)


def test_a_seed_gives_the_same_centres_and_more_clusters_less_distance(groups):
    ways, present, *_ = groups
    spreads = []
    for count in (1, 2, 4, 8):
        found = pseudo_labels.find_centres(ways, present, count, seed=2)
        np.testing.assert_array_equal(found, pseudo_labels.find_centres(ways, present, count, seed=2))
        distances = ((ways[:, None] - found) ** 2).sum(-1) * present[:, None]
        spreads.append(distances.sum(-1).min(1).mean())
    assert spreads == sorted(spreads, reverse=True)


def test_more_clusters_than_samples():
    ways = np.zeros([2, 1, 2], np.float32)
    assert pseudo_labels.find_centres(ways, np.ones([2, 1], bool), 5, seed=0).shape == (5, 1, 2)


def head(ways, points, labels=GROUPS):
    logits = tf.zeros([len(ways), labels])
    return Head(points - ways, points, tf.zeros([len(ways), KEYPOINTS, 3]), logits, 1.0)


def truth(ways, present, points, clusters=None):
    visibility = np.where(present, 1, -1).astype(np.int32)
    return Truth(tf.constant(points), tf.constant(visibility), tf.ones(present.shape, tf.bool), clusters=clusters)


def test_labels_are_of_the_nearest_centre_by_what_is_present(groups):
    ways, present, centres, group = groups
    seen = present.any(1)  # without any, no centre is nearer than another
    points = np.float32(np.random.default_rng(1).uniform(size=ways.shape))
    own = truth(ways, present, points)
    hard = pseudo_labels.targets(head(ways, points), own, np.float32(centres), is_soft=False).numpy()
    assert np.mean(hard[seen].argmax(1) == group[seen]) > 0.97
    assert set(np.unique(hard)) == {0.0, 1.0}
    soft = pseudo_labels.targets(head(ways, points), own, np.float32(centres), is_soft=True).numpy()
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(soft[seen].argmax(1), hard[seen].argmax(1))


def test_easy_and_hard_images_are_divided_at_the_median(groups):
    ways, present, centres, _ = groups
    lengths = pseudo_labels.lengths(ways, present)
    np.testing.assert_allclose(pseudo_labels.lengths(tf.constant(ways), tf.constant(present)), lengths, rtol=1e-5)
    by_hand = [np.mean([np.hypot(*way) for way in row[seen]]) if seen.any() else 0 for row, seen in zip(ways, present)]
    np.testing.assert_allclose(lengths, by_hand, rtol=1e-5)
    median = float(np.median(lengths))
    clusters = Clusters((centres, centres), False, median, (1, 0, 0))
    points = np.zeros_like(ways)
    own = truth(ways, present, points, clusters)
    both = Estimate(None, None, (head(ways, points), head(ways, points)))
    easy, hard = (part.numpy() for part in pseudo_labels.shares(both, own))
    np.testing.assert_array_equal(easy + hard, 1)
    np.testing.assert_array_equal(hard, lengths > median)
    assert hard.mean() == pytest.approx(0.5, abs=0.01)
    (alone,) = pseudo_labels.shares(Estimate(None, None, both.heads[:1]), own)
    np.testing.assert_array_equal(alone, 1)
