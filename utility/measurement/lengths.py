"""Lengths along chains of keypoints, with standard deviations propagated from the points' covariances.

The errors of two points are taken to be independent. A first-order propagation: it is right as long as a point's error
is small against the length.
"""

import dataclasses
from typing import Optional

import numpy as np

from utility.measurement.plane import apply, is_in_front, jacobians

_ALONG_X = np.array([1.0, 0.0])


@dataclasses.dataclass(frozen=True)
class Length:
    """A length and its standard deviation, in one unit; None where the points' covariances are not known."""

    value: float
    sd: Optional[float]


def in_pixels(points, covariances):
    """Returns the Length of a chain in the photo.

    Args:
        points: [N, 2] in pixels, N at least 2, one after the other along the chain. It is closed where the last one is
            the first one.
        covariances: [N, 2, 2] in pixels squared, or None.
    """
    points = np.asarray(points, np.float64)
    return Length(_along(points), None if covariances is None else np.sqrt(_variance(points, np.array(covariances))))


def in_cm(points, covariances, plane):
    """Returns the Length of a chain in the garment's plane, in centimetres.

    Args:
        points: [N, 2] in the photo's continuous plane.
        covariances: as for `in_pixels`.
        plane: the `utility.measurement.plane.Plane`.

    Raises:
        ValueError: a point lies beyond the plane's horizon, where no point of a garment in that plane can be seen.
    """
    if not is_in_front(plane.to_cm, points).all():
        raise ValueError("a point lies beyond the horizon of the marker's plane")
    placed = apply(plane.to_cm, points)
    if covariances is None:
        return Length(_along(placed), None)
    turned = jacobians(plane.to_cm, points)
    variance = _variance(placed, turned @ np.array(covariances) @ turned.transpose(0, 2, 1))
    changes = [_along(apply(other, points)) - _along(placed) for other in plane.alternatives]
    return Length(_along(placed), float(np.sqrt(variance + np.square(changes).sum())))


def _along(points):
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def _variance(points, covariances):
    """Returns the variance of the length along points [N, 2] of covariances [N, 2, 2]."""
    steps = np.diff(points, axis=0)
    sizes = np.linalg.norm(steps, axis=1, keepdims=True)
    directions = np.where(sizes > 0, steps / np.where(sizes > 0, sizes, 1), _ALONG_X)
    gradients = np.zeros_like(points)  # of the length, by each point
    gradients[:-1] -= directions
    gradients[1:] += directions
    if len(points) > 2 and (points[0] == points[-1]).all():  # the same point, not another with the same error
        gradients[0], gradients[-1] = gradients[0] + gradients[-1], 0
    return float(np.einsum("ni,nij,nj->", gradients, covariances, gradients))
