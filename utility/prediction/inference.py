"""The graph of prediction: a frame of photos to points, averaged over flipped, scaled and rotated views and over nets.

The nets see a frame, a box of the photo, through views. Planes: photo (its own pixels), frame (the unit square) and
input (the frame times the net's input size). Affine matrices lead from one to the next.

B photos, V views, S input size, K keypoints. Outputs are as `utility.model.codec` has them, {name: tensor}.
"""

import math
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf

from base import geometry
from utility.model import codec, inference_graph
from utility.model.found import Found

_MARGIN_UNIT = 512.0  # pixels: the long side of the photos for which the margins of the second pass are given


class Options(NamedTuple):
    """How to predict.

    Attributes:
        flip: average with the flipped image.
        two_pass: predict again on the box around the first prediction.
        crop_margin: what that box has more than the points on each side, (x, y), in pixels of a photo of 512 px.
        scales, rotations: views to average, factors and degrees about the middle of the frame.
        decode: a method of the codec; None for the first net's own.
        average_points: average the nets' points instead of their outputs.
        box_margin: what the nets see beyond a box, see `preprocessing.data.boxes.widened`; None: as much as they were
            trained with.
    """

    flip: bool = False
    two_pass: bool = False
    crop_margin: tuple = (100.0, 80.0)
    scales: tuple = (1.0,)
    rotations: tuple = (0.0,)
    decode: Optional[str] = None
    average_points: bool = False
    box_margin: Optional[float] = None


def options_from(settings):
    """Returns the Options that the flags of the group `inference`, a dict by name, and `box_margin` ask for."""
    return Options(
        flip=settings["flip_on_test"],
        two_pass=settings["two_pass"],
        crop_margin=tuple(settings["crop_margin"]),
        scales=tuple(settings["test_scales"]),
        rotations=tuple(settings["test_rotations"]),
        decode=settings["decode"],
        average_points=settings["average"] == "points",
        box_margin=settings.get("box_margin"),
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
        model: its ModelDescription.
        graph_def: of `inference_graph.freeze`.
        category: whose keypoints are wanted; the model has them.
        decode: how; None for the model's own way.

    Attributes:
        model: the description.
        codec: of its outputs.
        keypoints: names of the outputs' keypoints.
    """

    def __init__(self, model, graph_def, category, decode=None):
        self.model = model
        self.codec = codec.of(model, decode)
        names, schema = list(model.keypoints), model.schema
        self.keypoints = schema.keypoint_names(category)
        self._partners = [names.index(schema.partner(name)) for name in names]
        self._channels = [names.index(name) for name in self.keypoints]
        constants, self._graph_def = _split_off_constants(graph_def)
        names = [f"{node.name}:0" for node in constants.node]
        self._weights = dict(zip(names, tf.import_graph_def(constants, return_elements=names, name="weights")))

    def __call__(self, images, flip):
        """Returns the outputs for images [V, S, S, 3], averaged with those of the flipped images if `flip`."""
        if not flip:
            return self.codec.slice(self._run(images), self._channels)
        both = self._run(tf.concat([images, tf.reverse(images, axis=[2])], axis=0))
        halves = {name: tf.split(tensor, 2) for name, tensor in both.items()}
        straight, flipped = ({name: half[part] for name, half in halves.items()} for part in (0, 1))
        average = self.codec.average([straight, self.codec.flip(flipped, self._partners)])
        return self.codec.slice(average, self._channels)

    def _run(self, images):
        given = {f"{inference_graph.IMAGES}:0": images, **self._weights}
        names = self.codec.output_names
        found = tf.import_graph_def(self._graph_def, given, [f"{name}:0" for name in names], name="net")
        return dict(zip(names, found))


def _split_off_constants(graph_def):
    """Returns two graphs: the constants, which all calls of a net share, and what is computed."""
    constants, computed = (tf.compat.v1.GraphDef(versions=graph_def.versions) for _ in range(2))
    for node in graph_def.node:
        if node.op != "Placeholder":
            (constants if node.op == "Const" else computed).node.append(node)
    return constants, computed


def run_nets(windows, to_frame, nets, options):
    """Returns the outputs of each net for a frame, averaged over the views, a list.

    Args:
        windows: {input size: Windows}, for every size that a net has.
        to_frame: [B, 2, 3] float32, from the plane of the photo to the unit square.
        nets: a list of Net (or what is called like one and has a `model` and a `codec`).
        options: Options.
    """
    return [_average_views(windows[net.model.train_image_size], to_frame, net, options) for net in nets]


def find_in_frame(outputs, to_frame, nets, options):
    """Finds the keypoints in the outputs for a frame.

    Args:
        outputs: of `run_nets`.
        to_frame, nets, options: as for `run_nets`.

    Returns:
        Found. Of several nets, the covariances are the mean of what their calibrations say of the averaged outputs, or
        where points are averaged, that of the nets' own and the spread between their points.
    """
    if options.average_points:
        found = [net.codec.decode(one) for one, net in zip(outputs, nets)]
        points, scores = (tf.add_n(values) / len(values) for values in zip(*found))
        covariances = covariances_of(nets, [(one, own) for one, (own, _) in zip(outputs, found)])
        if covariances is not None:
            apart = tf.stack([own - points for own, _ in found])  # [nets, B, K, 2]
            covariances += tf.einsum("nbki,nbkj->bkij", apart, apart) / len(found)
    else:
        merged, mean = merge(outputs, nets)
        points, scores = merged.decode(mean)
        covariances = covariances_of(nets, [(mean, points)] * len(nets))
    from_frame = geometry.invert(to_frame)
    if covariances is not None:
        covariances = geometry.transform_covariances(from_frame, covariances)
    return Found(geometry.to_pixels(geometry.apply(from_frame, points)), scores, covariances)


def merge(outputs, nets):
    """Returns the codec of the mean of the nets' outputs, and that mean; arguments as for `find_in_frame`."""
    first, *others = (net.codec for net in nets)
    merged = first.merge(others)
    return merged, merged.average([merged.adopt(one, net.codec) for one, net in zip(outputs, nets)])


def covariances_of(nets, seen):
    """Returns the mean of the covariances [B, K, 2, 2] in the unit square that the nets' calibrations say.

    Args:
        nets: as for `run_nets`.
        seen: (outputs, points decoded from them) for each net.

    Returns:
        None where a net has no calibration.
    """
    if any(net.model.calibration is None for net in nets):
        return None
    found = [net.model.calibration.covariances(net.codec.spread(*own), net.keypoints) for net, own in zip(nets, seen)]
    return tf.add_n(found) / len(found)


def _average_views(windows, to_frame, net, options):
    """Returns the outputs for a frame, averaged over its views."""
    size = net.model.train_image_size
    seen = []
    for view in views(options):
        to_view = to_frame if view is None else geometry.compose(to_frame, view)
        to_input = geometry.compose(to_view, np.float32(geometry.scaling(size, size)))
        from_image = geometry.compose(geometry.invert(windows.to_image), to_input)
        outputs = net(geometry.warp(windows.images, from_image, [size, size]), options.flip)
        seen.append(outputs if view is None else net.codec.warp(outputs, np.float32(geometry.invert(view))[None]))
    return net.codec.average(seen)


def views(options):
    """Yields the matrix [2, 3] within the frame of each view; None for the frame as it is."""
    for scale in options.scales:
        for degrees in options.rotations:
            if scale == 1 and degrees == 0:
                yield None
            else:
                middle = geometry.translation(-0.5, -0.5)
                rotation = geometry.rotation(math.radians(degrees), 0.0, 0.0)
                zoom = geometry.scaling(scale, scale)
                yield np.float32(geometry.compose(middle, zoom, rotation, geometry.invert(middle)))


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
