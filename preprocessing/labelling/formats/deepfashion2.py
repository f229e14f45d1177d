"""DeepFashion2: a folder of JSON files, one for each photo, with its garments as `item1`, `item2`, …

The keypoints of a category are those of the schema, in its order. Of each landmark x, y and v, v is 2 for a visible
one, 1 for an occluded one, 0 for one that is not labelled. `bounding_box` is x1, y1, x2, y2 in pixels.
"""

import os
import re

from base.errors import DataError
from preprocessing.labelling import json_items
from preprocessing.labelling.formats import _folders
from preprocessing.labelling.labelled import Garment, as_category, gathering, listed, numbers, shown, whole

SCHEMA = "deepfashion2"

_EXPECTED = "one of the annos of DeepFashion2"
_ITEM = re.compile(r"item\d+")


def is_like(path, text):
    """Returns whether labels are a folder of JSON files with items, or such a file."""
    text = _folders.first_head(path, "*.json").lstrip() if text is None else text
    return text.startswith("{") and re.search(r'"item\d+"', text) is not None


def read(path, schema, notes):
    """Yields the Garments of a folder, with its subfolders, or of one file; a remark counts those without landmarks.

    Raises:
        DataError: there is no such file.
    """
    for file in notes.watched(_folders.of_labels(path, "*.json", "the folder annos of DeepFashion2")):
        with notes.collecting(file, None):
            content = json_items.content(file, _EXPECTED)
            if not isinstance(content, dict):
                raise DataError(file, None, f"expected {_EXPECTED}, got {shown(content)}")
            items = sorted((key for key in content if _ITEM.fullmatch(key)), key=lambda key: (len(key), key))
            if not items:
                notes.count("file", "without items passed over")
            for key in items:
                with notes.collecting(file, key, _photo(file)):
                    garment = _garment(file, key, content[key], schema)
                    if garment.points or garment.faults:
                        yield garment
                    else:
                        notes.count("item", "without landmarks passed over")


def _photo(file):
    return f"image/{os.path.splitext(os.path.basename(file))[0]}.jpg"


def _garment(file, key, item, schema):
    category = as_category(item["category_name"], schema.category_names)
    if category not in schema.category_names:
        what = f"expected one of {listed(schema.category_names)}, got {shown(item['category_name'])}"
        raise DataError(file, f"{key}.category_name", what)
    labels = schema.keypoint_names(category)
    box = tuple(numbers(item["bounding_box"], 4, file, f"{key}.bounding_box"))
    garment = Garment(file, key, [_photo(file)], None, [category], [], box, drops_outside=True)
    values = numbers(item["landmarks"], 3 * len(labels), file, f"{key}.landmarks")
    for label, x, y, state in zip(labels, values[::3], values[1::3], values[2::3]):
        with gathering(garment.faults, file, f"{key}, {label}"):
            if whole(state, file, f"{key}, v of {label}", (0, 1, 2)):
                garment.points.append((label, x, y, state == 1))
    return garment
