"""How suspicious each annotation is, by predictions of models that have not learned from it.

What may have happened to an annotation is weighed by Bayes' rule. It is right, and then as far from the prediction as
others are of that keypoint, where the model is as sure; or it lies anywhere, or on another keypoint, or it and its
mirror partner were exchanged. The suspicion is the probability that it is not right. So neither a keypoint that is hard
to find nor a photo of which the model is unsure is suspicious by itself. The kinds of errors are those of object
detection in Tkachenko, Thyagarajan and Mueller, ObjectLab, 2023 (swapped, badly located, overlooked).

N rows, K keypoints of the schema; n rows of a category with its k keypoints. Lengths are divided by the garment's size,
so that the photo's does not matter.
"""

from dataclasses import dataclass

import numpy as np

from preprocessing.data.annotations import Annotations
from utility.scoring import scoring

EXCHANGED, MISPLACED, ON_ANOTHER, MISSING = KINDS = ("exchanged", "misplaced", "on_another", "missing")

_PRIOR = 0.01  # the share of annotations with each kind of error
_AREA = 4 * np.pi  # where a misplaced point may lie: in a circle of twice the garment's size
_FREEDOM = 4  # degrees of freedom of the errors: with fewer, those of the model hide those of the annotations
_LEAST_ERROR = 0.005  # no keypoint is found better than that: annotations are whole pixels
_MOST_BINS = 20
_ROWS_OF_BIN = 50  # annotations with similar scores, whose median error is the usual one
_SHRINKAGE = 20  # a group's own factor of it counts half with that many annotations
_CHUNK = 4096  # rows at a time: in each, every keypoint is held against every other


@dataclass(frozen=True)
class Suspect:
    """An annotation, or the lack of one.

    Attributes:
        row: its number in the Annotations.
        keypoint: the index in the schema.
        suspicion: the probability that it is wrong.
        kind: what would be wrong with it, one of KINDS.
    """

    row: int
    keypoint: int
    suspicion: float
    kind: str


def rank(truth: Annotations, predicted: np.ndarray, scores: np.ndarray) -> list[Suspect]:
    """Returns a Suspect for every keypoint that the garments can have, the most suspicious first.

    Args:
        truth: Annotations of N rows.
        predicted: [N, K, 2] float, predictions of models that were not trained on the row, in photo pixels.
        scores: [N, K] float, theirs, from 0 to 1. Both are looked at for the keypoints of a row's category alone.
    """
    own = scoring.own_keypoints(truth.categories, truth.schema)
    annotated = own & (truth.visibility >= 0)
    scores = np.where(own, scores, 0.0)
    size = _sizes(predicted, own)[:, None, None]
    points, found = truth.points / size, predicted / size
    usual = _usual_errors(truth, np.linalg.norm(points - found, axis=-1), scores, annotated)
    odds, kinds = np.full(own.shape, -np.inf), np.full(own.shape, KINDS.index(MISSING))
    for rows, keypoints, partners in _by_category(truth):
        for start in range(0, len(rows), _CHUNK):
            cut = np.ix_(rows[start : start + _CHUNK], keypoints)
            ratios = _log_ratios(points[cut], found[cut], usual[cut], annotated[cut], partners)
            odds[cut], kinds[cut] = np.logaddexp.reduce(ratios), ratios.argmax(axis=0)
        cut = np.ix_(rows, keypoints)
        odds[cut] = np.where(annotated[cut], odds[cut], _log_ratios_of_missing(scores[cut], annotated[cut]))
    kinds[~annotated] = KINDS.index(MISSING)
    suspicion = 1 / (1 + np.exp(-np.clip(odds, -100, 100)) * (1 - 3 * _PRIOR) / _PRIOR)
    order = np.argsort(-odds[own], kind="stable")
    places = np.argwhere(own)[order].tolist()
    return [Suspect(row, k, float(suspicion[row, k]), KINDS[kinds[row, k]]) for row, k in places]


def _by_category(truth):
    """Yields the rows of each category, its keypoints, and for each of these the position of its partner."""
    for category in truth.schema.category_names:
        rows = np.flatnonzero([name == category for name in truth.categories])
        yield rows, truth.schema.keypoint_indices(category), list(truth.schema.flip_permutation(category))


def _sizes(predicted, own):
    """Returns the size of each garment, [N]: the root mean square distance of predicted points from their middle."""
    weights = own[..., None] / own.sum(axis=1)[:, None, None]
    middle = np.where(own[..., None], weights * predicted, 0).sum(axis=1, keepdims=True)
    size = np.sqrt(np.where(own[..., None], weights * (predicted - middle) ** 2, 0).sum(axis=(1, 2)))
    # Of a garment with a single point, how far such points lie apart in the photos has to do.
    return np.where(size > 0, size, max(float(middle[size == 0].std()) if (size == 0).any() else 0.0, 1.0))


def _usual_errors(truth, errors, scores, annotated):
    """Returns the median error of annotations like each, [N, K]: with as high a score, and of the same keypoint."""
    if not annotated.any():
        return np.full(errors.shape, _LEAST_ERROR)
    usual = _errors_by_score(scores, errors, annotated)
    for state in (0, 1):
        group = annotated & (truth.visibility == state)
        usual[group] *= _shrunk_median_ratio(errors[group], usual[group])
    for rows, keypoints, _ in _by_category(truth):
        for keypoint in keypoints:
            group = rows[annotated[rows, keypoint]]
            usual[group, keypoint] *= _shrunk_median_ratio(errors[group, keypoint], usual[group, keypoint])
    return np.maximum(usual, _LEAST_ERROR)


def _errors_by_score(scores, errors, annotated):
    """Returns the median error of annotations with a score like each, [N, K]; it does not rise with the score."""
    known, order = scores[annotated], np.argsort(scores[annotated], kind="stable")
    bins = np.array_split(order, np.clip(len(order) // _ROWS_OF_BIN, 1, _MOST_BINS))
    medians = [max(np.median(errors[annotated][part]), _LEAST_ERROR) for part in bins]
    middles = [np.median(known[part]) for part in bins]
    return np.exp(np.interp(scores, middles, np.log(np.minimum.accumulate(medians))))


def _shrunk_median_ratio(errors, usual):
    """Returns the median of errors / usual, drawn towards 1 where there are few of them."""
    if not len(errors):
        return 1.0
    ratio = np.median(np.maximum(errors, _LEAST_ERROR) / usual)
    return ratio ** (len(errors) / (len(errors) + _SHRINKAGE))


def _log_ratios(points, found, usual, annotated, partners):
    """Returns the logarithm of how much better each kind of error explains an annotation than that it is right.

    Args:
        points, found: [n, k, 2], annotated and predicted, in sizes of the garment.
        usual: [n, k], the usual error.
        annotated: [n, k] bool.
        partners: k positions.

    Returns:
        [3, n, k]: exchanged, misplaced, on another keypoint; -inf where there is no partner or other keypoint.
    """
    # [n, k, k]: the annotation of the first keypoint, were it one of the second.
    distances = np.linalg.norm(points[:, :, None] - found[:, None], axis=-1)
    log_density = _log_density(distances, usual[:, None])
    right = np.diagonal(log_density, axis1=1, axis2=2)
    crossed = log_density[:, range(len(partners)), partners]
    exchanged = crossed + crossed[:, partners] - right - right[:, partners]
    has_partner = annotated & annotated[:, partners] & (np.arange(len(partners)) != partners)
    others = annotated[:, None] & ~np.eye(len(partners), dtype=bool)
    weights = np.where(others, -np.log(np.maximum(others.sum(-1, keepdims=True), 1)), -np.inf)
    on_another = np.logaddexp.reduce(log_density + weights, axis=-1) - right
    return np.stack([np.where(has_partner, exchanged, -np.inf), -np.log(_AREA) - right, on_another])


def _log_density(distances, usual):
    """Returns the logarithm of the density of right annotations in the plane, `distances` from the prediction.

    Student's t in the plane, of which half is within the usual error: its tails are heavy, because a model is now and
    then far off.
    """
    scale = 2 ** (2 / _FREEDOM) - 1
    tail = (_FREEDOM / 2 + 1) * np.log1p(scale * (distances / usual) ** 2)
    return np.log(scale * _FREEDOM / (2 * np.pi)) - 2 * np.log(usual) - tail


def _log_ratios_of_missing(scores, annotated):
    """Returns the logarithm of how much better an error explains that an annotation is missing, [n, k].

    The share of the keypoint's annotations with a score as low, to that of its missing ones with a score as high.
    """
    ratios = np.full(scores.shape, -np.inf)
    for keypoint, (own, there) in enumerate(zip(scores.T, annotated.T)):
        known, missing = np.sort(own[there]), np.sort(own[~there])
        as_low = (np.searchsorted(known, own, side="right") + 0.5) / (len(known) + 1)
        as_high = (len(missing) - np.searchsorted(missing, own, side="left") + 0.5) / (len(missing) + 1)
        ratios[:, keypoint] = np.log(as_low / as_high)
    return ratios
