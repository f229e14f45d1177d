"""COCO keypoints: one JSON file with images, categories and annotations, the form that most tools exchange.

A category is matched by its name, a keypoint by its name in the category. A whole number n is the pixel n, a fraction a
place on the continuous plane. v: 0 is not labelled, 1 occluded, 2 visible.
"""

import collections

from base.errors import DataError
from preprocessing.labelling import json_items
from preprocessing.labelling.labelled import Garment, as_category, number, numbers, shown, whole

_EXPECTED = "a COCO file with images, categories and annotations"


def is_like(path, text):
    """Returns whether labels look like an object in JSON with COCO's keys."""
    del path
    keys = ('"images"', '"annotations"', '"categories"', '"info"', '"licenses"')
    return text is not None and text.startswith("{") and '"shapes"' not in text and any(key in text for key in keys)


def read(path, schema, notes):
    """Yields the Garments in a file; annotations without keypoints are passed over, which a remark says.

    Raises:
        DataError: the file is no such export.
    """
    images, categories = tables(path, notes)
    if not images and not notes.faults:
        raise DataError(path, None, f"has no images: expected {_EXPECTED}")
    if not images:
        return
    for key, index, annotation in items(path):
        if key == "annotations":
            where = f"annotations[{index}]"
            with notes.collecting(path, where, _photo_of(annotation, images)):
                where = f"annotation {shown(annotation['id'])}" if "id" in annotation else where
                if not any(annotation.get("keypoints") or ()):
                    notes.count("annotation", "without keypoints passed over")
                elif annotation.get("iscrowd"):
                    notes.count("annotation", "of a crowd passed over")
                else:
                    yield _garment(path, where, annotation, images, categories, schema)


def tables(path, notes):
    """Returns what the ids in a file stand for; `notes` (labelled.Notes) collects the faults.

    Returns:
        images: {id: (file name, (width, height), or None where the file does not say them)}.
        categories: {id: (name, names of its keypoints, none where it has none)}.
    """
    images, categories = {}, {}
    for key, index, item in items(path):
        if key in ("images", "categories"):
            where = f"{key}[{index}]"
            with notes.collecting(path, where):
                if key == "images":
                    _add(images, path, where, item["id"], _photo(path, where, item))
                else:
                    _add(categories, path, where, item["id"], _category(path, where, item))
    return images, categories


def items(path):
    """Yields (key, index, item) of the lists of a file: images, categories and annotations may stand in any order.

    The key is None where the file is a list.
    """
    counts = collections.Counter()
    for key, item in json_items.items(path, _EXPECTED):
        yield key, counts[key], item
        counts[key] += 1


def looked_up(item, key, table, path, where):
    """Returns what an item's image_id or category_id stands for, by one of the `tables`.

    Raises:
        DataError: it is no id of the table.
    """
    if item.get(key) not in table:
        kind = "images" if key == "image_id" else "categories"
        raise DataError(path, f"{where}, {key}", f"expected the id of one of the {kind}, got {shown(item.get(key))}")
    return table[item[key]]


def _add(found, path, where, number, value):
    if number in found:
        raise DataError(path, f"{where}.id", f"expected an id that no other has, got {shown(number)}")
    found[number] = value


def _photo(path, where, image):
    """Returns (name, size) of an image; the size is None where the file does not say it."""
    name = image["file_name"]
    if not isinstance(name, str) or not name:
        raise DataError(path, f"{where}.file_name", f"expected the photo's name, got {shown(name)}")
    sides = [image.get(side) for side in ("width", "height")]
    size = tuple(int(number(side, path, where, 1)) for side in sides) if any(sides) else None
    return name.replace("\\", "/"), size


def _category(path, where, category):
    """Returns (name, keypoints) of a category; no keypoints where it has none."""
    keypoints = category.get("keypoints") or []
    if not isinstance(keypoints, list) or not all(isinstance(name, str) for name in keypoints):
        raise DataError(path, f"{where}.keypoints", f"expected a list of names, got {shown(keypoints)}")
    return str(category["name"]), keypoints


def _photo_of(annotation, images):
    """Returns the name of an annotation's photo; None where the annotation does not say it."""
    number = annotation.get("image_id") if isinstance(annotation, dict) else None
    return images[number][0] if isinstance(number, (int, str)) and number in images else None


def _garment(path, where, annotation, images, categories, schema):
    name, size = looked_up(annotation, "image_id", images, path, where)
    category, labels = looked_up(annotation, "category_id", categories, path, where)
    category = as_category(category, schema.category_names)
    values = numbers(annotation["keypoints"], 3 * len(labels), path, f"{where}, keypoints")
    points = []
    for label, x, y, state in zip(labels, values[::3], values[1::3], values[2::3]):
        if whole(state, path, f"{where}, v of {label}", (0, 1, 2)):
            points.append((label, x, y, state == 1))
    box = to_box(path, where, annotation.get("bbox"))
    return Garment(path, where, [name], size, [category], points, box, drops_outside=True)


def to_box(path, where, bbox):
    """Returns (x0, y0, x1, y1) of x, y, width and height; None where there is none, or four zeros as some tools write.

    Raises:
        DataError: these are no four numbers.
    """
    if not bbox or not any(bbox):
        return None
    x, y, width, height = numbers(bbox, 4, path, f"{where}, bbox")
    return x, y, x + width, y + height
