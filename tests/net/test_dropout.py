"""Dropout by the seed and the step: how much, the same again, and the replicas' rows together those of one device."""

import types

import numpy as np
import pytest
import tensorflow as tf

from net.dropout import dropout

v1 = tf.compat.v1


def drop(monkeypatch, rate=0.25, seed=3, step=5, name="a", replicas=1, replica=0, count=64):
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(seed)
        own = v1.train.get_or_create_global_step()
        session.run([v1.global_variables_initializer(), own.assign(step)])
        context = types.SimpleNamespace(num_replicas_in_sync=replicas, replica_id_in_sync_group=replica)
        with monkeypatch.context() as patch:
            patch.setattr(tf.distribute, "get_replica_context", lambda: context)
            dropped = dropout(tf.ones([count, 1, 1, 100]), rate, name)
        session.run(own.assign(step))
        return session.run(dropped)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_and_the_mean_that_stays(monkeypatch, rate):
    values = drop(monkeypatch, rate)
    assert np.mean(values == 0) == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / values.size))
    assert set(np.unique(values)) == {0.0, np.float32(1) / np.float32(1 - rate)}


def test_each_seed_step_and_layer_has_masks_of_its_own(monkeypatch):
    first = drop(monkeypatch)
    assert np.array_equal(first, drop(monkeypatch))
    for change in ({"seed": 4}, {"step": 6}, {"name": "b"}):
        agreeing = np.mean((first > 0) == (drop(monkeypatch, **change) > 0))
        assert agreeing == pytest.approx(0.75**2 + 0.25**2, abs=0.03)  # as of independent ones


def test_replicas_drop_what_one_device_does(monkeypatch):
    parts = [drop(monkeypatch, replicas=2, replica=replica, count=32) for replica in (0, 1)]
    assert np.array_equal(np.concatenate(parts), drop(monkeypatch))
