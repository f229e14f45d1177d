"""The plane that a garment lies in, or hangs in: from a photo's pixels to centimetres.

A camera sees a plane by a homography, a matrix [3, 3] that takes (x, y, 1) to a multiple of (x', y', 1). Points of a
photo are in its continuous plane (`base.geometry`).
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Plane:
    """A plane in a photo, and how well it is known.

    Attributes:
        to_cm: [3, 3] float64, from the photo's continuous plane to centimetres in the garment's; where the origin and
            the axes lie does not matter to lengths.
        alternatives: [M, 3, 3] float64, `to_cm` after each independent thing that it was found from was changed by one
            standard deviation. The variance of whatever is measured is the sum of the squares of its M changes. M is 0
            where the plane is known.
    """

    to_cm: np.ndarray
    alternatives: np.ndarray


def of_scale(pixels_per_cm):
    """Returns the Plane of a camera that looks straight at the garment, with so many pixels to a centimetre."""
    return Plane(np.diag([1 / pixels_per_cm, 1 / pixels_per_cm, 1.0]), np.zeros((0, 3, 3)))


def of_square(corners, side_cm, sd):
    """Returns the Plane of a square in the photo.

    Args:
        corners: [4, 2], in the photo's continuous plane, in their order around it.
        side_cm: what its sides measure.
        sd: the standard deviation of each coordinate of a corner, in pixels.
    """
    corners = np.asarray(corners, np.float64)
    changes = sd * np.eye(8).reshape(8, 4, 2)
    to_cm, *alternatives = (_square_to_cm(corners + change, side_cm) for change in (np.zeros((4, 2)), *changes))
    return Plane(to_cm, np.array(alternatives))


def _square_to_cm(corners, side_cm):
    """Returns the homography from four corners to those of a square (Hartley and Zisserman, 2004, section 4.1)."""
    square = side_cm * np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    # Corners about 0 and of the size of 1 keep the equations well conditioned, wherever the square lies in the photo.
    middle, unit = corners.mean(0), np.abs(corners - corners.mean(0)).max()
    rows = []
    for (x, y), (u, v) in zip((corners - middle) / unit, square):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    homography = np.append(np.linalg.solve(np.array(rows), square.ravel()), 1.0).reshape(3, 3)
    return homography @ np.array([[1 / unit, 0, -middle[0] / unit], [0, 1 / unit, -middle[1] / unit], [0, 0, 1]])


def apply(homography, points):
    """Returns points [N, 2] where a homography takes them, [N, 2]."""
    moved = np.asarray(points, np.float64) @ homography[:, :2].T + homography[:, 2]
    return moved[:, :2] / moved[:, 2:]


def jacobians(homography, points):
    """Returns the derivatives [N, 2, 2] of `apply` at points [N, 2], by the first axis' of the result."""
    moved = np.asarray(points, np.float64) @ homography[:, :2].T + homography[:, 2]
    target, depth = moved[:, :2] / moved[:, 2:], moved[:, 2, np.newaxis, np.newaxis]
    return (homography[np.newaxis, :2, :2] - target[:, :, np.newaxis] * homography[2, :2]) / depth


def is_in_front(homography, points):
    """Returns whether points [N, 2] lie on this side of the plane's horizon, beyond which nothing can be seen, [N]."""
    depths = np.asarray(points, np.float64) @ homography[2, :2] + homography[2, 2]
    return depths > 0
