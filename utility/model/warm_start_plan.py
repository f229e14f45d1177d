"""What goes where when a model starts from the weights of another: the plan, its check, and its table."""

import collections
import re
from typing import NamedTuple, Optional

import tensorflow as tf

from base.errors import DataError
from net import registry
from utility.model import averaging

_WEIGHTS = ("kernel", "depthwise_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
_SHOWN = 5  # names in an error


class Copy(NamedTuple):
    """How one of our variables gets its value: from which name, and which slice along an axis (axis None: whole)."""

    name: str
    axis: Optional[int] = None
    indices: tuple = ()


class Plan(NamedTuple):
    """What a warm start will do.

    Attributes:
      copies: {our variable: Copy}.
      missing: our variables that the source lacks.
      misfits: {our variable: why it does not fit}.
      excluded: our variables that were not to be restored.
      unused: the source's variables that nothing of ours is called after.
    """

    copies: dict
    missing: list
    misfits: dict
    excluded: list
    unused: list


def variable_shapes(model):
    """Returns {name: shape} of the variables of a model's net."""
    with tf.Graph().as_default():
        size = model["train_image_size"]
        images = tf.compat.v1.placeholder(tf.float32, [1, size, size, 3])
        registry.get_net(model["net"]).build(images, len(model["keypoints"]), False, **model["net_options"])
        return {variable.op.name: tuple(variable.shape) for variable in tf.compat.v1.global_variables()}


def make_plan(model, description, source_shapes, settings):
    """Decides for each variable of a model where its first value comes from.

    Args:
      model: the new model's description.
      description: of the source, where it is a model of ours; else without `keypoints`.
      source_shapes: {name: shape} in the source.
      settings: the flags of the group `warm start`, by name.

    Returns:
      A `Plan`.
    """
    plan = Plan({}, [], {}, [], [])
    for name, shape in variable_shapes(model).items():
        theirs = _name_in_source(name, settings)
        if theirs is None:
            plan.excluded.append(name)
            continue
        # A variable's moving average, kept beside it, is the better start.
        theirs = theirs + averaging.MOVING if theirs + averaging.MOVING in source_shapes else theirs
        if theirs not in source_shapes:
            plan.missing.append(name)
            continue
        copy = _slice_by_keypoints(name, theirs, model, description) or Copy(theirs)
        fitting = list(source_shapes[theirs])
        if copy.axis is not None:
            fitting[copy.axis] = len(copy.indices)
        if tuple(fitting) == shape:
            plan.copies[name] = copy
        else:
            plan.misfits[name] = f"{source_shapes[theirs]} does not fit {shape}"
    used = {_name_in_source(name, settings) for name in (*plan.copies, *plan.misfits)}
    plan.unused.extend(sorted(name for name in source_shapes if name not in used and _is_weight(name)))
    return plan


def _is_weight(name):
    """Tells a net's own variables from what the optimizer keeps beside them."""
    return name.rsplit("/", 1)[-1] in _WEIGHTS


def _name_in_source(name, settings):
    """Returns what our variable is called in the source; None: it shall not be restored."""
    if any(_within(name, scope) for scope in settings["checkpoint_exclude_scopes"]):
        return None
    ours, theirs = settings["model_scope"].strip("/"), settings["checkpoint_model_scope"].strip("/")
    if not _within(name, ours):
        return None
    rest = name[len(ours) :].lstrip("/")
    return f"{theirs}/{rest}" if theirs else rest


def _within(name, scope):
    scope = scope.strip("/")
    return not scope or name == scope or name.startswith(scope + "/")


def _slice_by_keypoints(name, theirs, model, description):
    """Returns the `Copy` of a head whose keypoints differ from the source's; None where there is nothing to slice."""
    there, here = description.get("keypoints"), model["keypoints"]
    if there is None or there == here or not set(here) <= set(there):
        return None
    net = registry.get_net(model["net"])
    indices = tuple(there.index(keypoint) for keypoint in here)
    if re.match(net.keypoint_outputs, name):
        return Copy(theirs, 3 if name.endswith("kernel") else 0, indices)
    if net.keypoint_inputs and re.match(net.keypoint_inputs, name):
        return Copy(theirs, 2, indices)
    return None


def check(plan, prefix, is_backbone):
    """Refuses a plan that does not restore everything that was asked for.

    Args:
      plan: a `Plan`.
      prefix: of the source, for the error.
      is_backbone: whether the source is a backbone, which the rest of the net cannot come from.

    Raises:
      DataError: names what is missing or does not fit, and what to do about it.
    """
    faults = [f"{name}: {reason}" for name, reason in plan.misfits.items()]
    if not is_backbone:
        faults += [f"{name}: is missing" for name in plan.missing]
    if faults or not plan.copies:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        where = "; ".join(faults[:_SHOWN]) + more or "no variable of this net is in it"
        advice = "leave scopes out with --checkpoint_exclude_scopes, or start anyway with --ignore_missing_vars"
        raise DataError(prefix, where, advice)


def table(plan):
    """Returns the lines of the table of a warm start: variables by scope, and each that does not fit."""
    columns = {
        "restored": [name for name, copy in plan.copies.items() if copy.axis is None],
        "sliced": [name for name, copy in plan.copies.items() if copy.axis is not None],
        "missing": plan.missing,
        "not fitting": list(plan.misfits),
        "excluded": plan.excluded,
        "unused": plan.unused,
    }
    counts = {column: collections.Counter(map(_scope, names)) for column, names in columns.items()}
    scopes = sorted({scope for counter in counts.values() for scope in counter})
    width = max(map(len, [*scopes, "variables"]))
    rows = [[f"{'variables':{width}}", *columns]]
    rows += [
        [f"{scope:{width}}", *(f"{counts[column][scope]:{len(column)}}" for column in columns)] for scope in scopes
    ]
    lines = ["  " + "  ".join(row) for row in rows]
    return lines + [f"  {name}: {reason}" for name, reason in plan.misfits.items()]


def _scope(name):
    return "/".join(name.split("/")[:2])
