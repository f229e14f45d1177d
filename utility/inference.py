"""The one graph of prediction: photos to points, averaged over mirrored, scaled and turned views and over nets.

The nets see a frame, a box of the photo, through views. Planes: photo (its own pixels), frame (the unit square), input
(the frame times the net's input size) and cells (times its heatmap size). Affine matrices lead from one to the next.

B photos, V views, S input size, h heatmap size, K keypoints.
"""

import math
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf

from configs.keypoints import ALL, CATEGORIES, keypoint_indices, keypoint_names, mirrored_name
from preprocessing import geometry
from utility import codec, frozen

_MARGIN_UNIT = 512.0  # pixels: the long side of the photos for which the margins of the second pass are given


CLASSES = (*CATEGORIES, ALL)


class Options(NamedTuple):
    """How to predict.

    Attributes:
        flip: average with the mirrored image.
        two_pass: predict again on the box around the first prediction.
        first_pass_weight: share of the first pass's heatmaps in those of the second, as far as they show its box.
        crop_margin: what that box has more than the points on each side, (x, y), in pixels of a photo of 512 px.
        scales, rotations: views to average, factors and degrees about the middle of the frame.
        decode: a method of the codec; None for the first net's own.
        average_points: average the nets' points instead of their heatmaps.
    """

    flip: bool = False
    two_pass: bool = False
    first_pass_weight: float = 0.0
    crop_margin: tuple = (100.0, 80.0)
    scales: tuple = (1.0,)
    rotations: tuple = (0.0,)
    decode: Optional[str] = None
    average_points: bool = False


def options_from(settings):
    """Returns the Options that the flags of the group `inference`, a dict by name, ask for."""
    return Options(
        flip=settings["flip_on_test"],
        two_pass=settings["two_pass"],
        first_pass_weight=settings["first_pass_weight"],
        crop_margin=tuple(settings["crop_margin"]),
        scales=tuple(settings["test_scales"]),
        rotations=tuple(settings["test_rotations"]),
        decode=settings["decode"],
        average_points=settings["average"] == "points",
    )


class Photos(NamedTuple):
    """A batch of photos in a graph.

    Attributes:
        images: [B, H, W, 3] RGB 0 to 255, uint8 or float32; smaller photos are padded at the right and the bottom.
        to_image: [B, 2, 3] float32, from the plane of the photo to that of `images`.
        sizes: [B, 2] float32, width and height of the photo.
        class_ids: [B] int32, positions among CLASSES.
    """

    images: tf.Tensor
    to_image: tf.Tensor
    sizes: tf.Tensor
    class_ids: tf.Tensor


class Net:
    """A frozen net in the current graph, for the keypoints of one category. It may be called several times.

    Args:
        model: the description of `model_directory.read`.
        graph_def: of `frozen.freeze`.
        category: whose keypoints are wanted; the model has them.

    Attributes:
        model: the description.
    """

    def __init__(self, model, graph_def, category):
        self.model = model
        names = list(model["keypoints"])
        self._mirrored = [names.index(mirrored_name(name)) for name in names]
        self._channels = [names.index(name) for name in keypoint_names(category)]
        constants, self._graph_def = _split_off_constants(graph_def)
        names = [f"{node.name}:0" for node in constants.node]
        self._weights = dict(zip(names, tf.import_graph_def(constants, return_elements=names, name="weights")))

    def __call__(self, images, flip):
        """Returns the heatmaps [V, h, h, K] of images [V, S, S, 3], averaged with those of the mirrored images."""
        if not flip:
            return tf.gather(self._run(images), self._channels, axis=-1)
        heatmaps = self._run(tf.concat([images, tf.reverse(images, axis=[2])], axis=0))
        straight, mirrored = tf.split(heatmaps, 2)
        mirrored = tf.reverse(mirrored, axis=[2])
        average = (straight + tf.gather(mirrored, self._mirrored, axis=-1)) / 2
        return tf.gather(average, self._channels, axis=-1)

    def _run(self, images):
        given = {f"{frozen.IMAGES}:0": images, **self._weights}
        (heatmaps,) = tf.import_graph_def(self._graph_def, given, [f"{frozen.HEATMAPS}:0"], name="net")
        return heatmaps


def _split_off_constants(graph_def):
    """Returns two graphs: the constants, which all calls of a net share, and what is computed."""
    constants, computed = (tf.compat.v1.GraphDef(versions=graph_def.versions) for _ in range(2))
    for node in graph_def.node:
        if node.op != "Placeholder":
            (constants if node.op == "Const" else computed).node.append(node)
    return constants, computed


def find_points(photos, nets, category, options):
    """Finds the keypoints of photos.

    Args:
        photos: Photos.
        nets: a list of Net (or what is called like one and has a `model`).
        category: that of the nets' keypoints; for `all`, the second pass looks at those that a photo's class has.
        options: Options.

    Returns:
        points: [B, K, 2] float32, in the photo's own pixels as the CSV counts them (the first pixel's centre is 0).
        scores: [B, K] float32, about 1 for a map as high as the targets of the training.
    """
    zero = tf.zeros_like(photos.sizes[:, 0])
    frame = geometry.cropping(zero, zero, photos.sizes[:, 0], photos.sizes[:, 1], 1.0, 1.0)
    heatmaps = [_average_views(photos, frame, net, options) for net in nets]
    points, scores = _find_in_frame(heatmaps, frame, nets, options)
    if options.two_pass:
        closer = _frame_around(points, photos, category, options.crop_margin)
        first, heatmaps = heatmaps, [_average_views(photos, closer, net, options) for net in nets]
        weight = options.first_pass_weight
        if weight:
            between = geometry.compose(geometry.invert(frame), closer)
            pairs = zip(first, heatmaps)
            heatmaps = [weight * _move(early, between) + (1 - weight) * late for early, late in pairs]
        points, scores = _find_in_frame(heatmaps, closer, nets, options)
    return geometry.to_pixels(points), scores


def _find_in_frame(heatmaps, to_frame, nets, options):
    """Returns the points [B, K, 2] in the photo's plane, and their scores [B, K], of each net's heatmaps of a frame."""
    if options.average_points:
        found = [_decode(maps, net.model, options.decode) for maps, net in zip(heatmaps, nets)]
        points, scores = (tf.add_n(values) / len(values) for values in zip(*found))
    else:
        finest = max(nets, key=lambda net: net.model["heatmap_size"]).model
        resized = [_resize(maps, finest["heatmap_size"]) for maps in heatmaps]
        points, scores = _decode(tf.add_n(resized) / len(resized), finest, options.decode)
    return geometry.apply(geometry.invert(to_frame), points), scores


def _decode(heatmaps, model, method):
    """Returns the points [B, K, 2] in the frame's plane, and their scores [B, K]."""
    cells, scores = codec.decode(heatmaps, method or model["decode"], model["heatmap_sigma"])
    return cells / model["heatmap_size"], scores


def _average_views(photos, to_frame, net, options):
    """Returns the heatmaps [B, h, h, K] of a frame, averaged over its views."""
    size = net.model["train_image_size"]
    total = 0.0
    for turn in _views(options):
        to_view = to_frame if turn is None else geometry.compose(to_frame, turn)
        to_input = geometry.compose(to_view, np.float32(geometry.scaling(size, size)))
        from_image = geometry.compose(geometry.invert(photos.to_image), to_input)
        heatmaps = net(geometry.warp(photos.images, from_image, [size, size]), options.flip)
        if turn is not None:
            heatmaps = _move(heatmaps, np.float32(geometry.invert(turn))[None])
        total += heatmaps
    return total / len(options.scales) / len(options.rotations)


def _views(options):
    """Yields the matrix [2, 3] within the frame of each view; None for the frame as it is."""
    for scale in options.scales:
        for degrees in options.rotations:
            if scale == 1 and degrees == 0:
                yield None
            else:
                middle = geometry.translation(-0.5, -0.5)
                turn = geometry.rotation(math.radians(degrees), 0.0, 0.0)
                zoom = geometry.scaling(scale, scale)
                yield np.float32(geometry.compose(middle, zoom, turn, geometry.invert(middle)))


def _move(heatmaps, matrix):
    """Returns the heatmaps [B, h, h, K] of a frame in another one, to which matrices [B or 1, 2, 3] lead."""
    batch, cells = tf.shape(heatmaps)[0], heatmaps.shape[1]
    to_cells = np.float32(geometry.scaling(cells, cells))
    in_cells = geometry.compose(np.float32(geometry.invert(to_cells)), matrix, to_cells)
    moved = geometry.warp(heatmaps, tf.broadcast_to(in_cells, [batch, 2, 3]), [cells, cells])
    return tf.ensure_shape(moved, heatmaps.shape)


def _resize(heatmaps, cells):
    if heatmaps.shape[1] == cells:
        return heatmaps
    return tf.compat.v1.image.resize_bilinear(heatmaps, [cells, cells], half_pixel_centers=True)


def _frame_around(points, photos, category, margin):
    """Returns the matrices [B, 2, 3] from the photo's plane to a frame around the points, within the photo."""
    names = CLASSES if category == ALL else [category] * len(CLASSES)
    own = np.array([np.isin(keypoint_indices(category), keypoint_indices(name)) for name in names])  # [classes, K]
    counts = tf.gather(own, photos.class_ids)[..., tf.newaxis]  # [B, K, 1]
    unit = tf.reduce_max(photos.sizes, axis=1, keepdims=True) / _MARGIN_UNIT
    low = tf.reduce_min(tf.where(counts, points, math.inf), axis=1) - unit * margin
    high = tf.reduce_max(tf.where(counts, points, -math.inf), axis=1) + unit * margin
    low = tf.clip_by_value(low, 0.0, photos.sizes - 1)
    high = tf.clip_by_value(high, low + 1, photos.sizes)
    (left, top), (width, height) = tf.unstack(low, axis=-1), tf.unstack(high - low, axis=-1)
    return geometry.cropping(left, top, width, height, 1.0, 1.0)
