"""Detections put into their photos: which photo, which garment, which whole pixels."""

import dataclasses
from collections.abc import Iterable
from typing import Optional

from base.errors import DataError
from base.wording import some
from preprocessing.data import photos
from preprocessing.data.boxes import Box, cut
from preprocessing.labelling.detections import Detection
from preprocessing.labelling.labelled import Notes, as_category, listed, shown
from tools.predicting.photo_names import PhotoNames

_SHOWN_PHOTOS = 3


@dataclasses.dataclass(frozen=True)
class GarmentBox:
    """A garment's part of a photo: a category's name, whole pixels, and the detector's score if there is one."""

    category: str
    box: Box
    score: Optional[float]


@dataclasses.dataclass(frozen=True)
class PhotoBoxes:
    """A photo and its boxes, in the order of their file."""

    path: str
    garments: list[GarmentBox]


@dataclasses.dataclass(frozen=True)
class Rules:
    """How boxes are taken.

    Attributes:
        known: the categories that the models find.
        wanted: the only category to take; None for all.
        default: that of boxes for which the file names none; None if there is no default.
    """

    known: list[str]
    wanted: Optional[str]
    default: Optional[str]


def place(found: Iterable[Detection], names: PhotoNames, rules: Rules, file: str, notes: Notes) -> list[PhotoBoxes]:
    """Returns the photos that have boxes, in the order in which the file comes to them.

    Args:
        found: the detections of one file.
        names: the photos that there are.
        rules: how to take them.
        file: the name of the file, for messages.
        notes: collects the fault of each detection that is left out, and counts those of categories not wanted.
    """
    return list(_Placing(names, rules, file, notes).take(found).values())


class _Placing:
    def __init__(self, names: PhotoNames, rules: Rules, file: str, notes: Notes) -> None:
        self._names, self._rules, self._file, self._notes = names, rules, file, notes
        self._called: dict[str, str] = {}  # what the file calls each photo
        self._sizes: dict[str, Optional[tuple[int, int]]] = {}  # None: it was said that the photo is damaged

    def take(self, detections: Iterable[Detection]) -> dict[str, PhotoBoxes]:
        found: dict[str, PhotoBoxes] = {}
        for detection in detections:
            with self._notes.collecting(self._file, detection.where):
                category = self._category(detection)
                if self._rules.wanted not in (None, category):
                    self._notes.count("detection", f"of other categories than {self._rules.wanted} passed over")
                    continue
                path = self._photo(detection)
                size = self._size(path)
                if size and detection.size not in (None, size):
                    what = f"was looked at with {_shape(detection.size)} pixels, {path} has {_shape(size)}"
                    raise self._wrong(detection, detection.keys.image, f"{what}: expected the same photo")
                if size:
                    garment = GarmentBox(category, self._box(detection, size), detection.score)
                    found.setdefault(path, PhotoBoxes(path, [])).garments.append(garment)
        return found

    def _wrong(self, detection: Detection, key: str, what: str) -> DataError:
        return DataError(self._file, f"{detection.where}, {key}", what)

    def _category(self, detection: Detection) -> str:
        rules = self._rules
        category = rules.default if detection.category is None else as_category(detection.category, rules.known)
        if category is None:
            what = f"names no garment: expected one of {listed(rules.known)}, or --category for all that name none"
            raise self._wrong(detection, detection.keys.category, what)
        if category not in rules.known and rules.wanted is None:
            what = f"{shown(category)} is none that the models find: expected one of {listed(rules.known)}"
            raise self._wrong(detection, detection.keys.category, f"{what}; --category takes the boxes of one")
        return category

    def _photo(self, detection: Detection) -> str:
        found = self._names.find(detection.image)
        if len(found) != 1:
            several = f"{len(found)} photos, {some(found, _SHOWN_PHOTOS)}" if found else "no photo of --image"
            what = f"{shown(detection.image)} stands for {several}: expected the path below --image, or a file's name"
            raise self._wrong(detection, detection.keys.image, what)
        (path,) = found
        called = self._called.setdefault(path, detection.image)
        if called != detection.image:
            what = f"{shown(detection.image)} stands for {path}, as {shown(called)} does: expected one name for a photo"
            raise self._wrong(detection, detection.keys.image, what)
        return path

    def _size(self, path: str) -> Optional[tuple[int, int]]:
        if path not in self._sizes:
            self._sizes[path] = None
            self._sizes[path] = photos.size_in_header(path) or photos.read(path).size
        return self._sizes[path]

    def _box(self, detection: Detection, size: tuple[int, int]) -> Box:
        x0, y0, x1, y1 = detection.frame
        if not (x0 < x1 and y0 < y1):
            what = f"{x0:g}, {y0:g}, {x1:g}, {y1:g} holds no pixel: expected a box of some width and height"
            raise self._wrong(detection, detection.keys.box, what)
        left, top, right, bottom = box = cut(detection.frame, size)
        if left >= right or top >= bottom:
            what = f"{x0:g}, {y0:g}, {x1:g}, {y1:g} lies outside of the photo of {_shape(size)}"
            raise self._wrong(detection, detection.keys.box, f"{what}: expected a part of it")
        return box


def _shape(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))
