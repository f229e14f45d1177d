"""The measurements that a schema names, of the keypoints that were found in a photo."""

import dataclasses
from collections.abc import Sequence
from typing import Optional

import numpy as np

from base import geometry
from base.errors import DataError
from base.schema import Schema
from utility.measurement import lengths, marker, plane
from utility.measurement.lengths import Length
from utility.measurement.plane import Plane
from utility.prediction.predictor import Point, Prediction


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A measurement of a garment.

    Attributes:
        name: what the schema calls it.
        points: [N, 2] float64, the chain that it runs along, in the photo's pixels (the first pixel's centre at 0).
        pixels: its Length in the photo.
        cm: its Length in centimetres; None without a scale.
    """

    name: str
    points: np.ndarray
    pixels: Length
    cm: Optional[Length]


def find_plane(image: np.ndarray, marker_cm: float, name: str) -> tuple[Plane, np.ndarray]:
    """Returns the Plane of the marker in a photo, and the marker's corners, [4, 2], in its continuous plane.

    Args:
        image: [H, W, 3] uint8 RGB.
        marker_cm: the side of the printed marker.
        name: of the photo, for the error.

    Raises:
        DataError: no marker is found.
    """
    found = marker.find(image)
    if found is None:
        expected = "expected a whole marker of ArUco's dictionary 4x4_50 with a white margin, flat beside the garment"
        raise DataError(name, None, f"has no marker that can be found: {expected}")
    return plane.of_square(found.corners, marker_cm, found.sd), found.corners


def measure(schema: Schema, found: Prediction, surface: Optional[Plane], name: str) -> list[Measurement]:
    """Returns the measurements of the schema's category, in its order.

    Args:
        schema: the Schema.
        found: what was found in the photo.
        surface: the Plane that the garment lies in; None: lengths are in pixels alone.
        name: of the photo, for the error.

    Raises:
        DataError: a keypoint lies where the marker's plane cannot be.
    """
    chains = schema.category(found["category"]).measurements
    return [_measure(title, chain, found["keypoints"], surface, name) for title, chain in chains]


def _measure(
    title: str, chain: Sequence[str], keypoints: dict[str, Point], surface: Optional[Plane], name: str
) -> Measurement:
    own = [keypoints[keypoint] for keypoint in chain]
    points = np.array([[point["x"], point["y"]] for point in own], np.float64)
    covariances = np.array([point["covariance"] for point in own]) if all("covariance" in one for one in own) else None
    try:
        cm = None if surface is None else lengths.in_cm(geometry.to_plane(points), covariances, surface)
    except ValueError as error:
        raise DataError(name, title, f"{error}: expected the marker in the plane of the garment") from error
    return Measurement(title, points, lengths.in_pixels(points, covariances), cm)
