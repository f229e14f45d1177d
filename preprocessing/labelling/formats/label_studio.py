"""Label Studio: the export named JSON, a list of tasks with keypoints in per cent of the photo.

The category is a choice of the photo; a keypoint is occluded when its region has the choice or the text `occluded`. Of
several garments, each is a rectangle whose label is the category, with its keypoints below it in the tree of regions.
"""

import re
import urllib.parse

from base.errors import DataError, DataErrors
from preprocessing.labelling import json_items
from preprocessing.labelling.labelled import Garment, gathering, head, number, shown

FLAGS = ("category",)
_EXPECTED = "Label Studio's export named JSON"
_ADDRESS = re.compile(r"\.\w{3,4}($|[?&])")
_PHOTO = re.compile(r"\.(jpe?g|png|webp|bmp|gif|tiff?)($|[?&])", re.IGNORECASE)


def is_like(path, text):
    """Returns whether labels look like a list in JSON."""
    del path
    return text is not None and text.startswith("[")


def read(path, schema, notes):
    """Yields the Garments in a file. Remarks say which tasks were passed over, and where the last of several counts.

    Raises:
        DataError: the file is no such export.
    """
    is_finished = index = 0
    for index, (key, task) in enumerate(json_items.items(path, _EXPECTED), start=1):
        if key is not None or not isinstance(task, dict):
            raise DataError(path, None, f"is no list of tasks: expected {_EXPECTED}")
        is_finished = is_finished or "annotations" in task
        where = f"task {shown(task.get('id', index))}"
        with notes.collecting(path, where):
            finished = [done for done in task.get("annotations") or [] if not done.get("was_cancelled")]
            results = (finished[-1].get("result") or []) if finished else []
            if not any(result.get("type") == "keypointlabels" for result in results):
                notes.count("task", "without points passed over")
                continue
            if len(finished) > 1:
                notes.count("task", "with several annotations ({places}): the last counts", where)
            yield from list(_garments(path, where, task, results, schema))  # all of a photo's, or none
    if not index and not head(path).lstrip().startswith("["):
        raise DataError(path, None, f"is no list of tasks: expected {_EXPECTED}")
    if index and not is_finished:
        what = f"has no task with annotations, as in the export JSON-MIN: expected {_EXPECTED}"
        raise DataError(path, None, what)


def _garments(path, where, task, results, schema):
    """Yields the garments of a task: one for each rectangle with keypoints, and one of the keypoints without."""
    rectangles = {result.get("id"): result for result in results if result.get("type") == "rectanglelabels"}
    parts = {}
    for result in results:
        if result.get("type") == "keypointlabels":
            parent = result.get("parentID")
            parts.setdefault(parent if parent in rectangles else None, []).append(result)
    chosen = [_names_in(result, "choices", schema) for result in results if result.get("type") == "choices"]
    occluded = {result.get("id") for result in results if _says_occluded(result)}
    for parent, keypoints in parts.items():
        garment = Garment(path, where, [], None, sum(chosen, []), [])
        if parent is not None:
            garment.where = f"{where}, region {shown(parent)}"
            with gathering(garment.faults, path, garment.where):
                garment.box = _frame(path, garment.where, rectangles[parent])
            garment.categories = _names_in(rectangles[parent], "rectanglelabels", schema) or garment.categories
        _add_points(garment, keypoints, occluded)
        with gathering(garment.faults, path, garment.where):
            garment.names = _names(path, where, task)
        if not garment.names:
            raise DataErrors(garment.faults)
        yield garment


def _names_in(result, key, schema):
    return [name for name in result["value"].get(key, []) if name in schema.category_names]


def _says_occluded(result):
    texts = (result.get("value") or {}).get("choices", []) if result.get("type") == "choices" else []
    texts = texts + list((result.get("meta") or {}).get("text", []))
    return "occluded" in texts


def _add_points(garment, keypoints, occluded):
    sizes = set()
    for result in keypoints:
        with gathering(garment.faults, garment.file, garment.where):
            size = _size(garment.file, garment.where, result)
            sizes.add(size)
            garment.points.append(_point(garment.file, garment.where, result, size, result.get("id") in occluded))
    if len(sizes) > 1:
        what = "has points of photos of different sizes: expected one photo per task"
        garment.faults.append(DataError(garment.file, garment.where, what))
    garment.size = min(sizes, default=None)


def _size(path, where, result):
    if result.get("image_rotation"):
        raise DataError(path, where, "is labelled on a photo rotated in Label Studio: expected the photo as it is")
    keys = ("original_width", "original_height")
    return tuple(int(number(result.get(key), path, f"{where}, {key}", 1)) for key in keys)


def _point(path, where, result, size, occluded):
    value = result.get("value") or {}
    names = value.get("keypointlabels") or []
    if len(names) != 1:
        raise DataError(path, where, f"has a point with {len(names)} labels: expected one")
    where = f"{where}, {names[0]}"
    x, y = (number(value.get(axis), path, f"{where}, {axis}") / 100 * side for axis, side in zip("xy", size))
    return names[0], x, y, occluded


def _frame(path, where, rectangle):
    """Returns the box of a rectangle, which Label Studio has in per cent of the photo."""
    if (rectangle["value"].get("rotation") or 0) != 0:
        raise DataError(path, where, "is a rotated rectangle: expected one with upright sides")
    width, height = _size(path, where, rectangle)
    value = {key: number(rectangle["value"].get(key), path, f"{where}, {key}") for key in ("x", "y", "width", "height")}
    left, top = value["x"], value["y"]
    right, bottom = left + value["width"], top + value["height"]
    return left / 100 * width, top / 100 * height, right / 100 * width, bottom / 100 * height


def _names(path, where, task):
    """Returns the names that the photo of a task may have where it came from, the likelier first.

    An upload lies in Label Studio's own folder under a prefix, which the photo had not before.
    """
    data = task.get("data") or {}
    texts = {key: value for key, value in data.items() if isinstance(value, str) and _ADDRESS.search(value)}
    if not texts:
        raise DataError(path, where, "names no photo: expected a task with its image")
    # A task may have other texts with dots in them: a shop's address, an article's number.
    key = min(texts, key=lambda key: (key != "image", _PHOTO.search(texts[key]) is None))
    parsed = urllib.parse.urlparse(texts[key])
    local = urllib.parse.parse_qs(parsed.query).get("d")
    if local:
        return [local[0]]
    names = [urllib.parse.unquote(parsed.path), parsed.path]
    if "/upload/" in parsed.path:
        names = [name.rsplit("/", 1)[-1] for name in names]  # the folder is that of a project on the server
        names += [re.sub(r"^[0-9a-f]{8}-", "", name) for name in names]
    return list(dict.fromkeys(names))
