"""The numbers of a Calibration, from errors on photos with known points.

The likeliest ones, where errors have the t distribution of `base.ellipses`. Its negative logarithm is convex in the
logarithm of the size, which is linear in the numbers: Newton's steps find the one minimum. Gains of the keypoints vary
about their mean by a normal distribution, whose width is the likeliest, too (by Laplace's approximation; MacKay, Neural
Computation 4, 1992), so that a keypoint with few errors has about the gain of all.

P points, K keypoints. All in the unit square of the net's input.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from base import ellipses
from utility.model.calibration import HIGHEST_POWER, Calibration, log_sizes

FEWEST = 50  # points: of less the numbers would be noise
_GAIN_WIDTHS = (0.01, 0.03, 0.1, 0.2, 0.4, 0.8)
_POWER_WIDTH = 1.0  # about 1; it counts only where the spreads hardly differ
_STEPS = 100
_SHIFTS = np.linspace(-0.5, 0.5, 201)  # of the logarithm of the scale
_SMALLEST = 1e-12  # squared distances: a point that is right to the last digit says little of all others


@dataclass(frozen=True)
class Errors:
    """What was found beside what is true.

    Attributes:
        offsets: [P, 2], from each found point to the true one.
        spreads: [P, 2, 2], of the model's codec.
        keypoints: [P] int, whose points they are.
        num_photos: that they are from.
    """

    offsets: np.ndarray
    spreads: np.ndarray
    keypoints: np.ndarray
    num_photos: int


def fit(errors: Errors, names: Sequence[str], checkpoint: str) -> Calibration:
    """Returns the likeliest Calibration.

    Args:
        errors: Errors of at least FEWEST points.
        names: of the K keypoints that `errors.keypoints` numbers.
        checkpoint: that they are errors of.
    """
    spreads = errors.spreads.astype(np.float64)
    sizes = log_sizes(spreads, np.log)
    shapes = spreads / np.exp(2 * sizes)[:, None, None]
    squares = ellipses.squared_distances(errors.offsets, shapes) + _SMALLEST
    middle = sizes.mean()
    is_keypoint = errors.keypoints[:, None] == np.arange(len(names))
    features = np.concatenate([np.ones([len(sizes), 1]), (sizes - middle)[:, None], is_keypoint], axis=1)
    evidence, numbers = max(
        (
            _fitted(features, squares, np.array([0, _POWER_WIDTH**-2, *[width**-2] * len(names)]))
            for width in _GAIN_WIDTHS
        ),
        key=lambda found: found[0],
    )
    mean, power, *gains = numbers
    power = float(np.clip(power, 0, HIGHEST_POWER))
    shift = mean - power * middle + np.log(ellipses.scale_ratio()) / 2
    by_name = {name: round(float(gain + shift), 5) for name, gain in zip(names, gains)}
    found = Calibration(by_name, round(power, 5), checkpoint, errors.num_photos, len(sizes))
    return _evened(found, errors, names)


def _evened(calibration: Calibration, errors: Errors, names: Sequence[str]) -> Calibration:
    """Returns the calibration with another scale of all, by which ellipses hold most nearly what they should.

    Where errors have another tail than the likelihood's, the likeliest scale is not that one.
    """
    squares, count = _squares(calibration, errors, names), len(errors.offsets)
    even = (np.arange(count) + 0.5) / count

    def unevenness(shift: float) -> float:  # Cramer and von Mises' distance of the levels from an even distribution
        return float(np.square(np.sort(ellipses.share_within(squares * np.exp(-2 * shift))) - even).sum())

    best = min(_SHIFTS, key=unevenness)
    gains = {name: round(gain + float(best), 5) for name, gain in calibration.gains.items()}
    return dataclasses.replace(calibration, gains=gains)


def _fitted(features: np.ndarray, squares: np.ndarray, precisions: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the logarithm of the evidence for precisions of the weights, up to a constant, and the likeliest weights.

    Args:
        features: [P, F]; the logarithm of a point's size is their product with the weights.
        squares: [P], squared distances by the shapes of the covariances.
        precisions: [F] of the normal distributions of the weights; about 1 for the second, the power, else about 0.
    """
    about = np.zeros(features.shape[1])
    about[1] = 1.0
    weights = about.copy()
    weights[0] = np.log(np.median(squares)) / 2
    loss = _loss(weights, about, features, squares, precisions)
    for _ in range(_STEPS):
        ratios = squares * np.exp(-2 * features @ weights) / ellipses.TAIL
        slopes = 2 - (ellipses.TAIL + 2) * ratios / (1 + ratios)
        bends = 2 * (ellipses.TAIL + 2) * ratios / (1 + ratios) ** 2
        curvature = (features * bends[:, None]).T @ features + np.diag(precisions)
        step = np.linalg.lstsq(curvature, features.T @ slopes + precisions * (weights - about), rcond=None)[0]
        while (lower := _loss(weights - step, about, features, squares, precisions)) > loss and np.abs(
            step
        ).max() > 1e-9:
            step = step / 2
        if lower > loss - 1e-9 * max(1.0, abs(loss)):
            break
        weights, loss = weights - step, lower
    given = precisions[precisions > 0]
    return float(np.log(given).sum() / 2 - loss - np.linalg.slogdet(curvature)[1] / 2), weights


def _loss(
    weights: np.ndarray, about: np.ndarray, features: np.ndarray, squares: np.ndarray, precisions: np.ndarray
) -> float:
    """Returns the negative logarithm of the likelihood and of the weights' distributions, up to a constant."""
    sizes = features @ weights
    ratios = squares * np.exp(-2 * sizes) / ellipses.TAIL
    likelihood = 2 * sizes + (ellipses.TAIL / 2 + 1) * np.log1p(ratios)
    return float(likelihood.sum() + (precisions * (weights - about) ** 2).sum() / 2)


def shares_inside(
    calibration: Calibration, errors: Errors, names: Sequence[str], shares: Sequence[float]
) -> tuple[float, ...]:
    """Returns which part of the points lies inside of their ellipses of some shares; arguments as for `fit`."""
    levels = ellipses.share_within(_squares(calibration, errors, names))
    return tuple(float((levels <= share).mean()) for share in shares)


def _squares(calibration: Calibration, errors: Errors, names: Sequence[str]) -> np.ndarray:
    """Returns the squared Mahalanobis distances [P] of the true points."""
    spreads = errors.spreads.astype(np.float64)
    gains = np.array([calibration.gains[name] for name in names])[errors.keypoints]
    sizes = gains + (calibration.power - 1) * log_sizes(spreads, np.log)
    return ellipses.squared_distances(errors.offsets, spreads * np.exp(2 * sizes)[:, None, None])
