"""Learning rates as curves, the optimizers and the step against values worked out by hand."""

import contextlib
from dataclasses import replace

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from utility.training import optimization
from utility.training.schedule import Schedule
from utility.training.settings import TrainingSettings

v1 = tf.compat.v1

SETTINGS = TrainingSettings(
    optimizer="momentum",
    momentum=0.9,
    learning_rate=0.1,
    end_learning_rate=1e-3,
    warmup_learning_rate=0.02,
    warmup_steps=4,
    schedule="piecewise",
    decay_boundaries=(1.0, 2.0),
    lr_decay_factors=(1.0, 0.5, 0.001),
    weight_decay=0.0,
)
LENGTH = Schedule(steps_per_epoch=10.0, total_steps=24, steps_per_eval=24)


def rates(steps, steps_per_epoch=10.0, rate_factor=1.0, **changes):
    settings, length = replace(SETTINGS, **changes), replace(LENGTH, steps_per_epoch=steps_per_epoch)
    return [float(optimization.learning_rate(tf.constant(step), settings, length, rate_factor)) for step in steps]


def test_piecewise_rate_warms_up_drops_at_epochs_and_keeps_above_the_end():
    expected = [0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.05, 0.05, 1e-3, 1e-3]
    assert rates([0, 1, 2, 3, 4, 9, 10, 19, 20, 1000]) == pytest.approx(expected)


def test_boundaries_may_lie_within_a_step_of_a_broken_epoch():
    assert rates([7, 8], steps_per_epoch=7.5) == pytest.approx([0.1, 0.05])


def test_cosine_rate_falls_from_the_warm_up_to_the_end():
    # 20 steps after the warm-up: half way at 14, a quarter at 9.
    expected = [0.1, 0.1 * (1 + np.cos(np.pi / 4)) / 2, 0.05, 1e-3, 1e-3]
    assert rates([4, 9, 14, 24, 100], schedule="cosine") == pytest.approx(expected)


def test_constant_rate_without_warm_up():
    assert rates([0, 100], schedule="constant", warmup_steps=0) == pytest.approx([0.1, 0.1])


def test_warm_up_never_starts_above_the_full_rate():
    assert rates([0, 2, 4], learning_rate=0.01) == pytest.approx([0.01, 0.01, 0.01])


def test_rollbacks_scale_the_whole_curve():
    whole = rates([2, 5, 12])
    assert rates([2, 5, 12], rate_factor=0.5)[1:] == pytest.approx([rate / 2 for rate in whole[1:]])


def run_steps(num_steps, gradient=(3.0, 4.0), factor=1.0, **changes):
    """Minimises factor × gradient · weights from weights 0 and returns the weights after each step."""
    settings = replace(SETTINGS, warmup_steps=0, schedule="constant", **changes)
    with tf.Graph().as_default(), v1.Session() as session:
        weights = v1.get_variable("weights", [2], initializer=v1.zeros_initializer())
        factor = tf.constant(factor)
        loss = factor * tf.reduce_sum(weights * gradient)
        train_op = optimization.minimize(loss, tf.constant(0.1), settings, 2.0)
        session.run(v1.global_variables_initializer())
        seen = []
        for _ in range(num_steps):
            session.run(train_op)
            seen.append(session.run(weights))
        return np.array(seen), session.run(v1.train.get_global_step())


def test_momentum_follows_its_formula():
    weights, step = run_steps(3)
    # v = 0.9 v + g: 1, 1.9, 2.71 gradients; the weights go down by 0.1 of each.
    np.testing.assert_allclose(weights[:, 0], -0.3 * np.cumsum([1, 1.9, 2.71]), rtol=1e-6)
    assert step == 3


def test_first_adam_step_is_the_rate_itself():
    weights, _ = run_steps(1, optimizer="adam")
    np.testing.assert_allclose(weights, [[-0.1, -0.1]], rtol=1e-4)


def test_first_rmsprop_step_is_the_rate_over_the_root_of_its_share():
    weights, _ = run_steps(1, optimizer="rmsprop")
    # TensorFlow's mean square starts at 1: 0.99 + 0.01 g² of g = 3 and 4.
    np.testing.assert_allclose(weights, [[-0.3 / np.sqrt(0.99 + 0.09), -0.4 / np.sqrt(0.99 + 0.16)]], rtol=1e-5)


def test_clipping_bounds_the_global_norm():
    weights, _ = run_steps(1, clip_gradients=1.0)  # the gradient (3, 4) has norm 5
    np.testing.assert_allclose(weights, [[-0.06, -0.08]], rtol=1e-6)


@pytest.fixture(scope="module", params=[1, 2])
def clipped_step(request):
    """Returns a function(gradients of the two halves of a batch [2, 3]) -> the weights after a step from 0.

    The step has a rate of 0.5 and a largest norm of 1; the halves are on one device or on two.
    """
    settings = replace(SETTINGS, momentum=0.0, clip_gradients=1.0)
    strategy = tf.distribute.MirroredStrategy(
        [f"/cpu:{number}" for number in range(request.param)], tf.distribute.ReductionToOneDevice()
    )
    with tf.Graph().as_default() as graph, strategy.scope():
        halves = v1.placeholder(tf.float32, [2, 3])

        def replica():
            place = tf.distribute.get_replica_context().replica_id_in_sync_group
            mine = halves[place] if request.param == 2 else halves[0] / 2 + halves[1] / 2
            weights = v1.get_variable("weights", [3], initializer=v1.zeros_initializer())
            loss = tf.reduce_sum(weights * mine) / request.param  # as an Estimator does
            return optimization.minimize(loss, tf.constant(0.5), settings, 2.0), weights

        steps, weights = strategy.extended.call_for_each_replica(replica)
        step, initializer = strategy.group(steps), v1.global_variables_initializer()
        copies = strategy.experimental_local_results(weights)
    session = v1.Session(graph=graph, config=v1.ConfigProto(device_count={"CPU": 2}))

    def run(gradients):
        session.run(initializer)
        session.run(step, {halves: gradients})
        return session.run(copies)

    with contextlib.closing(session):
        yield run


COMPONENTS = st.sampled_from([0.0, -1e-30, 1e-6, 0.3, -0.9, 2.0, -50.0, 1e15, -1e25, 1e38])
COMPONENTS |= st.floats(-10, 10, width=32)


@hypothesis.settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
@hypothesis.given(gradients=st.lists(st.tuples(COMPONENTS, COMPONENTS, COMPONENTS), min_size=2, max_size=2))
def test_the_whole_batchs_gradient_is_clipped_on_one_device_and_on_two(clipped_step, gradients):
    mean = np.mean(np.array(gradients, np.float32), axis=0, dtype=np.float64)
    norm = np.sqrt(np.sum(mean**2))
    for weights in clipped_step(gradients):
        np.testing.assert_allclose(weights, -0.5 * mean / max(1.0, norm), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_refused(factor):
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not finite"):
        run_steps(1, factor=factor)


def test_a_step_decays_kernels_by_the_gradient_of_that_loss():
    settings = replace(SETTINGS, weight_decay=0.5)
    with tf.Graph().as_default(), v1.Session() as session:
        names = ("dense/kernel", "norm/gamma")
        variables = [v1.get_variable(name, [], initializer=v1.constant_initializer(2.0)) for name in names]
        train_op = optimization.minimize(3.0 * tf.add_n(variables), tf.constant(0.1), settings, 2.0)
        session.run(v1.global_variables_initializer())
        session.run(train_op)
        # 2 - 0.1 · (3 + 0.5 · 2), and without decay 2 - 0.1 · 3
        assert session.run(variables) == pytest.approx([1.6, 1.7])


def test_adamw_is_that_of_keras():
    start, gradients, decay, rates = [2.0, -3.0], [[0.5, -1.0], [0.1, 4.0], [-2.0, 0.0]], 0.4, [0.1, 0.2, 0.05]
    reference = [tf.Variable(start), tf.Variable(start)]
    keras = tf.keras.optimizers.AdamW(weight_decay=decay, epsilon=1e-8)
    keras.exclude_from_weight_decay([reference[1]])
    for gradient, rate in zip(gradients, rates):
        keras.learning_rate = rate
        keras.apply_gradients([(tf.constant(gradient), variable) for variable in reference])
    expected = [variable.numpy() for variable in reference]
    settings = replace(SETTINGS, optimizer="adamw", weight_decay=decay)
    with tf.Graph().as_default(), v1.Session() as session:
        own = [v1.get_variable(name, initializer=tf.constant(start)) for name in ("dense/kernel", "norm/gamma")]
        gradient, rate = v1.placeholder(tf.float32, [2]), v1.placeholder(tf.float32, [])
        loss = tf.add_n([tf.reduce_sum(gradient * variable) for variable in own])
        train_op, shown = optimization.minimize(loss, rate, settings, 2.0), optimization.weight_decay_loss(settings)
        session.run(v1.global_variables_initializer())
        for values in zip(gradients, rates):
            session.run(train_op, dict(zip((gradient, rate), values)))
        np.testing.assert_allclose(session.run(own), expected, rtol=1e-5)
        assert session.run(shown) == 0


def test_weight_decay_is_half_the_squares_of_kernels_only():
    with tf.Graph().as_default(), v1.Session() as session:
        for name in ("dense/kernel", "dense/bias", "norm/gamma", "norm/beta"):
            v1.get_variable(name, [2], initializer=v1.constant_initializer(3.0))
        loss = optimization.weight_decay_loss(replace(SETTINGS, weight_decay=0.1))
        session.run(v1.global_variables_initializer())
        assert session.run(loss) == pytest.approx(0.1 * (9 + 9) / 2)
