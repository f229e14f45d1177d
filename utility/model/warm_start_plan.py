"""What goes where when a model starts from the weights of another: the plan, its check, and its table."""

import collections
import re
from typing import NamedTuple, Optional

import tensorflow as tf

from base.errors import DataError
from base.wording import some
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
      shape_mismatches: {our variable: why it does not fit}.
      excluded: our variables that were not to be restored.
      unused: the source's variables that nothing of ours is called after.
      fresh: {our variable: keypoints that the source's head lacks}; it keeps its random start.
    """

    copies: dict
    missing: list
    shape_mismatches: dict
    excluded: list
    unused: list
    fresh: dict = {}


def variable_shapes(model):
    """Returns {name: shape} of the variables of a model's net."""
    with tf.Graph().as_default():
        size = model.train_image_size
        images = tf.compat.v1.placeholder(tf.float32, [1, size, size, 3])
        registry.build(model.net, images, len(model.keypoints), False, model.net_options)
        return {variable.op.name: tuple(variable.shape) for variable in tf.compat.v1.global_variables()}


def make_plan(model, keypoints, source_shapes, settings, is_backbone=False):
    """Decides for each variable of a model where its first value comes from.

    Args:
      model: the ModelDescription of the new model.
      keypoints: of the source, where it is a model of ours; None where they are not known.
      source_shapes: {name: shape} in the source.
      settings: TrainingSettings: the scopes.
      is_backbone: whether the source is a backbone alone, of which the net may have several.

    Returns:
      A `Plan`.
    """
    plan = Plan({}, [], {}, [], [], {})
    before = registry.get_net(model.net).backbone_scopes if is_backbone else ""
    for name, shape in variable_shapes(model).items():
        theirs = _name_in_source(name, settings, before)
        if theirs is None:
            plan.excluded.append(name)
            continue
        # A variable's moving average, kept beside it, is the better start.
        theirs = theirs + averaging.MOVING if theirs + averaging.MOVING in source_shapes else theirs
        if theirs not in source_shapes:
            plan.missing.append(name)
            continue
        unknown = _unknown_keypoints(name, model, keypoints)
        if unknown:
            plan.fresh[name] = unknown
            continue
        copy = _slice_by_keypoints(name, theirs, model, keypoints) or Copy(theirs)
        fitting = list(source_shapes[theirs])
        if copy.axis is not None:
            fitting[copy.axis] = len(copy.indices)
        if tuple(fitting) == shape:
            plan.copies[name] = copy
        else:
            plan.shape_mismatches[name] = f"{source_shapes[theirs]} does not fit {shape}"
    used = {_name_in_source(name, settings, before) for name in (*plan.copies, *plan.shape_mismatches, *plan.fresh)}
    plan.unused.extend(sorted(name for name in source_shapes if name not in used and _is_weight(name)))
    return plan


def _is_weight(name):
    """Tells a net's own variables from what the optimizer keeps beside them."""
    return name.rsplit("/", 1)[-1] in _WEIGHTS


def _name_in_source(name, settings, before=""):
    """Returns what our variable is called in the source, `before` being left out; None: it shall not be restored."""
    if any(_within(name, scope) for scope in settings.checkpoint_exclude_scopes):
        return None
    ours, theirs = settings.model_scope.strip("/"), settings.checkpoint_model_scope.strip("/")
    if not _within(name, ours):
        return None
    rest = re.sub(f"^(?:{before})", "", name[len(ours) :].lstrip("/"))
    return f"{theirs}/{rest}" if theirs else rest


def _within(name, scope):
    scope = scope.strip("/")
    return not scope or name == scope or name.startswith(scope + "/")


def _unknown_keypoints(name, model, there):
    """Returns the keypoints of a head that the source does not have.

    As many channels in both would fit, but each would begin with the weights of another keypoint.
    """
    if there is None or _keypoint_axis(name, model.net) is None:
        return []
    return [keypoint for keypoint in model.keypoints if keypoint not in there]


def _slice_by_keypoints(name, theirs, model, there):
    """Returns the `Copy` of a head whose keypoints differ from the source's; None where there is nothing to slice."""
    here = model.keypoints
    axis = _keypoint_axis(name, model.net)
    if axis is None or there is None or there == here:
        return None
    return Copy(theirs, axis, tuple(there.index(keypoint) for keypoint in here))


def _keypoint_axis(name, net):
    """Returns the axis of a variable along which its net's keypoints lie; None where it knows of no keypoints."""
    net = registry.get_net(net)
    if re.match(net.keypoint_outputs, name):
        return 3 if name.endswith("kernel") else 0
    if net.keypoint_inputs and re.match(net.keypoint_inputs, name):
        return 2
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
    faults = [f"{name}: {reason}" for name, reason in plan.shape_mismatches.items()]
    if not is_backbone:
        faults += [f"{name}: is missing" for name in plan.missing]
    if faults or not plan.copies:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        where = "; ".join(faults[:_SHOWN]) + more or "no variable of this net is in it"
        advice = "leave scopes out with --checkpoint_exclude_scopes, or start anyway with --ignore_missing_vars"
        raise DataError(prefix, where, advice)


def table(plan):
    """Returns the lines of the table of a warm start: variables by scope, each that does not fit or starts fresh."""
    columns = {
        "restored": [name for name, copy in plan.copies.items() if copy.axis is None],
        "sliced": [name for name, copy in plan.copies.items() if copy.axis is not None],
        "missing": plan.missing,
        "not fitting": list(plan.shape_mismatches),
        "excluded": plan.excluded,
        "unused": plan.unused,
        "fresh": list(plan.fresh),
    }
    counts = {column: collections.Counter(map(_scope, names)) for column, names in columns.items()}
    scopes = sorted({scope for counter in counts.values() for scope in counter})
    width = max(map(len, [*scopes, "variables"]))
    rows = [[f"{'variables':{width}}", *columns]]
    rows += [
        [f"{scope:{width}}", *(f"{counts[column][scope]:{len(column)}}" for column in columns)] for scope in scopes
    ]
    lines = ["  " + "  ".join(row) for row in rows]
    lines += [f"  {name}: {reason}" for name, reason in plan.shape_mismatches.items()]
    return lines + [
        f"  {name}: starts fresh, the source has no {some(lacks, _SHOWN)}" for name, lacks in plan.fresh.items()
    ]


def _scope(name):
    return "/".join(name.split("/")[:2])
