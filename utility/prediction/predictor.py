"""Keypoints of photos, in three lines:

    from utility.prediction.predictor import Predictor
    predictor = Predictor("models/skirt")
    print(predictor.predict("photo.jpg")["keypoints"])

N photos, K keypoints of a category.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Optional, TypedDict, Union

import numpy as np

from base.errors import DataError
from base.schema import ALL, Schema
from utility.model import codec, inference_graph, model_directory
from utility.model.description import ModelDescription
from utility.model.found import Found
from utility.prediction import cutting, inference, photo_reading
from utility.prediction.passes import Passes

Path = Union[str, "os.PathLike[str]"]


class _Place(TypedDict):
    x: float
    y: float
    score: float


class Point(_Place, total=False):
    """A keypoint that was found: x and y in the photo's pixels, the first pixel's centre at 0; a score from 0 to 1.

    Of calibrated models also the covariance of its error, [[xx, xy], [xy, yy]] in square pixels.
    """

    covariance: list[list[float]]


class Prediction(TypedDict):
    """What was found in a photo, of `width` by `height` pixels: {name of the keypoint: Point}, in the schema's order.

    A dict, as `tools/predict.py` writes it into its JSON.
    """

    category: str
    width: int
    height: int
    keypoints: dict[str, Point]


class Predictor:
    """Trained nets, loaded once, that find the keypoints of photos.

    Args:
        model_dirs: the folder of a model, or several whose outputs are averaged.
        category: whose keypoints to find; None for the models' own.
        checkpoint: a checkpoint (a prefix, or a folder) instead of the model's best, where there is one model.
        options: inference.Options.
        precision: "float32"; "bfloat16" is faster on CPUs that compute in it, and a little less exact.

    Attributes:
        category: whose keypoints are found, a name of the schema's or `all`.
        schema: the Schema of the (first) model.

    Raises:
        DataError: a model is missing, broken, lacks keypoints of the category, or cannot be decoded so.
    """

    def __init__(
        self,
        model_dirs: Union[Path, Sequence[Path]],
        category: Optional[str] = None,
        checkpoint: Optional[Path] = None,
        options: Optional[inference.Options] = None,
        precision: str = "float32",
    ) -> None:
        model_dirs = [model_dirs] if isinstance(model_dirs, (str, os.PathLike)) else list(model_dirs)
        if not model_dirs:
            raise ValueError("expected the folder of a model, got none")
        config = inference_graph.session_config(precision)
        if checkpoint and len(model_dirs) > 1:
            raise ValueError("a checkpoint is one model's: expected one model, got several")
        models = [model_directory.read(os.fspath(folder)) for folder in model_dirs]
        self.schema = models[0].schema
        self.category = category or models[0].category
        options = options or inference.Options()
        for folder, model in zip(model_dirs, models):
            _check_keypoints(folder, model, self.schema, self.category)
            check_decoding(folder, model, options.decode)
        _check_average(model_dirs, models, options)
        prefix = checkpoint and os.fspath(checkpoint)
        self._margins = [model.box_margin if options.box_margin is None else options.box_margin for model in models]
        frozen_nets = [inference_graph.freeze(os.fspath(folder), prefix) for folder in model_dirs]
        self._passes = Passes(
            lambda: [inference.Net(model, graph, self.category, options.decode) for model, graph in frozen_nets],
            self.schema,
            self.category,
            options,
            config,
        )

    def predict(
        self,
        photo: Union[Path, np.ndarray],
        category: Optional[str] = None,
        box: Optional[Sequence[float]] = None,
        name: str = "the photo",
    ) -> Prediction:
        """Finds the keypoints of one photo.

        Args:
            photo: a file (turned as its EXIF orientation says), or [H, W, 3] uint8 RGB.
            category: the garment's, where the predictor's is `all`.
            box: (x0, y0, x1, y1) in pixels, the garment's part of the photo; None for all of it.
            name: what errors call an array.

        Returns:
            the Prediction, {category, width, height, keypoints: {name: {x, y, score[, covariance]}}}.

        Raises:
            DataError: the file cannot be read as an image, the array is no such one, or the box lies outside of it.
        """
        if isinstance(photo, np.ndarray):
            image = photo
        else:
            image, name = photo_reading.read(photo), os.fspath(photo)
        cutting.check_pixels(image, name)
        category = self._category_of(category)
        cutting.cut(image, box, name)  # names the photo, where the box leaves nothing of it
        return self.predict_batch([image], [category], [box])[0]

    def predict_batch(
        self,
        images: Sequence[np.ndarray],
        categories: Sequence[str],
        boxes: Optional[Sequence[Optional[Sequence[float]]]] = None,
    ) -> list[Prediction]:
        """Finds the keypoints of a batch of photos, by name; arguments and errors as for `find`."""
        found = self.find(images, categories, boxes)
        return [
            Prediction(
                category=category,
                width=image.shape[1],
                height=image.shape[0],
                keypoints=dict(zip(self.schema.keypoint_names(category), _points(found, number))),
            )
            for number, (image, category) in enumerate(zip(images, categories))
        ]

    def find(
        self,
        images: Sequence[np.ndarray],
        categories: Sequence[str],
        boxes: Optional[Sequence[Optional[Sequence[float]]]] = None,
    ) -> Found:
        """Finds the keypoints of a batch of photos.

        Args:
            images: N arrays [H, W, 3] uint8 RGB, of any sizes.
            categories: N names of the schema's categories; `all` for every keypoint of a predictor of `all`.
            boxes: N boxes (x0, y0, x1, y1) in pixels: what they and their margin hold, whole pixels, is taken for the
                photo (see `preprocessing.data.boxes`). None, or one that is None: the whole photo.

        Returns:
            Found of lists: for each photo the points [K, 2] float32, in its own pixels, of the keypoints of its
            category in the schema's order, the scores [K] and, of calibrated models, the covariances [K, 2, 2].

        Raises:
            ValueError: there are not as many categories, or boxes, as photos.
            DataError: one is no such array, a category is none of the predictor's, a box is not one, or leaves nothing
                of its photo, or there are boxes for models that were trained with different margins.
        """
        boxes = [None] * len(images) if boxes is None else boxes
        if not len(images) == len(categories) == len(boxes):
            what = f"{len(images)} photos, {len(categories)} categories and {len(boxes)} boxes"
            raise ValueError(f"expected a category and a box for each photo, got {what}")
        if not len(images):
            return Found([], [])
        for category in categories:
            if category != self.category:  # which may be `all`
                self._category_of(category)
        for number, image in enumerate(images):
            cutting.check_pixels(image, f"photo {number}")
        margin = self._box_margin() if any(box is not None for box in boxes) else 0.0
        cuts = [
            cutting.cut(image, box, f"photo {number}", margin) for number, (image, box) in enumerate(zip(images, boxes))
        ]
        found = self._passes.find([part for *_, part in cuts], categories)
        points = found.points + np.array([corner for *corner, _ in cuts], np.float32)[:, None]
        own = self.schema.keypoint_indices(self.category)
        channels = [[own.index(index) for index in self.schema.keypoint_indices(category)] for category in categories]

        def sliced(values: np.ndarray) -> list[np.ndarray]:
            return [row[c] for row, c in zip(values, channels)]

        covariances = None if found.covariances is None else sliced(found.covariances)
        return Found(sliced(points), sliced(found.scores), covariances)

    def _box_margin(self) -> float:
        if len(set(self._margins)) > 1:
            what = f"were trained with margins of {', '.join(f'{margin:g}' for margin in self._margins)} around boxes"
            raise DataError("the models", None, f"{what}: expected the same, or --box_margin")
        return self._margins[0]

    def _category_of(self, category: Optional[str]) -> str:
        category = category or self.category
        if category == ALL or category not in self.schema.category_names or self.category not in (ALL, category):
            what = f"finds the keypoints of {self.category}, not of {category}"
            raise DataError("the model", None, f"{what}: --category must name a garment that it knows")
        return category


def _points(found: Found, number: int) -> Iterator[Point]:
    """Yields the Points of a photo, by its number in the batch."""
    for keypoint, ((x, y), score) in enumerate(zip(found.points[number], found.scores[number])):
        point = Point(x=float(x), y=float(y), score=float(score))
        if found.covariances is not None:
            point["covariance"] = found.covariances[number][keypoint].tolist()
        yield point


def _check_keypoints(folder: Path, model: ModelDescription, schema: Schema, category: str) -> None:
    if category != ALL and category not in schema.category_names:
        path = os.path.join(folder, model_directory.DESCRIPTION)
        raise DataError(path, "schema", f"expected one with the category {category}, got {schema.name}")
    own = model.schema
    if not own.same_points(schema, category):  # channels are taken by the model's own schema
        path = os.path.join(folder, model_directory.DESCRIPTION)
        expected = f"expected the keypoints of {category} as the first model has them, "
        names = ", ".join(schema.keypoint_names(category))
        raise DataError(path, "schema", f"{expected}{names}; got those of {own.name}")
    missing = sorted(set(schema.keypoint_names(category)) - set(model.keypoints))
    if missing:
        path = os.path.join(folder, model_directory.DESCRIPTION)
        raise DataError(path, "keypoints", f"lacks {', '.join(missing)}: expected a model of {category} or of {ALL}")


def check_decoding(folder: Path, model: ModelDescription, method: Optional[str]) -> None:
    """Raises DataError where the model in a folder cannot be decoded by a method; None is the model's own way."""
    try:
        codec.of(model, method)
    except ValueError as error:
        raise DataError(os.path.join(folder, model_directory.DESCRIPTION), "decode", str(error)) from error


def _check_average(folders: Sequence[Path], models: Sequence[ModelDescription], options: inference.Options) -> None:
    """Refuses an ensemble of models whose outputs have nothing in common, where they would be averaged."""
    if options.average_points:
        return
    for folder, model in zip(folders[1:], models[1:]):
        if model.codec != models[0].codec:
            path = os.path.join(folder, model_directory.DESCRIPTION)
            expected = f"expected {models[0].codec} as {folders[0]} has, got {model.codec}"
            raise DataError(path, "codec", f"{expected}; --average=points averages their points")
