"""The graph of prediction: a frame of photos to points, averaged over flipped, scaled and rotated views and over nets.

The nets see a frame, a box of the photo, through views. Planes: photo (its own pixels), frame (the unit square) and
input (the frame times the net's input size). Affine matrices lead from one to the next.

B photos, V views, S input size, K keypoints. Outputs are as `utility.model.codec` has them, {name: tensor}.
"""

import math
from typing import Any, NamedTuple, Optional

import numpy as np
import tensorflow as tf

from base import geometry
from preprocessing.input import letterbox
from utility.model import codec, inference_graph

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


class InputForm(NamedTuple):
    """How nets see a frame.

    Attributes:
        size: height and width of the input, in pixels.
        keep_aspect: whether it shows the square around the frame, see `preprocessing.input.letterbox`.
    """

    size: int
    keep_aspect: bool = False

    def seen(self, to_frame):
        """Returns the matrices [..., 2, 3] to the unit square of the input, of those to the frame's."""
        return letterbox.squared(to_frame) if self.keep_aspect else to_frame


class Windows(NamedTuple):
    """What the nets of one input form see of a batch of photos: `windows.cut` makes them.

    Attributes:
        images: [B, H, W, 3] float32 RGB 0 to 255; smaller ones are padded at the right and the bottom.
        to_image: [B, 2, 3] float32, from the plane of the photo to that of `images`.
        bounds: [B, 4] float32, (left, top, right, bottom) of what is the photo's own in `images`.
    """

    images: tf.Tensor
    to_image: tf.Tensor
    bounds: tf.Tensor


class Found(NamedTuple):
    """What was found in a frame.

    Attributes:
        points: [B, K, 2] float32, in the photo's own pixels as the CSV counts them (the first pixel's centre is 0).
        scores: [B, K] float32, from 0 to 1, as the codec has them.
        visibility: [B, K, 3] float32, how likely each keypoint is visible, occluded and absent; None where no net
            tells it.
    """

    points: Any
    scores: Any
    visibility: Any = None


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
        form: the InputForm of what it sees.
    """

    def __init__(self, model, graph_def, category, decode=None):
        self.model = model
        self.codec = codec.of(model, decode)
        self.form = InputForm(model.train_image_size, model.keep_aspect)
        names, schema = list(model.keypoints), model.schema
        self._partners = [names.index(schema.partner(name)) for name in names]
        self._channels = [names.index(name) for name in schema.keypoint_names(category)]
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
        windows: {InputForm: Windows}, for every form that a net has.
        to_frame: [B, 2, 3] float32, from the plane of the photo to the unit square.
        nets: a list of Net (or what is called like one and has a `form` and a `codec`).
        options: Options.
    """
    return [_average_views(windows[net.form], to_frame, net, options) for net in nets]


def find_in_frame(outputs, to_frame, nets, options):
    """Finds the keypoints in the outputs for a frame.

    Args:
        outputs: of `run_nets`.
        to_frame, nets, options: as for `run_nets`.

    Returns:
        Found.
    """
    told = [seen for seen in (net.codec.visibility(one) for one, net in zip(outputs, nets)) if seen is not None]
    visibility = tf.add_n(told) / len(told) if told else None
    if options.average_points:
        found = [_decode_in_frame(one, to_frame, net) for one, net in zip(outputs, nets)]
        points, scores = (tf.add_n(values) / len(values) for values in zip(*found))
    else:
        first, *others = (net.codec for net in nets)
        merged = first.merge(others)
        points, scores = merged.decode(
            merged.average([merged.adopt(one, net.codec) for one, net in zip(outputs, nets)])
        )
        to_frame = nets[0].form.seen(to_frame)
    return Found(geometry.to_pixels(geometry.apply(geometry.invert(to_frame), points)), scores, visibility)


def _decode_in_frame(outputs, to_frame, net):
    """Returns the points, in the frame's unit square, and the scores of a net's outputs."""
    points, scores = net.codec.decode(outputs)
    if net.form.keep_aspect:
        points = geometry.apply(geometry.compose(geometry.invert(net.form.seen(to_frame)), to_frame), points)
    return points, scores


def _average_views(windows, to_frame, net, options):
    """Returns the outputs for a frame, averaged over its views."""
    size, seen = net.form.size, []
    to_frame = net.form.seen(to_frame)
    for view in views(options):
        to_view = to_frame if view is None else geometry.compose(to_frame, view)
        to_input = geometry.compose(to_view, np.float32(geometry.scaling(size, size)))
        from_image = geometry.compose(geometry.invert(windows.to_image), to_input)
        if net.form.keep_aspect:
            images = letterbox.warp(windows.images, from_image, windows.bounds, size)
        else:
            images = geometry.warp(windows.images, from_image, [size, size])
        outputs = net(images, options.flip)
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
