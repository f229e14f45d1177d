"""The error by image side: the metric of the literature on fashion landmarks, which is not the challenge's NE.

The mean, over the visible keypoints, of the distance between prediction and truth in an image with sides of length 1: x
divided by its width, y by its height. In a square photo that is the distance divided by the side (Liu et al., Fashion
Landmark Detection in the Wild, ECCV 2016, and the papers after it, with squares of 224 or 512 pixels). To the net the
box is the photo, so for a row with a box the sides are those of the box.

N rows, K keypoints, all that the schema has, in its order.
"""

import os
from dataclasses import dataclass
from typing import Optional

import numpy as np

from base.errors import DataError, DataErrors, UsageError, noting
from base.progress import Progress
from preprocessing.data import photos
from preprocessing.data.annotations import Annotations
from utility.scoring import scoring


@dataclass(frozen=True)
class Mean:
    """A mean error by image side, None over no keypoint, and over how many keypoints it was taken."""

    error: Optional[float]
    keypoints: int


@dataclass(frozen=True)
class Result(Mean):
    """The `Mean` over all keypoints, and that of each by its name."""

    points: dict[str, Mean]


def sides(truth: Annotations, data_dir: Optional[str]) -> np.ndarray:
    """Returns the width and height of each row's image, [N, 2] float64 pixels: of its box, or of the upright photo.

    Args:
        truth: Annotations of N rows.
        data_dir: the folder that the image ids are relative to; None where every row has a box.

    Raises:
        UsageError: it is None, and a row has no box.
        DataErrors: photos are missing or no images.
    """
    boxes = truth.boxes or [None] * len(truth)
    whole = dict.fromkeys(name for name, box in zip(truth.image_ids, boxes) if box is None)
    if whole and data_dir is None:
        raise UsageError("--image_side_error needs --data_dir, the folder of the photos, for rows without a box")
    sizes: dict[str, tuple[int, int]] = {}
    faults: list[DataError] = []
    with Progress("photos", len(whole)) as progress:
        for name in whole:
            path = os.path.join(str(data_dir), name)
            with noting(faults):
                sizes[name] = photos.size_in_header(path) or photos.read(path).size
            progress.step()
    if faults:
        raise DataErrors(faults)
    result = [
        sizes[name] if box is None else (box[2] - box[0], box[3] - box[1]) for name, box in zip(truth.image_ids, boxes)
    ]
    return np.array(result, np.float64).reshape(-1, 2)


def score(truth: Annotations, predicted: np.ndarray, image_sides: np.ndarray) -> Result:
    """Returns the `Result` of predictions.

    Args:
        truth: Annotations of N rows.
        predicted: [N, K, 2] float, the predicted points in photo pixels, in the order of `truth`.
        image_sides: [N, 2] float, width and height of each row's image in pixels.
    """
    errors = np.linalg.norm((predicted - truth.points) / image_sides[:, None], axis=-1)
    visible = scoring.scored(truth)
    points = {
        name: _mean(errors[visible[:, index], index])
        for index, name in enumerate(truth.schema.keypoints)
        if visible[:, index].any()
    }
    whole = _mean(errors[visible])
    return Result(whole.error, whole.keypoints, points)


def lines(result: Result) -> list[str]:
    """Returns the lines of a table that say it, by keypoint and over all."""
    if result.error is None:
        return ["Error by image side undefined: no visible keypoint in the ground truth"]
    table = [f"{name:<27} {point.error:>10.6f} {point.keypoints:>21}" for name, point in result.points.items()]
    whole = f"Error by image side {result.error:.6f} over {result.keypoints} keypoints (not NE)"
    return [f"{'keypoint':<27} {'image side':>10} {'keypoints':>21}", *table, whole, ""]


def _mean(errors: np.ndarray) -> Mean:
    return Mean(float(errors.mean()) if errors.size else None, int(errors.size))
