"""The graph of prediction: a frame of photos to points, averaged over mirrored, scaled and turned views and over nets.

The nets see a frame, a box of the photo, through views. Planes: photo (its own pixels), frame (the unit square), input
(the frame times the net's input size) and cells (times its heatmap size). Affine matrices lead from one to the next.

B photos, V views, S input size, h heatmap size, K keypoints.
"""

import math
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf

from base import geometry
from configs.keypoints import keypoint_names, mirrored_name
from utility.model import codec, inference_graph
from utility.model.network import learns_chances

_MARGIN_UNIT = 512.0  # pixels: the long side of the photos for which the margins of the second pass are given


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


class Windows(NamedTuple):
    """What the nets of one input size see of a batch of photos: `windows.cut` makes them.

    Attributes:
        images: [B, H, W, 3] float32 RGB 0 to 255; smaller ones are padded at the right and the bottom.
        to_image: [B, 2, 3] float32, from the plane of the photo to that of `images`.
    """

    images: tf.Tensor
    to_image: tf.Tensor


class Net:
    """A frozen net in the current graph, for the keypoints of one category. It may be called several times.

    Args:
        model: the description of `model_directory.read`.
        graph_def: of `inference_graph.freeze`.
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
        given = {f"{inference_graph.IMAGES}:0": images, **self._weights}
        (heatmaps,) = tf.import_graph_def(self._graph_def, given, [f"{inference_graph.HEATMAPS}:0"], name="net")
        return heatmaps


def _split_off_constants(graph_def):
    """Returns two graphs: the constants, which all calls of a net share, and what is computed."""
    constants, computed = (tf.compat.v1.GraphDef(versions=graph_def.versions) for _ in range(2))
    for node in graph_def.node:
        if node.op != "Placeholder":
            (constants if node.op == "Const" else computed).node.append(node)
    return constants, computed


def run_nets(windows, to_frame, nets, options):
    """Returns the heatmaps of a frame by each net, averaged over the views: a list of [B, h, h, K] float32.

    Args:
        windows: {input size: Windows}, for every size that a net has.
        to_frame: [B, 2, 3] float32, from the plane of the photo to the unit square.
        nets: a list of Net (or what is called like one and has a `model`).
        options: Options.
    """
    return [_average_views(windows[net.model["train_image_size"]], to_frame, net, options) for net in nets]


def mix(first, first_to_second, second, nets, options):
    """Returns the second pass's heatmaps, a list as of `run_nets`, in which the first pass's have their share.

    Args:
        first, second: the heatmaps of the passes.
        first_to_second: [B, 2, 3] float32, from the frame of the first pass to that of the second.
        nets, options: as for `run_nets`.
    """
    share, density = options.first_pass_weight, reads_density(nets, options)
    moved = [_move(heatmaps, first_to_second, density) for heatmaps in first]
    return [share * early + (1 - share) * late for early, late in zip(moved, second)]


def find_in_frame(heatmaps, to_frame, nets, options):
    """Finds the keypoints in the heatmaps of a frame.

    Args:
        heatmaps: of `run_nets`.
        to_frame, nets, options: as for `run_nets`.

    Returns:
        points: [B, K, 2] float32, in the photo's own pixels as the CSV counts them (the first pixel's centre is 0).
        scores: [B, K] float32, from 0 to 1, of `codec.confidence`.
    """
    if options.average_points:
        found = [_decode(maps, net.model, learns_chances(net.model), options) for maps, net in zip(heatmaps, nets)]
        points, scores = (tf.add_n(values) / len(values) for values in zip(*found))
    else:
        finest = max(nets, key=lambda net: net.model["heatmap_size"]).model
        density = reads_density(nets, options)
        resized = [_resize(maps, finest["heatmap_size"], density) for maps in heatmaps]
        chances = all(learns_chances(net.model) for net in nets)
        points, scores = _decode(tf.add_n(resized) / len(resized), finest, chances, options)
    return geometry.to_pixels(geometry.apply(geometry.invert(to_frame), points)), scores


def reads_density(nets, options):
    """Returns whether the decoding weighs whole maps, so that an enlarged one must keep its sum, not its height."""
    finest = max(nets, key=lambda net: net.model["heatmap_size"]).model
    return (options.decode or finest["decode"]) == "median"


def _decode(heatmaps, model, chances, options):
    """Returns the points [B, K, 2] in the frame's plane, and their scores [B, K]."""
    cells, _ = codec.decode(heatmaps, options.decode or model["decode"], model["heatmap_sigma"])
    return cells / model["heatmap_size"], codec.confidence(heatmaps, model["heatmap_sigma"], chances)


def _average_views(windows, to_frame, net, options):
    """Returns the heatmaps [B, h, h, K] of a frame, averaged over its views."""
    size = net.model["train_image_size"]
    total = 0.0
    for turn in views(options):
        to_view = to_frame if turn is None else geometry.compose(to_frame, turn)
        to_input = geometry.compose(to_view, np.float32(geometry.scaling(size, size)))
        from_image = geometry.compose(geometry.invert(windows.to_image), to_input)
        heatmaps = net(geometry.warp(windows.images, from_image, [size, size]), options.flip)
        if turn is not None:
            heatmaps = _move(heatmaps, np.float32(geometry.invert(turn))[None], reads_density([net], options))
        total += heatmaps
    return total / len(options.scales) / len(options.rotations)


def views(options):
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


def _move(heatmaps, matrix, density):
    """Returns the heatmaps [B, h, h, K] of a frame in another one, to which matrices [B or 1, 2, 3] lead.

    A map that is a density is scaled by the change of area, so that each cell's chance stays the same.
    """
    batch, cells = tf.shape(heatmaps)[0], heatmaps.shape[1]
    to_cells = np.float32(geometry.scaling(cells, cells))
    in_cells = geometry.compose(np.float32(geometry.invert(to_cells)), matrix, to_cells)
    moved = geometry.warp(heatmaps, tf.broadcast_to(in_cells, [batch, 2, 3]), [cells, cells])
    if density:
        moved /= tf.abs(tf.linalg.det(tf.convert_to_tensor(matrix)[:, :, :2]))[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return tf.ensure_shape(moved, heatmaps.shape)


def _resize(heatmaps, cells, density):
    own = heatmaps.shape[1]
    if own == cells:
        return heatmaps
    resized = tf.compat.v1.image.resize_bilinear(heatmaps, [cells, cells], half_pixel_centers=True)
    return resized * (own / cells) ** 2 if density else resized


def frame_around(points, size, keypoints, margin):
    """Returns the matrix [2, 3] from a photo's plane to a frame around its points, within the photo.

    Args:
        points: [K, 2] of the first pass, in the photo's plane.
        size: (width, height) of the photo.
        keypoints: [K] bool, which of the points the garment has.
        margin: `Options.crop_margin`.
    """
    own, size = points[keypoints].astype(np.float64), np.array(size, np.float64)
    unit = size.max() / _MARGIN_UNIT
    low = np.clip(own.min(0) - unit * np.array(margin), 0.0, size - 1)
    high = np.clip(own.max(0) + unit * np.array(margin), low + 1, size)
    return geometry.cropping(*low, *(high - low), 1.0, 1.0)
