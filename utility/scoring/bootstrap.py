"""How far a normalised error may be chance: a bootstrap over photos, paired for the difference of two predictions.

The photos of a test set are a sample; drawn again they would give another figure. A photo's keypoints are drawn
together, because their errors depend on each other (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13).

N rows, one per photo unless there are boxes, K keypoints.
"""

from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np

from preprocessing.data.annotations import Annotations
from utility.scoring import scoring

_RESAMPLES = 2000
_SEED = 0  # the same files give the same interval


@dataclass(frozen=True)
class Interval:
    """A figure with the bounds of its 95 % interval, as fractions of the norm; `photos` were resampled."""

    value: float
    low: float
    high: float
    photos: int

    @property
    def holds_zero(self) -> bool:
        """Whether a difference may be chance."""
        return self.low <= 0 <= self.high


def error(truth: Annotations, predicted: np.ndarray) -> Optional[Interval]:
    """Returns the Interval of a prediction's NE; None where the truth has no visible keypoint.

    Args:
        truth: Annotations of N rows.
        predicted: [N, K, 2] float px, in the order of `truth`.
    """
    return _interval(truth, lambda errors, counts: errors[0] / counts, predicted)


def difference(truth: Annotations, predicted: np.ndarray, other: np.ndarray) -> Optional[Interval]:
    """Returns the Interval of NE(`predicted`) - NE(`other`) over the same resampled photos; None as for `error`.

    Args:
        truth: Annotations of N rows.
        predicted, other: [N, K, 2] float px, in the order of `truth`.
    """
    return _interval(truth, lambda errors, counts: (errors[0] - errors[1]) / counts, predicted, other)


def _interval(
    truth: Annotations, statistic: Callable[[np.ndarray, int], float], *predictions: np.ndarray
) -> Optional[Interval]:
    """Resamples the photos that have a visible keypoint.

    Args:
        statistic: function(sums of errors [predictions], number of keypoints) -> float, of a sample of photos.
    """
    visible = scoring.scored(truth)
    scored = np.flatnonzero(visible.any(axis=1))
    if not scored.size:
        return None
    # The garments of a photo, a row each, are drawn together, too.
    names = [truth.image_ids[row] for row in scored]
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    photo_of = [number[name] for name in names]
    counts = np.bincount(photo_of, visible.sum(axis=1)[scored])
    errors = [np.where(visible, scoring.errors(truth, points), 0).sum(axis=1)[scored] for points in predictions]
    sums = np.stack([np.bincount(photo_of, values) for values in errors])  # [predictions, photos]
    random, photos = np.random.default_rng(_SEED), len(counts)
    values = []
    for _ in range(_RESAMPLES):
        drawn = random.integers(photos, size=photos)
        values.append(statistic(sums[:, drawn].sum(axis=1), counts[drawn].sum()))
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(statistic(sums.sum(axis=1), counts.sum())), float(low), float(high), photos)
