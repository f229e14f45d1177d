"""Averages of the weights: a moving one, or the mean of the weights at the ends of epochs (SWA: arXiv 1803.05407).

An average stands in the checkpoints beside its variable, under the variable's name and an ending. What evaluates or
predicts uses the moving average where there is one. SWA's needs batch norm's statistics recomputed: the end of the
training does that, and writes a checkpoint in which the averages have the variables' own names.
"""

import math
from collections.abc import Sequence
from typing import Any, Optional

import tensorflow as tf

v1 = tf.compat.v1

MOVING = "/ExponentialMovingAverage"
STOCHASTIC = "/StochasticWeightAverage"
STATISTICS = ("moving_mean", "moving_variance")


def variables_to_restore(checkpoint: str, variables: Sequence[tf.Variable]) -> dict[str, tf.Variable]:
    """Returns {name in the checkpoint: variable} for a tf.compat.v1.train.Saver: averaged weights where there are some.

    Args:
        checkpoint: the prefix of a checkpoint.
        variables: of a net in evaluation.
    """
    names = {name for name, _ in tf.train.list_variables(checkpoint)}
    own = {name_of(variable): variable for variable in variables}
    return {name + MOVING if name + MOVING in names else name: variable for name, variable in own.items()}


def averaged_saver() -> Any:
    """Returns a Saver that restores the net's variables in this graph from their moving averages."""
    net = {name_of(variable) + MOVING: variable for variable in net_variables()}
    return v1.train.Saver({**net, "global_step": v1.train.get_or_create_global_step()})


def net_variables() -> list[tf.Variable]:
    """Returns the variables that make the net in this graph: what is trained, and batch norm's statistics."""
    statistics = [variable for variable in v1.global_variables() if name_of(variable).endswith(STATISTICS)]
    return [*v1.trainable_variables(), *statistics]


def name_of(variable: tf.Variable) -> str:
    """Returns a variable's name, the same in every replica."""
    return variable.name.split(":")[0]


def update_averages(
    step: tf.Tensor, moving_average: float, swa_start_epoch: Optional[float], steps_per_epoch: float
) -> tf.Operation:
    """Returns the operation that takes a step's weights into their average.

    Args:
        step: scalar integer tensor, the number of steps done.
        moving_average: the decay of a moving average; 0: a plain mean of the epochs' ends.
        swa_start_epoch: where that mean begins.
        steps_per_epoch: how many steps pass the training photos once.
    """
    if moving_average:
        ending, rate = MOVING, moving_rate(step, moving_average)
    else:
        ending, rate = STOCHASTIC, stochastic_rate(step, swa_start_epoch or 0, steps_per_epoch)
    updates = []
    for variable in net_variables():
        average = v1.get_variable(
            name_of(variable) + ending,
            variable.shape,
            initializer=v1.zeros_initializer(),
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        updates.append(average.assign_add(rate * (variable - average)))
    return tf.group(*updates)


def moving_rate(step: tf.Tensor, decay: float) -> tf.Tensor:
    """Returns the share of the newest weights: 1 at the first step, then falling to 1 - decay.

    Args:
        step: scalar integer tensor, the number of steps done, from 1.
        decay: the share that the average keeps in the long run.
    """
    step = tf.cast(step, tf.float32)
    return 1.0 - tf.minimum(decay, (step - 1.0) / (step + 9.0))


def stochastic_rate(step: tf.Tensor, start_epoch: float, steps_per_epoch: float) -> tf.Tensor:
    """Returns the share of the newest weights in a plain mean: 1, 1/2, 1/3, ... at ends of epochs, 0 between them.

    Args:
        step: scalar integer tensor, the number of steps done, from 1.
        start_epoch: the mean begins at the first end of an epoch not before this one.
        steps_per_epoch: a float.
    """
    step = tf.cast(step, tf.float64)
    epochs = tf.floor(step / steps_per_epoch)
    ends = epochs > tf.floor((step - 1.0) / steps_per_epoch)
    first = max(math.ceil(start_epoch), 1)
    number = tf.minimum(epochs - first, step - _first_step(first, steps_per_epoch)) + 1.0
    return tf.cast(tf.where(ends & (number >= 1.0), 1.0 / tf.maximum(number, 1.0), 0.0), tf.float32)


def _first_step(epoch: int, steps_per_epoch: float) -> float:
    """Returns the first step at the end of an epoch or after it, as a float; `epoch` where an epoch has a step or more.

    Where it has less, for a batch has more photos than there are, a step ends several epochs, but counts once.
    """
    if steps_per_epoch >= 1:
        return float(epoch)
    step = math.ceil(epoch * steps_per_epoch)
    return float(step - 1 if (step - 1) / steps_per_epoch >= epoch else step)  # the product may be rounded up
