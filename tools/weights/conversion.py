"""Turns the arrays of a file of weights into the variables of a backbone."""

import numpy as np
import tensorflow as tf

from base.errors import DataError, DataErrors
from net import backbones
from net.layers import Layers
from tools.weights import sources
from tools.weights.layouts import layout

_TORCH_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def convert(path, backbone):
    """Reads a file of weights for a backbone.

    Args:
      path: a file that `sources.read` knows.
      backbone: one of `backbones.names`.

    Returns:
      ({variable name: float32 array}, the `Layout` that they were read by).

    Raises:
      DataError: no such file of this backbone is known, or a layer in it is not like the backbone's.
      DataErrors: arrays are missing, too many (of a deeper net), or of another shape.
    """
    style, arrays = sources.read(path)
    found = layout(backbone, style, set(arrays))
    if found is None:
        raise DataError(path, None, f"is of {style}: no such file of {backbone} is known")
    _check_names(path, arrays, found, backbone, style)
    variables = {}
    for unit in found.units:
        variables.update(_unit_variables(path, arrays, unit, style))
    _check_shapes(path, variables, backbone)
    _check_numbers(path, variables)
    if style == sources.KERAS:
        stem = found.first_kernel
        variables[stem] = variables[stem][:, :, ::-1]  # for photos in RGB instead of BGR
    return variables, found


def _check_names(path, arrays, found, backbone, style):
    needed = {name for unit in found.units for name in _names(unit, style)}
    missing = sorted(needed - set(arrays))
    strange = sorted(name for name in set(arrays) - needed if not name.startswith(found.ignored))
    faults = [DataError(path, name, f"is missing: expected the weights of a whole {backbone}") for name in missing]
    faults += [DataError(path, name, f"is unknown to {backbone}: these are of another net") for name in strange]
    if faults:
        raise DataErrors(faults)


def _names(unit, style):
    if style == sources.KERAS:
        return [unit.conv, unit.norm] if unit.norm else [unit.conv]
    if not unit.norm:
        return [f"{unit.conv}.weight", f"{unit.conv}.bias"]
    return [f"{unit.conv}.weight", *(f"{unit.norm}.{part}" for part in _TORCH_NORM.values())]


def _unit_variables(path, arrays, unit, style):
    try:
        parts = (_torch_unit if style == sources.TORCH else _keras_unit)(arrays, unit)
    except ValueError as error:
        kind = "a batch norm" if unit.norm else "a bias"
        raise DataError(path, unit.conv, f"is no convolution with {kind}: {error}") from error
    return {f"{unit.scope}/{part}": array for part, array in parts.items()}


def _torch_unit(arrays, unit):
    """Returns a unit's variables by name: [O, I, h, w] becomes [h, w, I, O], or [h, w, O, I] where it is depthwise."""
    kernel = arrays[f"{unit.conv}.weight"]
    if not unit.norm:
        return {"kernel": np.transpose(kernel, (2, 3, 1, 0)), "bias": arrays[f"{unit.conv}.bias"]}
    if unit.scope.endswith("/depthwise"):
        parts = {"depthwise_kernel": np.transpose(kernel, (2, 3, 0, 1))}
    else:
        parts = {"conv/kernel": np.transpose(kernel, (2, 3, 1, 0))}
    return {**parts, **{f"norm/{ours}": arrays[f"{unit.norm}.{theirs}"] for ours, theirs in _TORCH_NORM.items()}}


def _keras_unit(arrays, unit):
    if not unit.norm:
        kernel, bias = arrays[unit.conv]
        return {"kernel": kernel, "bias": bias}
    kernel, *bias = arrays[unit.conv]
    gamma, beta, mean, variance = arrays[unit.norm]
    if any(array.shape != mean.shape for array in bias):
        raise ValueError(f"its bias has the shape {bias[0].shape}, its mean {mean.shape}")
    return {
        "conv/kernel": kernel,
        "norm/gamma": gamma,
        "norm/beta": beta,
        # The norm subtracts its mean, so a bias before it is the same as a smaller mean.
        "norm/moving_mean": mean - bias[0] if bias else mean,
        "norm/moving_variance": variance,
    }


def _check_shapes(path, variables, backbone):
    shapes = backbone_shapes(backbone)
    faults = [
        DataError(path, name, f"gets the shape {variables[name].shape}: {backbone} has {shape}")
        for name, shape in shapes.items()
        if name in variables and variables[name].shape != shape
    ]
    if faults:
        raise DataErrors(faults)


def _check_numbers(path, variables):
    wrong = [name for name, array in variables.items() if not np.isfinite(array).all()]
    if wrong:
        raise DataErrors(DataError(path, name, "expected finite numbers, got infinite ones or NaN") for name in wrong)


def backbone_shapes(backbone):
    """Returns {variable name: shape} of the backbone by itself."""
    with tf.Graph().as_default():
        images = tf.compat.v1.placeholder(tf.float32, [1, 64, 64, 3])
        backbones.build(backbone, Layers(is_training=False), images)  # its options change no variable
        return {variable.op.name: tuple(variable.shape) for variable in tf.compat.v1.global_variables()}
