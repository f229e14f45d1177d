"""Average precision by object keypoint similarity (OKS), COCO's metric of keypoints, as pycocotools computes it.

The OKS of a prediction is the mean, over the garment's labelled keypoints, of exp(-d² / (2 area (2 sigma)²)): d is the
distance to the truth in pixels, sigma the keypoint's, area the garment's. AP is the mean precision over the thresholds
of OKS 0.50, 0.55, … 0.95, over 101 recalls, and over the categories (https://cocodataset.org/#keypoints-eval).

- Labelled is what COCO gives v > 0: visible and occluded keypoints. A row without any has no OKS, and is left out with
  its prediction.
- The area is that of the row's box, w * h; where the file has boxes and a row has none, that of the whole photo, if its
  sides are known. Else it is that of the smallest box of whole pixels that holds the labelled keypoints, so that one
  keypoint alone has an area of 1 pixel.
- A photo's predictions (20 of a category count at most) are matched to its garments by OKS, the highest score first.
  Predictions of the same score rank as their photos stand in the ground truth.

N rows, K keypoints, all that the schema has, in its order.
"""

import contextlib
import io
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np

from base.errors import DataError
from base.progress import Progress
from base.schema import Schema
from base.wording import counted, some
from preprocessing.data.annotations import Annotations
from utility.scoring import scoring

_MOST_PREDICTIONS = 20  # of a photo and category
_OKS_50, _OKS_75 = 0, 5  # places of the thresholds 0.50 and 0.75 among the ten


@dataclass(frozen=True)
class Precision:
    """Average precision, of a category or its mean over the categories.

    Attributes:
        ap: over OKS 0.50 to 0.95; None where there is no garment.
        ap50: at OKS 0.50.
        ap75: at OKS 0.75.
        garments: how many there are, each with a labelled keypoint.
    """

    ap: Optional[float]
    ap50: Optional[float]
    ap75: Optional[float]
    garments: int


@dataclass(frozen=True)
class Result(Precision):
    """The `Precision` over all categories, and that of each by its name."""

    categories: dict[str, Precision]


def sigmas(schema: Schema, categories: set[str], file: str) -> dict[str, np.ndarray]:
    """Returns the sigmas of some categories by name, each [keypoints of the category] float64, in the schema's order.

    Args:
        schema: the Schema.
        categories: names of its categories.
        file: what the user calls the schema, for errors.

    Raises:
        DataError: a keypoint has none.
    """
    result = {}
    for name in sorted(categories):
        known = dict(schema.category(name).sigmas)
        lacking = [keypoint for keypoint in schema.keypoint_names(name) if keypoint not in known]
        if lacking:
            what = "expected a sigma for each keypoint, such as {} = 0.02, as OKS needs it: got none for {}"
            raise DataError(file, f"categories.{name}.sigmas", what.format(lacking[0], some(lacking, 3)))
        result[name] = np.array([known[keypoint] for keypoint in schema.keypoint_names(name)])
    return result


def average_precision(
    truth: Annotations,
    predicted: np.ndarray,
    sigmas_of: dict[str, np.ndarray],
    scores: Optional[np.ndarray] = None,
    sides: Optional[np.ndarray] = None,
) -> Result:
    """Returns the `Result` of predictions.

    Args:
        truth: Annotations of N rows.
        predicted: [N, K, 2] float, the predicted points in photo pixels, in the order of `truth`.
        sigmas_of: what `sigmas` returns of the rows' categories.
        scores: [N] float, by which the predictions are ranked; all the same where not given.
        sides: [N, 2] float px, width and height of each row's box or, without one, of its photo; None: not known.

    Raises:
        DataError: pycocotools is not installed.
    """
    evaluate = _evaluator()
    scores = np.ones(len(truth)) if scores is None else scores
    labelled = (truth.visibility >= 0) & scoring.own_keypoints(truth.categories, truth.schema)
    areas = _areas(truth, labelled, sides)
    category_of = [name if own.any() else None for name, own in zip(truth.categories, labelled)]
    present = [name for name in truth.schema.category_names if name in set(category_of)]
    photos = {name: number for number, name in enumerate(dict.fromkeys(truth.image_ids), 1)}
    images = np.array([photos[name] for name in truth.image_ids])
    result = {}
    with Progress("categories", len(present)) as progress:
        for name in present:
            rows = [row for row, category in enumerate(category_of) if category == name]
            cells = np.ix_(rows, truth.schema.keypoint_indices(name))
            garments = _garments(images[rows], truth.points[cells], labelled[cells], areas[rows])
            found = _predictions(images[rows], predicted[cells], scores[rows])
            result[name] = _precision(evaluate(garments, found, sigmas_of[name]), len(rows))
            progress.step()
    return _mean(result)


def line(result: Result) -> str:
    """Returns the line of a table that says it."""
    if result.ap is None:
        return "OKS AP   undefined: no labelled keypoint in the ground truth"
    figures = f"OKS AP   {result.ap:.6f}   AP50 {result.ap50:.6f}   AP75 {result.ap75:.6f}"
    return f"{figures}   (mean over categories, {counted(result.garments, 'garment')})"


def _areas(truth: Annotations, labelled: np.ndarray, sides: Optional[np.ndarray]) -> np.ndarray:
    """Returns [N] float64, the area of each row's box, of its photo, or of the whole pixels around its keypoints."""
    if truth.boxes is not None and sides is not None:
        return np.prod(sides, axis=1)
    low = np.where(labelled[..., None], truth.points, np.inf).min(axis=1)
    high = np.where(labelled[..., None], truth.points, -np.inf).max(axis=1)
    extents = np.where(labelled.any(axis=1, keepdims=True), high - low + 1, 0)
    for row, box in enumerate(truth.boxes or ()):
        if box:
            extents[row] = box[2] - box[0], box[3] - box[1]
    return np.prod(extents, axis=1)


def _garments(images: np.ndarray, points: np.ndarray, labelled: np.ndarray, areas: np.ndarray) -> list[dict[str, Any]]:
    """Returns COCO's annotations of the true points [n, k, 2]. Ids begin with 1: to pycocotools 0 is no match."""
    states = np.where(labelled, 2, 0)[..., None]  # 1 and 2 count alike
    keypoints = np.concatenate([points, states], axis=-1).reshape(len(points), points.shape[1] * 3)
    return [
        {
            "id": number,
            "image_id": int(image),
            "category_id": 1,
            "keypoints": row.tolist(),
            "num_keypoints": int(count),
            "area": float(area),
            "bbox": [0, 0, 0, 0],  # only garments without keypoints use it
            "iscrowd": 0,
        }
        for number, (image, row, count, area) in enumerate(zip(images, keypoints, labelled.sum(axis=1), areas), 1)
    ]


def _predictions(images: np.ndarray, points: np.ndarray, scores: np.ndarray) -> list[dict[str, Any]]:
    """Returns COCO's results of the predicted points [n, k, 2]."""
    states = np.ones((*points.shape[:2], 1))
    keypoints = np.concatenate([points, states], axis=-1).reshape(len(points), points.shape[1] * 3)
    return [
        {"image_id": int(image), "category_id": 1, "keypoints": row.tolist(), "score": float(score)}
        for image, row, score in zip(images, keypoints, scores)
    ]


def _evaluator() -> Callable[[list[dict[str, Any]], list[dict[str, Any]], np.ndarray], np.ndarray]:
    """Returns function(garments, predictions, sigmas) -> precision [10 thresholds, 101 recalls], by pycocotools."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise DataError("pycocotools", None, "is not installed: run pip install -e '.[coco]'") from error

    def evaluate(
        garments: list[dict[str, Any]], predictions: list[dict[str, Any]], own_sigmas: np.ndarray
    ) -> np.ndarray:
        truth = COCO()
        images = sorted({garment["image_id"] for garment in garments})
        truth.dataset = {
            "images": [{"id": image} for image in images],
            "categories": [{"id": 1}],
            "annotations": garments,
        }
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of its steps
            truth.createIndex()
            evaluation = COCOeval(truth, truth.loadRes(predictions), "keypoints")
            parameters = evaluation.params
            parameters.kpt_oks_sigmas, parameters.maxDets = own_sigmas, [_MOST_PREDICTIONS]
            # Of all sizes alone; the others would cost as much again, each.
            parameters.areaRng, parameters.areaRngLbl = parameters.areaRng[:1], parameters.areaRngLbl[:1]
            evaluation.evaluate()
            evaluation.accumulate()
        return evaluation.eval["precision"][:, :, 0, 0, 0]

    return evaluate


def _precision(precision: np.ndarray, garments: int) -> Precision:
    means = precision.mean(axis=1)
    return Precision(float(means.mean()), float(means[_OKS_50]), float(means[_OKS_75]), garments)


def _mean(categories: dict[str, Precision]) -> Result:
    """Returns the `Result`: every category weighs the same, as in COCO."""
    if not categories:
        return Result(None, None, None, 0, {})
    each = categories.values()
    ap, ap50, ap75 = np.array([(one.ap, one.ap50, one.ap75) for one in each]).mean(axis=0).tolist()
    return Result(ap, ap50, ap75, sum(one.garments for one in each), categories)
