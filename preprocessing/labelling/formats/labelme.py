"""labelme: a folder of JSON files, one beside each photo, with shapes of type `point` in pixels.

The category is a flag of the photo that is on, or the name of the folder that the file lies in. A point is occluded
when its flag `occluded` is on. Of several garments, each is a group: a rectangle whose label is the category, and
points of the same group. Other shapes are passed over.
"""

import os

from base.errors import DataError
from preprocessing.labelling import json_items
from preprocessing.labelling.formats import _folders, deepfashion2
from preprocessing.labelling.labelled import Garment, gathering, number, shown

FLAGS = ("category",)
_EXPECTED = "a file that labelme saved"


def is_like(path, text):
    """Returns whether labels look like an object in JSON with shapes, or are a folder with JSON files."""
    if text is None:
        return bool(_folders.files(path, "*.json")) and not deepfashion2.is_like(path, None)
    return text.startswith("{") and ('"shapes"' in text or '"imagePath"' in text)


def read(path, schema, notes):
    """Yields the Garments in a folder, with its subfolders, or in one file. Remarks say what was passed over.

    Raises:
        DataError: there is no such file.
    """
    for file in notes.watched(_folders.of_labels(path, "*.json", "the folder that labelme saved into")):
        with notes.collecting(file, None):
            content = _content(file)
            groups, rectangles = _groups(content["shapes"], notes)
            if not groups:
                notes.count("file", "without points passed over")
            for group, shapes in groups.items():
                garment = _garment(file, content, shapes, schema)
                if group in rectangles:
                    _enclose(garment, group, rectangles[group], schema)
                yield garment


def _content(path):
    content = json_items.content(path, _EXPECTED)
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list) or not content.get("imagePath"):
        raise DataError(path, None, f"has no shapes or no imagePath: expected {_EXPECTED}")
    return content


def _groups(shapes, notes):
    """Returns the points of each group, and the rectangles of those that have one; counts the shapes passed over.

    Where no rectangle is in a group with points, all points are one garment's, as people group them for other reasons.
    """
    points = [shape for shape in shapes if shape.get("shape_type") == "point"]
    numbers = {shape.get("group_id") for shape in points} - {None}
    rectangles = {
        shape["group_id"]: shape
        for shape in shapes
        if shape.get("shape_type") == "rectangle" and shape.get("group_id") in numbers
    }
    for _ in range(len(shapes) - len(points) - len(rectangles)):
        notes.count("shape", "of other types than point passed over")
    groups = {}
    for shape in points:
        groups.setdefault(shape.get("group_id") if rectangles else None, []).append(shape)
    return groups, rectangles


def _garment(path, content, shapes, schema):
    size = tuple(int(number(content.get(side), path, side, 1)) for side in ("imageWidth", "imageHeight"))
    flags = content.get("flags") or {}
    categories = [name for name in schema.category_names if flags.get(name)]
    folder = os.path.dirname(os.path.abspath(path))
    if not categories and os.path.basename(folder) in schema.category_names:
        categories = [os.path.basename(folder)]
    name = os.path.normpath(os.path.join(folder, content["imagePath"].replace("\\", "/"))).replace(os.sep, "/")
    garment = Garment(path, "shapes", [name], size, categories, [])
    for index, shape in enumerate(shapes, start=1):
        with gathering(garment.faults, path, f"point {index}"):
            garment.points.append(_point(path, index, shape))
    return garment


def _point(path, index, shape):
    label = str(shape.get("label"))
    where = f"point {index}, {label}"
    if len(shape.get("points") or []) != 1:
        raise DataError(path, where, f"has {len(shape.get('points') or [])} places: expected one")
    x, y = (number(value, path, where) for value in shape["points"][0])
    return label, x, y, bool((shape.get("flags") or {}).get("occluded"))


def _enclose(garment, group, rectangle, schema):
    """Gives a garment the box and the category of its group's rectangle, whose corners may be any two opposite ones."""
    garment.where = f"group {shown(group)}"
    with gathering(garment.faults, garment.file, garment.where):
        corners = rectangle.get("points") or []
        if len(corners) != 2:
            what = f"has a rectangle of {len(corners)} corners: expected two"
            raise DataError(garment.file, garment.where, what)
        (x0, y0), (x1, y1) = ([number(value, garment.file, garment.where) for value in corner] for corner in corners)
        garment.box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    if rectangle.get("label") in schema.category_names:
        garment.categories = [rectangle["label"]]
