"""Ellipses of covariances: what it means that a point's covariance is C.

Nets are often a little off and sometimes by far: in units of what one expects of each, errors have heavier tails than a
normal distribution, and were close to a Student t distribution of two variables and 3 degrees of freedom for every net
that was looked at. The covariance of such a distribution hangs on its rarest errors. C is therefore that of the normal
distribution which has the same ellipse of 80 %; the radii of other ellipses are those of the t distribution. The true
point lies with the probability p where (x - m)^T C^-1 (x - m) <= radius(p)^2.

    p              0.5    0.68   0.8    0.9    0.95
    radius         0.99   1.38   1.79   2.47   3.26
    of a normal    1.18   1.51   1.79   2.15   2.45
"""

import numpy as np

TAIL = 3.0  # degrees of freedom
_SHARED = 0.8  # of the probability, in the ellipse that both distributions have


def scale_ratio():
    """Returns C divided by the scale matrix of the t distribution."""
    return float(_squared_t_radius(_SHARED) / (-2 * np.log1p(-_SHARED)))


def _squared_t_radius(share):
    """Returns the squared radius by the scale matrix: for two variables the distribution has a closed form."""
    return TAIL * np.expm1(-2 / TAIL * np.log1p(-np.asarray(share, np.float64)))


def radius(share):
    """Returns the Mahalanobis distance, by C, of the ellipse that holds a point with a probability, 0 to 1."""
    return float(np.sqrt(_squared_t_radius(share) / scale_ratio()))


def share_within(squares):
    """Returns the probability within squared Mahalanobis distances of any shape, the inverse of `radius`."""
    squares = np.asarray(squares, np.float64) * scale_ratio()
    return -np.expm1(-TAIL / 2 * np.log1p(squares / TAIL))


def axes(covariance, share):
    """Returns the ellipse that holds a point with a probability.

    Args:
        covariance: [2, 2].
        share: the probability.

    Returns:
        its half axes (long, short) in the unit of the points, and the angle of the long one, in radians from x to y.
    """
    values, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
    short, long = radius(share) * np.sqrt(np.maximum(values, 0.0))
    return (float(long), float(short)), float(np.arctan2(vectors[1, 1], vectors[0, 1]))


def squared_distances(offsets, covariances):
    """Returns the squared Mahalanobis distances [...] of offsets [..., 2] by covariances [..., 2, 2]."""
    x, y = offsets[..., 0], offsets[..., 1]
    xx, xy, yy = covariances[..., 0, 0], covariances[..., 0, 1], covariances[..., 1, 1]
    return (yy * x * x - 2 * xy * x * y + xx * y * y) / (xx * yy - xy * xy)
