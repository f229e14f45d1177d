"""Label Studio: the export named JSON, a list of tasks with keypoints in per cent of the photo.

The category is a choice of the photo; a keypoint is occluded when its region has the choice or the text `occluded`.
"""

import json
import re
import urllib.parse

from configs.errors import DataError
from configs.keypoints import CATEGORIES
from tools.labelling.labelled import LabelledPhoto, number, read_text, well_formed


def read(path):
    """Returns the labelled photos of an export; tasks without a finished annotation are passed over.

    Raises:
        DataError: the file is no such export.
    """
    try:
        tasks = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(path, None, f"is no JSON ({error}): Label Studio's export named JSON would be right") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataError(path, None, "is no list of tasks: Label Studio's export named JSON would be right")
    labelled = []
    for index, task in enumerate(tasks, start=1):
        where = f"task {task.get('id', index)}"
        with well_formed(path, where):
            labelled.append(_photo(path, where, task))
    return [photo for photo in labelled if photo]


def _photo(path, where, task):
    finished = [done for done in task.get("annotations") or [] if not done.get("was_cancelled")]
    if not finished:
        return None
    results = finished[-1].get("result") or []
    occluded = {result.get("id") for result in results if _says_occluded(result)}
    points, sizes, categories = [], set(), []
    for result in results:
        if result.get("type") == "keypointlabels":
            size = _size(path, where, result)
            sizes.add(size)
            points.append(_point(path, where, result, size, result.get("id") in occluded))
        elif result.get("type") == "choices":
            categories += [choice for choice in result["value"].get("choices", []) if choice in CATEGORIES]
    if not points:
        return None
    if len(sizes) > 1:
        raise DataError(path, where, "has points of photos of different sizes: one photo a task would be right")
    return LabelledPhoto(path, where, _file_name(path, where, task), sizes.pop(), categories, points)


def _says_occluded(result):
    texts = (result.get("value") or {}).get("choices", []) if result.get("type") == "choices" else []
    texts = texts + list((result.get("meta") or {}).get("text", []))
    return "occluded" in texts


def _size(path, where, result):
    if result.get("image_rotation"):
        raise DataError(path, where, "is labelled on a photo turned in Label Studio: the photo as it is would be right")
    return tuple(int(number(result.get(f"original_{side}"), path, where, 1)) for side in ("width", "height"))


def _point(path, where, result, size, occluded):
    value = result.get("value") or {}
    names = value.get("keypointlabels") or []
    if len(names) != 1:
        raise DataError(path, where, f"has a point with {len(names)} labels: one would be right")
    x, y = (number(value.get(axis), path, f"{where}, {names[0]}") / 100 * side for axis, side in zip("xy", size))
    return names[0], x, y, occluded


def _file_name(path, where, task):
    """Returns the photo's file name, without the folder and the prefix that Label Studio's upload gives it."""
    data = task.get("data") or {}
    addresses = [value for value in data.values() if isinstance(value, str) and re.search(r"\.\w{3,4}($|[?&])", value)]
    if not addresses:
        raise DataError(path, where, "names no photo: a task with its image would be right")
    parsed = urllib.parse.urlparse(addresses[0])
    local = urllib.parse.parse_qs(parsed.query).get("d")
    name = urllib.parse.unquote(local[0] if local else parsed.path).rsplit("/", 1)[-1]
    return re.sub(r"^[0-9a-f]{8}-", "", name) if "/upload/" in parsed.path else name
