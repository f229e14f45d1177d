"""Learning rates, optimizers and the training step."""

import math
from typing import Any, Optional

import tensorflow as tf

from utility.model import averaging
from utility.training import distribution
from utility.training.schedule import Schedule
from utility.training.settings import TrainingSettings

v1: Any = tf.compat.v1


def learning_rate(step: tf.Tensor, settings: TrainingSettings, length: Schedule, rate_factor: float = 1.0) -> tf.Tensor:
    """Returns the learning rate at a step: a linear warm-up, then the schedule, never below the end rate.

    Args:
        step: scalar integer tensor.
        settings: TrainingSettings. Its boundaries are in epochs, from the start of the schedule.
        length: the Schedule of the training, or of the phase under way.
        rate_factor: what rollbacks left of the rates.

    Returns:
        A float32 scalar.
    """
    step = tf.cast(step, tf.float32) - length.start_step
    full = settings.learning_rate * rate_factor
    warmup_steps = settings.warmup_steps
    if settings.schedule == "cosine":
        steps = max(length.total_steps - length.start_step - warmup_steps, 1)
        progress = tf.clip_by_value((step - warmup_steps) / steps, 0.0, 1.0)
        factor = (1 + tf.cos(progress * math.pi)) / 2
    elif settings.schedule == "piecewise":
        boundaries = [epoch * length.steps_per_epoch for epoch in settings.decay_boundaries]
        passed = sum(tf.cast(step >= boundary, tf.int32) for boundary in boundaries)
        factor = tf.gather(tf.constant(settings.lr_decay_factors, tf.float32), passed)
    else:
        factor = 1.0
    rate = tf.maximum(full * factor, min(settings.end_learning_rate, full))
    if not warmup_steps:
        return rate
    start = min(settings.warmup_learning_rate, full)
    warming = start + (full - start) * step / warmup_steps
    return tf.where(step < warmup_steps, warming, rate)


def make_optimizer(rate: tf.Tensor, settings: TrainingSettings) -> Any:
    """Returns the optimizer that the settings name."""
    name = settings.optimizer
    if name == "momentum":
        return v1.train.MomentumOptimizer(rate, settings.momentum)
    if name == "rmsprop":
        return v1.train.RMSPropOptimizer(rate, decay=0.99, epsilon=1e-8)  # as the hourglass paper's code has it
    if name == "adamw":
        return _AdamW(rate, settings.weight_decay)
    return v1.train.AdamOptimizer(rate)


class _AdamW(v1.train.AdamOptimizer):
    """Adam that first takes rate × decay of every kernel from it (decoupled weight decay: arXiv 1711.05101)."""

    def __init__(self, rate: tf.Tensor, decay: float) -> None:
        super().__init__(rate)
        self._rate, self._decay = rate, decay

    def _resource_apply_dense(self, grad: tf.Tensor, var: tf.Variable) -> tf.Operation:
        if not (self._decay and _decays(var)):
            return super()._resource_apply_dense(grad, var)
        with tf.control_dependencies([grad]):
            decayed = var.assign_sub(self._rate * self._decay * var)
        with tf.control_dependencies([decayed]):
            return super()._resource_apply_dense(grad, var)


def weight_decay_loss(settings: TrainingSettings, variables: Optional[list[tf.Variable]] = None) -> tf.Tensor:
    """Returns weight_decay × half the sum of squares of every convolution kernel; biases and batch norm stay free.

    `variables` are those that are trained; None: all. It is for show: `minimize` adds its gradient by itself. 0 for
    AdamW, whose decay is no part of a loss.
    """
    factor = _loss_decay(settings)
    if not factor:
        return tf.constant(0.0)
    kernels = [variable for variable in variables or v1.trainable_variables() if _decays(variable)]
    return factor * tf.add_n([tf.nn.l2_loss(tf.cast(kernel, tf.float32)) for kernel in kernels])


def _loss_decay(settings: TrainingSettings) -> float:
    return 0.0 if settings.optimizer == "adamw" else settings.weight_decay


def _decays(variable: tf.Variable) -> bool:
    return "kernel" in variable.name.rsplit("/", 1)[-1]


def _with_decay(gradient: tf.Tensor, variable: tf.Variable, factor: float) -> tf.Tensor:
    """Adds the gradient of the weight decay to a variable's gradient."""
    if not factor or not _decays(variable):
        return gradient
    # The replicas' gradients are summed. Computed any earlier, a copy of every kernel would wait in memory.
    share = factor / tf.distribute.get_strategy().num_replicas_in_sync
    with tf.control_dependencies([gradient]):
        return gradient + share * variable


def minimize(
    loss: tf.Tensor,
    rate: tf.Tensor,
    settings: TrainingSettings,
    steps_per_epoch: float,
    variables: Optional[list[tf.Variable]] = None,
) -> tf.Operation:
    """Returns the operation of one training step: weight decay, batch norm's statistics and weight averages included.

    `variables` are those that are trained; None: all.
    A loss or gradient that is not finite makes the step fail (InvalidArgumentError, "... is not finite"), before a
    checkpoint can hold what comes of it.
    """
    global_step = v1.train.get_or_create_global_step()
    optimizer = make_optimizer(rate, settings)
    if _needs_loss_scale(settings):
        optimizer = v1.mixed_precision.MixedPrecisionLossScaleOptimizer(optimizer, "dynamic")
    gradients = optimizer.compute_gradients(_finite(loss, "the loss"), variables)
    if not _needs_loss_scale(settings):  # which meets infinities in its search for the scale, and skips those steps
        gradients = [(_finite(gradient, f"the gradient of {v.name}"), v) for gradient, v in gradients]
    gradients = [(_with_decay(gradient, v, _loss_decay(settings)), v) for gradient, v in gradients]
    if settings.clip_gradients:
        tensors, owners = zip(*gradients)
        gradients = list(zip(_clipped(distribution.sums_over_replicas(tensors), settings.clip_gradients), owners))
    with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
        train_op = optimizer.apply_gradients(gradients, global_step=global_step)
    if settings.moving_average or settings.swa_start_epoch is not None:
        with tf.control_dependencies([train_op]):
            train_op = averaging.update_averages(
                tf.identity(global_step), settings.moving_average, settings.swa_start_epoch, steps_per_epoch
            )
    return train_op


def _clipped(sums: list[tf.Tensor], most: float) -> list[tf.Tensor]:
    """Returns this replica's share of the whole batch's gradient, whose global norm is then `most` at most.

    Args:
        sums: the whole batch's gradient, a list of tensors, the same in every replica.
        most: a float.
    """
    # Of gradients that need clipping most the squares would overflow.
    largest = tf.maximum(tf.reduce_max([tf.reduce_max(tf.abs(tensor)) for tensor in sums]), most)
    scaled = [tensor / largest for tensor in sums]
    factor = tf.minimum(largest, most / tf.maximum(tf.linalg.global_norm(scaled), 1e-30))
    return [tensor * (factor / tf.distribute.get_strategy().num_replicas_in_sync) for tensor in scaled]


def _needs_loss_scale(settings: TrainingSettings) -> bool:
    """Returns whether gradients are computed in float16, whose range is too small for them as they are."""
    return settings.mixed_precision and bool(tf.config.list_physical_devices("GPU"))


def _finite(tensor: tf.Tensor, name: str) -> tf.Tensor:
    return tf.debugging.check_numerics(tensor, f"{name} is not finite")
