"""A model's errors on photos with known points, as `utility.model.calibration_fit` takes them.

B photos, K keypoints.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from base import geometry
from base.schema import Schema
from utility.model import calibration_fit, inference_graph, model_directory
from utility.prediction import cutting, inference
from utility.prediction.passes import Passes
from utility.prediction.predictor import check_decoding
from utility.prediction.validation import LabelledPhoto


@dataclass(frozen=True)
class _Seen:
    """What a pass sees, tensors or arrays.

    Attributes:
        points: [B, K, 2] in the photo's own pixels.
        spreads: [B, K, 2, 2] in the unit square of the frame.
        to_frame: [B, 2, 3], from the plane of the photo to that square.
    """

    points: Any
    spreads: Any
    to_frame: Any


def _see(outputs: Any, to_frame: Any, nets: Any, options: inference.Options) -> _Seen:
    """The `read` of the passes."""
    merged, mean = inference.merge(outputs, nets)
    points, _ = merged.decode(mean)
    pixels = geometry.to_pixels(geometry.apply(geometry.invert(to_frame), points))
    return _Seen(pixels, merged.spread(mean, points), to_frame)


def errors(
    model_dir: str,
    checkpoint: str,
    photos: Iterable[LabelledPhoto],
    schema: Schema,
    options: inference.Options,
    batch_size: int,
    precision: str = "float32",
    on_photo: Callable[[], None] = lambda: None,
) -> calibration_fit.Errors:
    """Returns the errors of a model's visible points.

    Args:
        model_dir: the model's folder.
        checkpoint: the prefix of the checkpoint.
        photos: whose garments the model finds.
        schema: of the photos' points; it has the model's keypoints.
        options: how to predict.
        batch_size: photos at a time.
        precision: of Predictor.
        on_photo: called for each photo.

    Raises:
        DataError: the model or a photo is wrong.
    """
    check_decoding(model_dir, model_directory.read(model_dir), options.decode)
    model, graph_def = inference_graph.freeze(model_dir, checkpoint)
    config = inference_graph.session_config(precision)
    own = np.array([schema.keypoints.index(name) for name in model.schema.keypoint_names(model.category)])
    margin = model.box_margin if options.box_margin is None else options.box_margin

    def make_nets() -> list[inference.Net]:
        return [inference.Net(model, graph_def, model.category, options.decode)]

    passes = Passes(make_nets, model.schema, model.category, options, config, _see)
    parts, count, photos = [], 0, iter(photos)
    while batch := list(itertools.islice(photos, batch_size)):
        cuts = [cutting.cut(photo.read(), photo.box, photo.shard, margin) for photo in batch]
        seen = passes.find([part for *_, part in cuts], [photo.category for photo in batch])
        for number, (photo, (left, top, _)) in enumerate(zip(batch, cuts)):
            has = np.isin(own, schema.keypoint_indices(photo.category)) & (photo.visibility[own] == 1)
            both = np.stack([photo.points[own][has] - (left, top), seen.points[number][has]])
            true, found = geometry.apply(seen.to_frame[number].astype(np.float64), geometry.to_plane(both))
            parts.append((true - found, seen.spreads[number][has], np.flatnonzero(has)))
            count += bool(has.any())
            on_photo()
    offsets, spreads, keypoints = (np.concatenate(values) for values in zip(*parts))
    return calibration_fit.Errors(offsets, spreads, keypoints, count)
