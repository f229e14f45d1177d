"""Boxes of garments in photos, as detectors and tools for labels write them: COCO's JSON, or a CSV.

A CSV has the header `image,category,x0,y0,x1,y1`. COCO's JSON is a file with images, categories and annotations, or the
list of a detector's results. The ids in a list are those of a COCO file that goes with it; where none does, an image_id
is the photo's name or number, and a category_id the category's name.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

from base.errors import DataError
from preprocessing.data import csv_rows
from preprocessing.labelling.formats import coco
from preprocessing.labelling.labelled import Frame, Notes, number, open_export, shown

COLUMNS = ("image", "category", "x0", "y0", "x1", "y1")


class Keys(NamedTuple):
    """What messages call the parts of a detection: columns or keys of its file."""

    image: str
    category: str
    box: str


_CSV_KEYS = Keys("column image", "column category", "columns x0 to y1")
_COCO_KEYS = Keys("image_id", "category_id", "bbox")


@dataclasses.dataclass(frozen=True)
class Detection:
    """A box in a photo, unchecked beyond its form.

    Attributes:
        where: its place in the file, for messages; `keys` are the parts of it.
        image: the photo's name, `/` between folders; or its number, as text.
        category: the garment's name; None where the file does not say it.
        frame: (x0, y0, x1, y1) in the continuous plane of the upright photo: pixel i covers [i, i + 1).
        score: the detector's, None where there is none.
        size: (width, height) of the photo that was looked at; None where the file does not say it.
    """

    where: str
    keys: Keys
    image: str
    category: Optional[str]
    frame: Frame
    score: Optional[float] = None
    size: Optional[tuple[int, int]] = None


def read(path: str, names: Optional[str], notes: Notes) -> Iterator[Detection]:
    """Yields the detections in a file, in its order.

    Args:
        path: of a CSV or COCO's JSON.
        names: the COCO file whose images and categories the ids in a list of results are; None if there is none.
        notes: collects the faults of single detections, and counts those passed over.

    Raises:
        DataError: the file cannot be read, or is of another form.
    """
    return _of_coco(path, names, notes) if _begins_as_json(path) else _of_csv(path, notes)


def _begins_as_json(path: str) -> bool:
    with open_export(path) as file:
        return file.read(1000).lstrip()[:1] in (b"[", b"{")


def _of_csv(path: str, notes: Notes) -> Iterator[Detection]:
    rows = csv_rows.read(path)
    _, header = next(rows)
    if tuple(header) != COLUMNS:
        what = f"expected the header {','.join(COLUMNS)}, or COCO's JSON, got {shown(','.join(header))}"
        raise DataError(path, "line 1", what)
    for line, row in rows:
        where = f"line {line}"
        with notes.collecting(path, where):
            if len(row) != len(COLUMNS):
                raise DataError(path, where, f"expected {len(COLUMNS)} fields, got {len(row)}")
            image, category, *corners = row
            x0, y0, x1, y1 = (number(text, path, f"{where}, column {name}") for name, text in zip(COLUMNS[2:], corners))
            yield Detection(where, _CSV_KEYS, image.replace("\\", "/"), category or None, (x0, y0, x1, y1))


def _of_coco(path: str, names: Optional[str], notes: Notes) -> Iterator[Detection]:
    tables = coco.tables(names or path, notes)
    first: list[Any] = []
    for key, index, item in coco.items(path):
        where = f"[{index}]" if key is None else f"{key}[{index}]"
        if key not in (None, "annotations"):
            continue
        with notes.collecting(path, where):
            if item.get("iscrowd"):
                notes.count("annotation", "of a crowd passed over")
                continue
            if key is None and names is None:
                (image, category), size = _own_names(path, where, item, first), None
            else:
                image, size = coco.looked_up(item, "image_id", tables[0], names or path, where)
                category, _ = coco.looked_up(item, "category_id", tables[1], names or path, where)
            frame = coco.to_box(path, where, item.get("bbox"))
            if frame is None:
                raise DataError(path, f"{where}, bbox", f"expected x, y, width, height, got {shown(item.get('bbox'))}")
            score = None if item.get("score") is None else number(item["score"], path, f"{where}, score")
            yield Detection(where, _COCO_KEYS, image, category, frame, score, size)


def _own_names(path: str, where: str, item: dict[str, Any], first: list[Any]) -> tuple[str, Optional[str]]:
    """Returns (image, category or None) of a result in a list whose ids stand for themselves.

    Numbers do not say which categories they are: there may be one in the whole list, which `first` keeps.
    """
    image, category = item.get("image_id"), item.get("category_id")
    if not isinstance(image, (str, int)) or isinstance(image, bool) or image == "":
        raise DataError(path, f"{where}, image_id", f"expected the photo's name or number, got {shown(image)}")
    if isinstance(category, str) and category:
        return str(image).replace("\\", "/"), category
    first[:] = first or [category]
    if category != first[0]:
        expected = f"expected names, or one number in the whole list, which begins with {shown(first[0])}"
        what = f"{expected}, got {shown(category)}; or a second file in --boxes, with COCO's images and categories"
        raise DataError(path, f"{where}, category_id", what)
    return str(image), None
