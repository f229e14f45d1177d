"""Keypoints of photos, in three lines:

    from utility.prediction.predictor import Predictor
    predictor = Predictor("models/skirt")
    print(predictor.predict("photo.jpg")["keypoints"])

N photos, K keypoints of a category.
"""

import math
import os
from collections.abc import Sequence
from typing import Any, Optional, TypedDict, Union

import numpy as np

from base.errors import DataError
from base.schema import ALL, Schema
from preprocessing.data.boxes import widened
from utility.model import codec, inference_graph, model_directory
from utility.model.description import ModelDescription
from utility.prediction import inference, photo_reading
from utility.prediction.passes import Passes

Path = Union[str, "os.PathLike[str]"]


class Point(TypedDict):
    """A keypoint that was found: x and y in the photo's pixels, the first pixel's centre at 0; a score from 0 to 1."""

    x: float
    y: float
    score: float


class Visibility(TypedDict):
    """How likely a keypoint is visible, occluded, or absent from the photo; the three make 1."""

    visible: float
    occluded: float
    absent: float


class PointWithVisibility(Point):
    """A Point of a model that tells the visibility, too."""

    visibility: Visibility


class Prediction(TypedDict):
    """What was found in a photo, of `width` by `height` pixels: {name of the keypoint: Point}, in the schema's order.

    A dict, as `tools/predict.py` writes it into its JSON.
    """

    category: str
    width: int
    height: int
    keypoints: dict[str, Union[Point, PointWithVisibility]]


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
            _check_decoding(folder, model, options.decode)
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
            the Prediction, {category, width, height, keypoints: {name: {x, y, score}}}.

        Raises:
            DataError: the file cannot be read as an image, the array is no such one, or the box lies outside of it.
        """
        if isinstance(photo, np.ndarray):
            image = photo
        else:
            image, name = photo_reading.read(photo), os.fspath(photo)
        _check_pixels(image, name)
        category = self._category_of(category)
        _cut(image, box, name)  # names the photo, where the box leaves nothing of it
        return self.predict_batch([image], [category], [box])[0]

    def predict_batch(
        self,
        images: Sequence[np.ndarray],
        categories: Sequence[str],
        boxes: Optional[Sequence[Optional[Sequence[float]]]] = None,
    ) -> list[Prediction]:
        """Finds the keypoints of a batch of photos, by name; arguments and errors as for `find`."""
        points, scores, visibility = self._find(images, categories, boxes)
        unknown: list[Any] = [[None] * len(row) for row in scores]
        seen = visibility or unknown
        return [
            Prediction(
                category=category,
                width=image.shape[1],
                height=image.shape[0],
                keypoints=dict(zip(self.schema.keypoint_names(category), map(_point, *found))),
            )
            for image, category, *found in zip(images, categories, points, scores, seen)
        ]

    def find(
        self,
        images: Sequence[np.ndarray],
        categories: Sequence[str],
        boxes: Optional[Sequence[Optional[Sequence[float]]]] = None,
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Finds the keypoints of a batch of photos.

        Args:
            images: N arrays [H, W, 3] uint8 RGB, of any sizes.
            categories: N names of the schema's categories; `all` for every keypoint of a predictor of `all`.
            boxes: N boxes (x0, y0, x1, y1) in pixels: what they and their margin hold, whole pixels, is taken for the
                photo (see `preprocessing.data.boxes`). None, or one that is None: the whole photo.

        Returns:
            points: N arrays [K, 2] float32, pixels of each photo, the keypoints of its category in the schema's order.
            scores: N arrays [K] float32.

        Raises:
            ValueError: there are not as many categories, or boxes, as photos.
            DataError: one is no such array, a category is none of the predictor's, a box is not one, or leaves nothing
                of its photo, or there are boxes for models that were trained with different margins.
        """
        return self._find(images, categories, boxes)[:2]

    def _find(
        self,
        images: Sequence[np.ndarray],
        categories: Sequence[str],
        boxes: Optional[Sequence[Optional[Sequence[float]]]] = None,
    ) -> tuple[list[np.ndarray], list[np.ndarray], Optional[list[np.ndarray]]]:
        """Returns what `find` does and, where a model tells it, the visibility, N arrays [K, 3] as `Found` has it."""
        boxes = [None] * len(images) if boxes is None else boxes
        if not len(images) == len(categories) == len(boxes):
            what = f"{len(images)} photos, {len(categories)} categories and {len(boxes)} boxes"
            raise ValueError(f"expected a category and a box for each photo, got {what}")
        if not len(images):
            return [], [], None
        for category in categories:
            if category != self.category:  # which may be `all`
                self._category_of(category)
        for number, image in enumerate(images):
            _check_pixels(image, f"photo {number}")
        margin = self._box_margin() if any(box is not None for box in boxes) else 0.0
        cuts = [_cut(image, box, f"photo {number}", margin) for number, (image, box) in enumerate(zip(images, boxes))]
        points, scores, visibility = self._passes.find([part for *_, part in cuts], categories)
        points = points + np.array([corner for *corner, _ in cuts], np.float32)[:, None]
        own = self.schema.keypoint_indices(self.category)
        channels = [[own.index(index) for index in self.schema.keypoint_indices(category)] for category in categories]
        points, scores = ([row[c] for row, c in zip(rows, channels)] for rows in (points, scores))
        return points, scores, None if visibility is None else [row[c] for row, c in zip(visibility, channels)]

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


def _point(place: np.ndarray, score: float, seen: Optional[np.ndarray]) -> Union[Point, PointWithVisibility]:
    point = Point(x=float(place[0]), y=float(place[1]), score=float(score))
    if seen is None:
        return point
    visible, occluded, absent = map(float, seen)
    return PointWithVisibility(**point, visibility=Visibility(visible=visible, occluded=occluded, absent=absent))


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


def _check_decoding(folder: Path, model: ModelDescription, method: Optional[str]) -> None:
    try:
        codec.of(model, method)
    except ValueError as error:
        raise DataError(os.path.join(folder, model_directory.DESCRIPTION), "decode", str(error)) from error


def _check_average(folders: Sequence[Path], models: Sequence[ModelDescription], options: inference.Options) -> None:
    """Refuses an ensemble of models whose outputs have nothing in common, where they would be averaged."""
    if options.average_points:
        return
    for folder, model in zip(folders[1:], models[1:]):
        for key in ("codec", "keep_aspect"):
            here, first = getattr(model, key), getattr(models[0], key)
            if here != first:
                path = os.path.join(folder, model_directory.DESCRIPTION)
                expected = f"expected {first} as {folders[0]} has, got {here}"
                raise DataError(path, key, f"{expected}; --average=points averages their points")


def _check_pixels(image: np.ndarray, name: str) -> None:
    """Raises DataError where an array is no photo: OpenCV and numpy take others, too, and make anything of them."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        what = f"is an array {list(image.shape)} of {image.dtype}: expected [H, W, 3] of uint8, RGB from 0 to 255"
        raise DataError(name, None, what)


def _cut(
    image: np.ndarray, box: Optional[Sequence[float]], name: str, margin: float = 0.0
) -> tuple[int, int, np.ndarray]:
    """Returns (left, top, the part of the image within the box and its margin)."""
    height, width = image.shape[:2]
    if box is None:
        return 0, 0, image
    finite = len(box) == 4 and all(map(math.isfinite, box))
    x0, y0 = (max(0, int(value)) for value in box[:2]) if finite else (0, 0)
    x1, y1 = (min(width, int(box[2])), min(height, int(box[3]))) if finite else (0, 0)
    if x0 >= x1 or y0 >= y1:
        what = f"box {','.join(map(str, box))} leaves nothing of its {width}x{height} pixels: expected x0 < x1, y0 < y1"
        raise DataError(name, None, what)
    x0, y0, x1, y1 = widened(np.array([x0, y0, x1, y1]), np.array([width, height]), margin).tolist()
    return x0, y0, image[y0:y1, x0:x1]
