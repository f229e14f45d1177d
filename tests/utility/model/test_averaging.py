"""Averages of weights against the same averages in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from utility.model import averaging

v1 = tf.compat.v1


def test_moving_rate_is_one_at_first_and_one_minus_decay_in_the_long_run():
    rates = [float(averaging.moving_rate(tf.constant(step), 0.99)) for step in (1, 2, 11, 10**6)]
    assert rates == pytest.approx([1.0, 1 - 1 / 11, 1 - 10 / 20, 0.01])


def test_stochastic_rates_make_a_plain_mean_of_the_ends_of_epochs():
    rates = [float(averaging.stochastic_rate(tf.constant(step), 2, 2.5)) for step in range(1, 14)]
    # Epochs end at steps 2.5, 5, 7.5, 10, 12.5; the mean begins with the end of the second.
    expected = [0, 0, 0, 0, 1, 0, 0, 1 / 2, 0, 1 / 3, 0, 0, 1 / 4]
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize("start", [0, 1, 2, 2.5, 7])
@pytest.mark.parametrize("steps_per_epoch", [0.1, 1 / 3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.5, 2.5, 7.0])
def test_every_end_of_an_epoch_has_the_same_share_of_the_mean(start, steps_per_epoch):
    steps = np.arange(1, 80)
    rates = averaging.stochastic_rate(tf.constant(steps), start, steps_per_epoch).numpy()
    epochs = np.floor(np.arange(80) / steps_per_epoch)
    ends = (np.diff(epochs) > 0) & (epochs[1:] >= max(start, 1))
    assert rates == pytest.approx(np.where(ends, 1 / np.maximum(np.cumsum(ends), 1), 0))


def run_updates(values, moving_average=0.0, swa_start_epoch=None):
    """Returns the average of a weight that takes one value after the other."""
    with tf.Graph().as_default(), v1.Session() as session:
        weight = v1.get_variable("scope/kernel", [], initializer=v1.zeros_initializer())
        step = v1.placeholder(tf.int64, [])
        update = averaging.update_averages(step, moving_average, swa_start_epoch, 1.0)
        session.run(v1.global_variables_initializer())
        for number, value in enumerate(values, start=1):
            weight.load(value, session)
            session.run(update, {step: number})
        (average,) = (variable for variable in v1.global_variables() if variable is not weight)
        return average.op.name, session.run(average)


def test_moving_average_follows_its_recursion():
    values, average = [4.0, 8.0, 1.0, 5.0], 0.0
    for number, value in enumerate(values, start=1):
        decay = min(0.9, (number - 1) / (number + 9))
        average = decay * average + (1 - decay) * value
    assert run_updates(values, moving_average=0.9) == ("scope/kernel/ExponentialMovingAverage", pytest.approx(average))


def test_stochastic_average_is_the_mean_from_its_start():
    name, average = run_updates([100.0, 4.0, 8.0, 3.0], swa_start_epoch=2)
    assert name == "scope/kernel/StochasticWeightAverage"
    assert average == pytest.approx(5.0)


def test_restoring_prefers_the_moving_average(tmp_path):
    with tf.Graph().as_default(), v1.Session() as session:
        v1.get_variable("a/kernel", initializer=1.0)
        v1.get_variable("a/kernel/ExponentialMovingAverage", initializer=2.0)
        v1.get_variable("a/bias", initializer=3.0)
        session.run(v1.global_variables_initializer())
        checkpoint = v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
    with tf.Graph().as_default(), v1.Session() as session:
        variables = [v1.get_variable(name, initializer=0.0) for name in ("a/kernel", "a/bias")]
        v1.train.Saver(averaging.variables_to_restore(checkpoint, variables)).restore(session, checkpoint)
        np.testing.assert_equal(session.run(variables), [2.0, 3.0])
