"""What is exported: the photos of a split with their garments, made one at a time from the rows of a CSV."""

import dataclasses
import math
import os
from collections.abc import Iterable, Iterator
from typing import Optional

import numpy as np

from base.errors import DataError, DataErrors, noting
from base.schema import Schema
from preprocessing.data import annotations, boxes, layout, photos

_MARGIN = 0.1  # of the points' extent, on each side of the box around them


@dataclasses.dataclass(frozen=True)
class Point:
    """A keypoint that is in the photo.

    Attributes:
        keypoint: its name.
        x, y: in the continuous plane of the upright photo: the centre of the CSV's pixel.
        occluded: whether something hides it.
        score: of a prediction; None where it is not known.
    """

    keypoint: str
    x: float
    y: float
    occluded: bool
    score: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Garment:
    """A row of the CSV.

    Attributes:
        category: of the schema.
        points: those that are in the photo, in the schema's order.
        box: its (x0, y0, x1, y1) in the CSV; None for the whole photo.
        frame: a box in any case, for formats in which every object has one: see `Photos`.
    """

    category: str
    points: tuple[Point, ...]
    box: Optional[boxes.Box]
    frame: boxes.Box

    @property
    def score(self) -> Optional[float]:
        """The mean of its points' scores; None where they are not known."""
        scores = [point.score for point in self.points if point.score is not None]
        return sum(scores) / len(scores) if scores else None


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photo and its garments.

    Attributes:
        image_id: its path below the split, `Images/<category>/<name>.jpg`.
        path: of its file.
        size: (width, height) of the upright photo in pixels.
        garments: one for each of its rows, in their order.
        where: the CSV and the line of its first row, for messages.
    """

    image_id: str
    path: str
    size: tuple[int, int]
    garments: tuple[Garment, ...]
    where: tuple[str, str]

    def rectangle(self, garment: Garment) -> Optional[boxes.Box]:
        """Returns the box to draw around a garment, where garments may be without: each of several has one."""
        return garment.box or ((0, 0, *self.size) if len(self.garments) > 1 else None)


@dataclasses.dataclass(frozen=True)
class Export:
    """What a format's `write` is given.

    Attributes:
        photos: in the order of their first rows; may be gone through once.
        schema: of the categories and keypoints.
        split: the name of the split, `train_0`.
        model: what the points were predicted by; None where people labelled them.
        photo_url: what stands before an image id in an address of the photo, for tools that fetch photos by it.
        link_photos: whether photos are linked instead of copied, where the format takes photos along.
    """

    photos: Iterable[Photo]
    schema: Schema
    split: str
    model: Optional[str] = None
    photo_url: str = ""
    link_photos: bool = False


class Photos:
    """The photos of a split, made while they are iterated over.

    Args:
        split: the folder of the split.
        rows: Annotations of N rows.
        scores: [N, K] float64, NaN where there is none; None where none are known.
        whole_photos: the frame of a garment without a box is the whole photo. Else it is the box around its points, a
            tenth larger on each side, since cloth reaches beyond its keypoints, in whole pixels and within the photo.

    Attributes:
        num_outside: how many points were left out so far because they lie outside of their photo.
    """

    def __init__(
        self,
        split: str,
        rows: annotations.Annotations,
        scores: Optional[np.ndarray] = None,
        whole_photos: bool = False,
    ):
        self._split, self._rows, self._scores, self._whole_photos = split, rows, scores, whole_photos
        self._numbers: dict[str, list[int]] = {}
        for number, image_id in enumerate(rows.image_ids):
            self._numbers.setdefault(annotations.plain_id(image_id), []).append(number)
        self.num_outside = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Photo]:
        """Yields the good photos; raises DataErrors at the end where others are missing or damaged, or boxes wrong."""
        faults: list[DataError] = []
        for image_id, numbers in self._numbers.items():
            with noting(faults):
                yield self._photo(image_id, numbers)
        if faults:
            raise DataErrors(faults)

    def _photo(self, image_id: str, numbers: list[int]) -> Photo:
        path, size = self._file(image_id, numbers[0])
        cells = self._rows.boxes
        faults = [
            self._fault(number, boxes.COLUMN, wrong)
            for number in numbers
            if cells and (wrong := boxes.outside(cells[number], size))
        ]
        if faults:
            raise DataErrors(faults)
        where = (self._rows.file, f"line {self._rows.lines[numbers[0]]}, column image_id")
        return Photo(image_id, path, size, tuple(self._garment(number, size) for number in numbers), where)

    def _file(self, image_id: str, number: int) -> tuple[str, tuple[int, int]]:
        """Returns the path of a photo, and the size that its header says."""
        path, wrong = layout.photo_path(self._split, image_id)
        if wrong is None and not os.path.isfile(path):
            wrong = "is missing: expected a JPEG photo"
        if wrong:
            raise self._fault(number, "image_id", f"{path} {wrong}")
        try:
            return path, photos.size_in_header(path) or photos.read(path).size
        except DataError as error:
            raise self._fault(number, "image_id", f"{path} {error.what}") from error

    def _fault(self, number: int, column: str, what: str) -> DataError:
        return DataError(self._rows.file, f"line {self._rows.lines[number]}, column {column}", what)

    def _garment(self, number: int, size: tuple[int, int]) -> Garment:
        points = []
        for index in np.flatnonzero(self._rows.visibility[number] >= 0):
            x, y = self._rows.points[number, index]
            if not (0 <= x < size[0] and 0 <= y < size[1]):
                self.num_outside += 1
                continue
            score = None if self._scores is None else float(self._scores[number, index])
            occluded = self._rows.visibility[number, index] == 0
            plane = (float(x) + 0.5, float(y) + 0.5)  # as `base.geometry.to_plane`, which would bring TensorFlow in
            points.append(Point(self._rows.schema.keypoints[index], *plane, bool(occluded), _if_number(score)))
        box = self._rows.boxes[number] if self._rows.boxes else None
        around = (0, 0, *size) if self._whole_photos or not points else _around(points, size)
        return Garment(self._rows.categories[number], tuple(points), box, box or around)


def _around(points: list[Point], size: tuple[int, int]) -> boxes.Box:
    x0, x1 = _span([point.x for point in points], size[0])
    y0, y1 = _span([point.y for point in points], size[1])
    return x0, y0, x1, y1


def _span(places: list[float], length: int) -> tuple[int, int]:
    """Returns the edges of the whole pixels between the first and the last place and beyond: one at least."""
    first, last = min(places), max(places)
    margin = _MARGIN * (last - first)
    return max(0, math.floor(first - margin)), min(length, math.ceil(last + margin))


def _if_number(score: Optional[float]) -> Optional[float]:
    return None if score is None or math.isnan(score) else score
