"""Outlines in the body plane: curves, tubes and the layers that a photo is made of.

The body plane has its origin at the base of the neck, x to the image's right, y down, and the breadth of the
shoulders, about 0.9, as its measure. Outlines are dense enough to stay smooth when a pose bends them.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Layer:
    """One piece of cloth, skin or hair, painted over the layers before it.

    Attributes:
        outline: [N, 2] closed contour in the body plane.
        material: name of what it is made of, a key of the scene's materials.
        points: names of the keypoints that lie on it, with their [2] places in the body plane.
        covers: whether it hides keypoints of the layers below; a collar or a belt belongs to its garment and does not.
        direction: angle in radians by which the weave is turned, as on a sleeve that follows its arm.
    """

    outline: np.ndarray
    material: str
    points: dict = dataclasses.field(default_factory=dict)
    covers: bool = True
    direction: float = 0.0


@dataclasses.dataclass
class Garment:
    """Layers of one garment, by where they go among those of the body.

    Attributes:
        back: behind the body, such as the inside of a collar.
        front: over the body, the piece that carries the shape first.
        sleeves: layers by side, empty when it has none.
    """

    back: list
    front: list
    sleeves: dict

    def layers(self):
        """Returns all its layers."""
        return self.back + self.front + [layer for side in self.sleeves.values() for layer in side]


def point(x, y):
    """Returns the [2] float64 point."""
    return np.array([x, y], np.float64)


def line(start, end, count=10):
    """Returns [count, 2] points from start to end, both included."""
    return np.linspace(start, end, count)


def curve(start, control, end, weight=1.0, count=14):
    """Returns [count, 2] points of the rational quadratic Bezier curve; a greater weight hugs the control point."""
    t = np.linspace(0.0, 1.0, count)[:, None]
    basis = np.concatenate([(1 - t) ** 2, 2 * weight * t * (1 - t), t**2], axis=1)
    return basis @ np.stack([start, control, end]) / basis.sum(axis=1, keepdims=True)


def bulged(start, end, bulge, count=14):
    """Returns [count, 2] points of an arc whose middle stands `bulge` lengths to the left of the way it goes."""
    along = np.asarray(end) - start
    return curve(start, (np.asarray(start) + end) / 2 + 2 * bulge * point(along[1], -along[0]), end, count=count)


def outline(*pieces):
    """Returns the [N, 2] contour that runs through the pieces, each [M, 2] or [2]."""
    return np.concatenate([np.atleast_2d(piece) for piece in pieces])


def ellipse(center, radius_x, radius_y, count=40):
    """Returns the [count, 2] contour of an axis-parallel ellipse."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([center[0] + radius_x * np.cos(angle), center[1] + radius_y * np.sin(angle)], axis=1)


def normals(path):
    """Returns the [N, 2] unit normals of the [N, 2] path: its direction turned by +90 degrees in the image."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def offset(path, distances):
    """Returns the path moved along its normals, without the loops that the inside of a sharp bend would make.

    Args:
        path: [N, 2] points.
        distances: [N] signed distances. The last point is always kept.

    Returns:
        [M, 2] points, M <= N.
    """
    moved = path + normals(path) * distances[:, None]
    nearest = np.linalg.norm(moved[:, None] - path[None], axis=2).min(axis=1)
    keep = nearest > 0.95 * np.abs(distances)
    keep[-1] = True
    return moved[keep]


def shortened(path, fraction):
    """Returns [24, 2] points evenly spaced along the first `fraction` of the path's length."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, fraction * length[-1], 24)
    return np.stack([np.interp(wanted, length, path[:, axis]) for axis in (0, 1)], axis=1)


def tube(path, start_width, end_width):
    """Returns the contour of a band along the path whose width goes from start_width to end_width."""
    half = np.linspace(start_width, end_width, len(path)) / 2
    return outline(offset(path, half), offset(path, -half)[::-1])


def mirrored(points):
    """Returns the points with the sign of x changed."""
    return np.asarray(points) * (-1.0, 1.0)


def hem_trim(places, names, sag):
    """Returns the border along a hem."""
    path = bulged(places[names[0]], places[names[1]], -sag, count=24)
    upper = path - (0, 0.07)
    return Layer(outline(path, upper[::-1]), "trim", covers=False)
