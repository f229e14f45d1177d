"""The keys and numbers of the streams, for all seeds and positions."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.input import streams
from preprocessing.input.streams import Stream

SEEDS = st.integers(0, 2**31 - 1)
INDICES = st.integers(0, 2**62)


def public_key(seed, stream, *indices):
    key = tf.constant([seed, stream], tf.int64)
    for index in indices:
        key = tf.random.experimental.stateless_fold_in(key, tf.constant(index, tf.int64), alg="philox")
    return key


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.sampled_from(Stream), st.lists(INDICES, min_size=1, max_size=3), st.integers(0, 20))
def test_keys_and_numbers_are_those_of_tensorflows_public_functions(seed, stream, indices, count):
    key = streams.key(seed, stream, *indices)
    expected = public_key(seed, stream, *indices)
    np.testing.assert_array_equal(key, expected)
    numbers = tf.random.stateless_uniform([count], expected, alg="philox")
    np.testing.assert_array_equal(streams.uniforms(key, [count]), numbers)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.sampled_from(Stream), st.lists(INDICES, min_size=1, max_size=5))
def test_each_position_has_the_number_of_its_key(seed, stream, positions):
    numbers = streams.uniform(seed, stream, positions)
    expected = [float(streams.uniforms(streams.key(seed, stream, position), [])) for position in positions]
    assert numbers.numpy().tolist() == expected
    assert all(0 <= number < 1 for number in expected)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.sampled_from(Stream), INDICES, st.integers(0, 300))
def test_a_permutation_holds_every_number_once(seed, stream, index, count):
    order = streams.permutation(streams.key(seed, stream, index), count)
    assert sorted(order.numpy()) == list(range(count))
