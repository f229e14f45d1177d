"""Whether covariances say how far points are off: the share of true points inside of ellipses, and the error of the
points that are most certain (the risk-coverage curve; Geifman and El-Yaniv, NeurIPS 2017).

N rows, K keypoints, P visible keypoints of all rows, points in photo pixels.
"""

from dataclasses import dataclass
from typing import Optional

import numpy as np

from base import ellipses
from base.errors import DataError
from preprocessing.data.annotations import Annotations
from utility.scoring import scoring

SHARES = (0.5, 0.68, 0.9, 0.95)
MOST_CERTAIN = (0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Certainty:
    """Calibration and ranking of a prediction; keys are texts, as JSON has them.

    Attributes:
        keypoints: P.
        inside: {share: share of the visible points that lie inside of their ellipses of that share}.
        categories: {category: the same, of its points}.
        most_certain: {share: NE of that share of the points, those with the smallest deviation for their garment}.
    """

    keypoints: int
    inside: dict[str, float]
    categories: dict[str, dict[str, float]]
    most_certain: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """The visible keypoints, each [P].

    Attributes:
        levels: share of its point's distribution within the ellipse that goes through the true point: those of a
            calibrated model are spread evenly from 0 to 1.
        errors: normalised errors.
        deviations: predicted standard deviations, normalised as errors are, by the predicted garment.
        categories: names.
    """

    levels: np.ndarray
    errors: np.ndarray
    deviations: np.ndarray
    categories: np.ndarray


def measure(truth: Annotations, predicted: np.ndarray, covariances: np.ndarray, file: str) -> Optional[Measured]:
    """Returns the Measured of a prediction, None where the truth has no visible keypoint.

    Args:
        truth: Annotations of N rows.
        predicted: [N, K, 2] float px, in the order of `truth`.
        covariances: [N, K, 2, 2] px^2.
        file: that they come from, for errors.

    Raises:
        DataError: a visible keypoint has no covariance.
    """
    visible = scoring.scored(truth)
    if not visible.any():
        return None
    lacking = np.argwhere(visible & np.isnan(covariances).any(axis=(-1, -2)))
    if len(lacking):
        row, keypoint = lacking[0]
        what = f"has no covariance of {truth.schema.keypoints[keypoint]} for {truth.image_ids[row]}: expected cells "
        raise DataError(file, None, f"{what}score_xx_xy_yy, of models that tools/calibrate.py has looked at")
    squares = ellipses.squared_distances(truth.points - predicted, covariances)
    lengths = scoring.normalising_lengths(predicted, truth.categories, truth.schema)
    deviations = np.sqrt(np.trace(covariances, axis1=-2, axis2=-1)) / lengths[:, None]
    names = np.broadcast_to(np.array(truth.categories)[:, None], visible.shape)
    errors = scoring.errors(truth, predicted)
    return Measured(ellipses.share_within(squares[visible]), errors[visible], deviations[visible], names[visible])


def summarise(measured: Measured) -> Certainty:
    """Returns the Certainty of what was measured."""
    names = list(dict.fromkeys(measured.categories.tolist()))
    risks = risk_curve(measured)
    return Certainty(
        keypoints=len(risks),
        inside=_inside(measured.levels),
        categories={name: _inside(measured.levels[measured.categories == name]) for name in names},
        most_certain={
            str(share): float(risks[max(1, round(share * len(risks))) - 1]) for share in (*MOST_CERTAIN, 1.0)
        },
    )


def risk_curve(measured: Measured) -> np.ndarray:
    """Returns the NE of the n points that are most certain, for n from 1 to P: [P]."""
    order = np.argsort(measured.deviations, kind="stable")
    return np.cumsum(measured.errors[order]) / np.arange(1, len(order) + 1)


def _inside(levels: np.ndarray) -> dict[str, float]:
    return {str(share): float((levels <= share).mean()) for share in SHARES}


def lines(certainty: Certainty) -> list[str]:
    """Returns the table for people."""
    width = max(len("inside of ellipses"), *map(len, certainty.categories))
    found = ["", f"{'inside of ellipses':<{width}} " + " ".join(f"{f'{100 * share:g} %':>8}" for share in SHARES)]
    for name, inside in [*certainty.categories.items(), ("(all)", certainty.inside)]:
        found.append(f"{name:<{width}} " + " ".join(f"{100 * value:>6.1f} %" for value in inside.values()))
    whole = certainty.most_certain["1.0"]
    for share in MOST_CERTAIN:
        error = certainty.most_certain[str(share)]
        part = f", {error / whole:.3f} of the whole" if whole else ""
        found.append(f"most certain {100 * share:g} %: NE {error:.6f}{part}")
    return [*found, ""]
