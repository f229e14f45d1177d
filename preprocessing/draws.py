"""Random draws of the training input, and what they do to the geometry of a photo.

Everything random comes from one vector of uniform numbers per example, keyed by (seed, position): no state, so the
same position always gets the same draws, whatever the number of threads and wherever training was resumed.
"""

import math

import tensorflow as tf

from configs import keypoints
from configs.flag_table import GROUPS
from preprocessing import geometry

# The options of the augmentation and their values where a caller gives none.
DEFAULTS = {flag.name: flag.default for flag in GROUPS["augmentation"] if flag.name != "augment"}

_DRAWS = (
    "flip", "rotate", "degrees", "crop", "color", "brightness", "saturation", "hue", "contrast", "order", "method"
)  # fmt: skip


def options(changes):
    """Returns DEFAULTS with the values of `changes`; raises ValueError for a name that is not among them."""
    unknown = changes.keys() - DEFAULTS.keys()
    if unknown:
        raise ValueError(f"no option of the augmentation: {', '.join(sorted(unknown))}")
    return {**DEFAULTS, **changes}


def options_from(flags):
    """Returns the options that the flags {name: value} ask for, None where `augment` is off."""
    return {name: flags[name] for name in DEFAULTS} if flags["augment"] else None


def draw(seed, position):
    """Returns {name: scalar uniform in [0, 1)} for the example at a position of the training.

    Args:
        seed: int, the run's seed.
        position: scalar int64, the example's number since the start of the training.
    """
    uniform = tf.random.stateless_uniform([len(_DRAWS)], seed=_key(seed, position))
    return dict(zip(_DRAWS, tf.unstack(uniform)))


def sample_matrix(points, labelled, image_size, target_size, draws, options, seed, position):
    """Draws the rotation, the crop and the flip of an example.

    Args:
        points: float32 [24, 2], in the photo's plane.
        labelled: bool [24], which of them the photo has.
        image_size: float32 [2] (width, height) of the photo.
        target_size: int, height and width of the network's input.
        draws: what `draw` returned.
        options: the dict of augmentation options (DEFAULTS has them all).
        seed, position: the key of the crop's own draws.

    Returns:
        to_input: float32 [2, 3], from the photo's plane to the input's.
        flipped: scalar bool; the caller exchanges left and right keypoints.
    """
    turn = _sample_rotation(points, labelled, image_size, draws, options)
    crop = _sample_crop(geometry.apply(turn, points), labelled, image_size, draws, options, _key(seed, position))
    left, top, width, height = tf.unstack(crop)
    to_input = geometry.compose(turn, geometry.cropping(left, top, width, height, target_size, target_size))
    flipped = draws["flip"] < options["flip_probability"]
    mirror = geometry.mirroring(float(target_size))
    return tf.where(flipped, geometry.compose(to_input, tf.constant(mirror, tf.float32)), to_input), flipped


def flip_keypoints(values):
    """Returns [24, ...] values with those of left and right keypoints exchanged."""
    return tf.gather(values, keypoints.flip_permutation(keypoints.ALL))


def color_amounts(draws, options):
    """Returns the amounts that `color.distort` takes, {name: scalar}.

    Args:
        draws: what `draw` returned.
        options: the dict of augmentation options.
    """
    return {
        "brightness": _uniform_between(draws["brightness"], -options["brightness"], options["brightness"]),
        "saturation": _uniform_between(draws["saturation"], *options["saturation"]),
        "hue": _uniform_between(draws["hue"], -options["hue"], options["hue"]),
        "contrast": _uniform_between(draws["contrast"], *options["contrast"]),
    }


def pick(draw, count):
    """Returns one of 0 to count - 1, int32, for a draw from [0, 1)."""
    return tf.cast(draw * count, tf.int32)


def _uniform_between(draw, low, high):
    return low + draw * (high - low)


def _key(seed, position):
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(position, tf.int64)])


def _sample_rotation(points, labelled, image_size, draws, options):
    """Returns the matrix [2, 3] of a turn about the keypoints' centre, or the identity."""
    degrees = _uniform_between(draws["degrees"], -options["rotate_degrees"], options["rotate_degrees"])
    top_left, bottom_right = _bounds(points, labelled, image_size)
    x, y = tf.unstack((top_left + bottom_right) / 2.0)
    turn = geometry.rotation(degrees * (math.pi / 180.0), x, y)
    turned = geometry.apply(turn, points)
    inside = tf.reduce_all((turned >= 0.0) & (turned < image_size), -1)
    keeps_some = tf.reduce_any(inside & labelled) | ~tf.reduce_any(labelled)
    do = (draws["rotate"] < options["rotate_probability"]) & keeps_some
    return tf.where(do, turn, geometry.identity())


def _sample_crop(points, labelled, image_size, draws, options, key):
    """Returns the box (left, top, width, height), float32 [4] of whole pixels, that the input shows.

    It covers all labelled points and a border as far as the photo reaches; the whole photo when no box was found.
    """
    top_left, bottom_right = _bounds(points, labelled, image_size)
    low = tf.floor(tf.clip_by_value(top_left - options["bbox_border"], 0.0, image_size - 1.0))
    high = tf.math.ceil(tf.clip_by_value(bottom_right + options["bbox_border"], low + 1.0, image_size))
    # The op truncates its bounds to whole pixels: a quarter pixel keeps rounding errors from moving them.
    box = (tf.concat([low, high], 0) + 0.25) / tf.tile(image_size, [2])
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        image_size=tf.concat([tf.cast(tf.gather(image_size, [1, 0]), tf.int32), [3]], 0),
        bounding_boxes=tf.gather(tf.clip_by_value(box, 0.0, 1.0), [1, 0, 3, 2])[None, None],
        seed=key,
        min_object_covered=1.0,
        aspect_ratio_range=options["crop_aspect"],
        area_range=options["crop_area"],
        max_attempts=options["crop_attempts"],
    )
    crop = tf.cast(tf.stack([begin[1], begin[0], size[1], size[0]]), tf.float32)
    whole = tf.concat([tf.zeros([2]), image_size], 0)
    return tf.where(draws["crop"] < options["crop_probability"], crop, whole)


def _bounds(points, labelled, image_size):
    """Returns the corners [2], [2] of the labelled points' box; those of the photo when there are none."""
    low = tf.reduce_min(tf.where(labelled[:, None], points, math.inf), 0)
    high = tf.reduce_max(tf.where(labelled[:, None], points, -math.inf), 0)
    some = tf.reduce_any(labelled)
    return tf.where(some, low, tf.zeros([2])), tf.where(some, high, image_size)
