"""How unsure models are of the keypoints of a photo, by what they find in several views of it.

The views are the photo, the photo flipped, and both smaller. A model that has learned a garment finds the same points
in all of them; where it guesses, they differ. Each point counts by the spread of the views' points and by what the
heatmap leaves beside its peak (Liu and Ferrari, Active Learning for Human Pose Estimation, ICCV 2017, look at several
peaks), and the points of a photo are added up: a label would tell the model of each.

n photos, K keypoints of a category, V views of all models.
"""

import os

import numpy as np

from base.errors import DataError
from utility.model import model_directory
from utility.prediction import inference
from utility.prediction.predictor import Predictor

SCALES = (1.0, 0.8)
_MOST_SPREAD = 1.0  # in sizes of the garment: beyond that a point is as wrong as can be


class Committee:
    """Models that look at photos in several views.

    Args:
        folders: of the models.
        category: whose keypoints they find, or `all`.
        precision: of Predictor.

    Raises:
        DataError: as Predictor.
    """

    def __init__(self, folders, category, precision):
        self._predictors = [
            Predictor(folder, category, options=inference.Options(scales=(scale,)), precision=precision)
            for folder in folders
            for scale in SCALES
        ]
        self._schema = self._predictors[0].schema
        for folder in folders:
            other = model_directory.read(folder).schema
            if not other.same_points(self._schema, category):
                what = f"expected the keypoints of {category} as the first model has them, got those of {other.name}"
                raise DataError(os.path.join(folder, model_directory.DESCRIPTION), "schema", what)

    def look(self, images, categories):
        """Returns (disagreement, doubt) of each photo, floats: see `measure`.

        Args:
            images: n arrays [H, W, 3] uint8 RGB.
            categories: n names of the schema's categories.

        Raises:
            DataError: as Predictor.find.
        """
        points, scores = zip(
            *(seen for predictor in self._predictors for seen in self._views(predictor, images, categories))
        )
        return [measure(np.stack(own), np.stack(sure)) for own, sure in zip(zip(*points), zip(*scores))]

    def _views(self, predictor, images, categories):
        """Yields the points and scores that a model finds in the photos, and in the flipped ones, as of the photos."""
        yield predictor.find(images, categories)
        points, scores = predictor.find([np.ascontiguousarray(image[:, ::-1]) for image in images], categories)
        partners = [list(self._schema.flip_permutation(category)) for category in categories]
        mirrored = [
            own[order] * (-1, 1) + (image.shape[1] - 1, 0) for own, order, image in zip(points, partners, images)
        ]
        yield mirrored, [own[order] for own, order in zip(scores, partners)]


def measure(points, scores):
    """Returns how far the views of a photo are apart, and how unsure they are, both added up over the keypoints.

    Args:
        points: [V, K, 2], in the photo's pixels.
        scores: [V, K], from 0 to 1.

    Returns:
        disagreement: root mean square distances of the views' points from their mean, divided by the garment's size
            (that of its mean points from their middle), no more than 1 each.
        doubt: one minus the mean score.
    """
    middle = points.mean(axis=0)
    size = np.sqrt(((middle - middle.mean(axis=0)) ** 2).sum(axis=-1).mean())
    spread = np.sqrt(((points - middle) ** 2).sum(axis=-1).mean(axis=0))
    relative = np.minimum(spread / size, _MOST_SPREAD) if size > 0 else np.full(len(spread), _MOST_SPREAD)
    return float(relative.sum()), float((1 - scores.mean(axis=0)).sum())
