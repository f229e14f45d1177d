"""Random draws of the training input, and what they do to the geometry of a photo.

Each draw comes from a stream of its own, keyed by the seed and the example's position: no state, so the same position
always gets the same draws, whatever the number of threads and wherever training was resumed.
"""

import math

import tensorflow as tf

from base import geometry
from preprocessing.input import letterbox, streams
from preprocessing.input.streams import Stream

_CROP_ATTEMPTS = 100  # boxes drawn before the whole photo is taken

# What is drawn uniformly from [0, 1) for each example. The crop's box has a stream, too: an operation samples it.
_DRAWS = {
    "flip": Stream.FLIP,
    "rotate": Stream.ROTATE,
    "degrees": Stream.DEGREES,
    "crop": Stream.CROP,
    "color": Stream.COLOR,
    "brightness": Stream.BRIGHTNESS,
    "saturation": Stream.SATURATION,
    "hue": Stream.HUE,
    "contrast": Stream.CONTRAST,
    "order": Stream.ORDER,
    "method": Stream.METHOD,
}


def draw(seed, positions):
    """Returns {name: [N] uniform in [0, 1)} for the examples at some positions of the training.

    Args:
        seed: int, the run's seed.
        positions: int64 [N], the examples' numbers since the start of the training; N must be known.
    """
    return {name: streams.uniform(seed, stream, positions) for name, stream in _DRAWS.items()}


def sample_matrices(points, labelled, image_size, target_size, draws, options, seed, positions, keep_aspect=False):
    """Draws the rotation, the crop and the flip of N examples.

    Args:
        points: float32 [N, K, 2], in the photos' planes.
        labelled: bool [N, K], which of them the photos have.
        image_size: float32 [N, 2] (width, height) of the photos.
        target_size: int, height and width of the network's input.
        draws: what `draw` returned.
        options: the AugmentationOptions.
        seed, positions: as for `draw`: the sampling of the boxes has a stream of its own.
        keep_aspect: show the square around the crop, of which the photo may leave a part black, instead of the crop.

    Returns:
        to_input: float32 [N, 2, 3], from each photo's plane to the input's.
        flipped: bool [N]; the caller exchanges left and right keypoints.
    """
    rotation = _sample_rotations(points, labelled, image_size, draws, options)
    crop = _sample_crops(geometry.apply(rotation, points), labelled, image_size, draws, options, seed, positions)
    left, top, width, height = tf.unstack(crop, axis=1)
    if keep_aspect:
        left, top, width, height = letterbox.square_around(left, top, width, height)
    to_input = geometry.compose(rotation, geometry.cropping(left, top, width, height, target_size, target_size))
    flipped = draws["flip"] < options.flip_probability
    also_flipped = geometry.compose(to_input, tf.constant(geometry.flipping(float(target_size)), tf.float32))
    return tf.where(flipped[:, None, None], also_flipped, to_input), flipped


def color_amounts(draws, options):
    """Returns the amounts that `color.distort` takes, {name: [N]}.

    Args:
        draws: what `draw` returned.
        options: the AugmentationOptions.
    """
    return {
        "brightness": _uniform_between(draws["brightness"], -options.brightness, options.brightness),
        "saturation": _uniform_between(draws["saturation"], *options.saturation),
        "hue": _uniform_between(draws["hue"], -options.hue, options.hue),
        "contrast": _uniform_between(draws["contrast"], *options.contrast),
    }


def pick(draw, count):
    """Returns one of 0 to count - 1, int32, for each draw from [0, 1)."""
    return tf.cast(draw * count, tf.int32)


def _uniform_between(draw, low, high):
    return low + draw * (high - low)


def _sample_rotations(points, labelled, image_size, draws, options):
    """Returns the matrices [N, 2, 3] of rotations about the keypoints' centres, or the identity."""
    degrees = _uniform_between(draws["degrees"], -options.rotate_degrees, options.rotate_degrees)
    top_left, bottom_right = _bounds(points, labelled, image_size)
    x, y = tf.unstack((top_left + bottom_right) / 2.0, axis=1)
    rotation = geometry.rotation(degrees * (math.pi / 180.0), x, y)
    rotated = geometry.apply(rotation, points)
    inside = tf.reduce_all((rotated >= 0.0) & (rotated < image_size[:, None]), -1)
    keeps_some = tf.reduce_any(inside & labelled, 1) | ~tf.reduce_any(labelled, 1)
    do = (draws["rotate"] < options.rotate_probability) & keeps_some
    return tf.where(do[:, None, None], rotation, geometry.identity())


def _sample_crops(points, labelled, image_size, draws, options, seed, positions):
    """Returns the boxes (left, top, width, height), float32 [N, 4] of whole pixels, that the inputs show.

    They cover all labelled points and a border as far as the photo reaches; the whole photo when no box was found.
    """
    top_left, bottom_right = _bounds(points, labelled, image_size)
    low = tf.floor(tf.clip_by_value(top_left - options.bbox_border, 0.0, image_size - 1.0))
    high = tf.math.ceil(tf.clip_by_value(bottom_right + options.bbox_border, low + 1.0, image_size))
    # The op truncates its bounds to whole pixels: a quarter pixel keeps rounding errors from moving them.
    boxes = (tf.concat([low, high], 1) + 0.25) / tf.tile(image_size, [1, 2])

    shapes = tf.pad(tf.cast(tf.reverse(image_size, [1]), tf.int32), [[0, 0], [0, 1]], constant_values=3)
    boxes = tf.gather(tf.clip_by_value(boxes, 0.0, 1.0), [1, 0, 3, 2], axis=1)
    keys = streams.keys(seed, Stream.BOX, positions)
    begins, sizes = zip(*(_sample_box(*row, options) for row in zip(tf.unstack(shapes), tf.unstack(boxes), keys)))
    crops = tf.cast(tf.gather(tf.concat([tf.stack(begins), tf.stack(sizes)], 1), [1, 0, 4, 3], axis=1), tf.float32)
    whole = tf.concat([tf.zeros_like(image_size), image_size], 1)
    return tf.where((draws["crop"] < options.crop_probability)[:, None], crops, whole)


def _sample_box(shape, box, key, options):
    """Returns the corner (y, x, 0) and the size (height, width, -1), int32 [3] each, of a box that covers another."""
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        image_size=shape,
        bounding_boxes=box[None, None],
        seed=key,
        min_object_covered=1.0,
        aspect_ratio_range=options.crop_aspect,
        area_range=options.crop_area,
        max_attempts=_CROP_ATTEMPTS,
    )
    return begin, size


def _bounds(points, labelled, image_size):
    """Returns the corners [N, 2], [N, 2] of the labelled points' boxes; those of the photo when there are none."""
    low = tf.reduce_min(tf.where(labelled[..., None], points, math.inf), 1)
    high = tf.reduce_max(tf.where(labelled[..., None], points, -math.inf), 1)
    some = tf.reduce_any(labelled, 1, keepdims=True)
    return tf.where(some, low, 0.0), tf.where(some, high, image_size)
