"""Label Studio: the export named JSON, a list of tasks with keypoints in per cent of the photo.

The category is a choice of the photo; a keypoint is occluded when its region has the choice or the text `occluded`.
"""

import json
import re
import urllib.parse

from base.errors import DataError
from base.wording import counted
from preprocessing.labelling.labelled import Export, LabelledPhoto, number, read_text


def is_like(path, text):
    """Returns whether labels look like a list in JSON."""
    del path
    return text is not None and text.startswith("[")


def read(path, schema):
    """Returns the `Export` in a file. Remarks say which tasks were passed over, and where the last of several counts.

    Raises:
        DataError: the file is no such export.
    """
    try:
        tasks = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(path, None, f"is no JSON ({error}): expected Label Studio's export named JSON") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataError(path, None, "is no list of tasks: expected Label Studio's export named JSON")
    if tasks and not any("annotations" in task for task in tasks):
        what = "has no task with annotations, as in the export JSON-MIN: expected Label Studio's export named JSON"
        raise DataError(path, None, what)
    export, several, without = Export(), [], 0
    for index, task in enumerate(tasks, start=1):
        where = f"task {task.get('id', index)}"
        with export.collecting(path, where):
            finished = [done for done in task.get("annotations") or [] if not done.get("was_cancelled")]
            results = (finished[-1].get("result") or []) if finished else []
            if not any(result.get("type") == "keypointlabels" for result in results):
                without += 1
                continue
            if len(finished) > 1:
                several.append(where)
            export.photos.append(_photo(export, path, where, task, results, schema))
    if without:
        export.remarks.append(f"{path}: {counted(without, 'task')} without points passed over")
    if several:
        shown = ", ".join(several[:5]) + (", …" if len(several) > 5 else "")
        export.remarks.append(
            f"{path}: {counted(len(several), 'task')} with several annotations ({shown}): the last counts"
        )
    return export


def _photo(export, path, where, task, results, schema):
    occluded = {result.get("id") for result in results if _says_occluded(result)}
    points, sizes, categories = [], set(), []
    for result in results:
        if result.get("type") == "keypointlabels":
            with export.collecting(path, where):
                size = _size(path, where, result)
                sizes.add(size)
                points.append(_point(path, where, result, size, result.get("id") in occluded))
        elif result.get("type") == "choices":
            categories += [choice for choice in result["value"].get("choices", []) if choice in schema.category_names]
    if len(sizes) > 1:
        raise DataError(path, where, "has points of photos of different sizes: expected one photo per task")
    return LabelledPhoto(path, where, _names(path, where, task), sizes.pop() if sizes else None, categories, points)


def _says_occluded(result):
    texts = (result.get("value") or {}).get("choices", []) if result.get("type") == "choices" else []
    texts = texts + list((result.get("meta") or {}).get("text", []))
    return "occluded" in texts


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


def _names(path, where, task):
    """Returns the names that the photo of a task may have where it came from, the likelier first.

    An upload lies in Label Studio's own folder under a prefix, which the photo had not before.
    """
    data = task.get("data") or {}
    addresses = [value for value in data.values() if isinstance(value, str) and re.search(r"\.\w{3,4}($|[?&])", value)]
    if not addresses:
        raise DataError(path, where, "names no photo: expected a task with its image")
    parsed = urllib.parse.urlparse(addresses[0])
    local = urllib.parse.parse_qs(parsed.query).get("d")
    if local:
        return [local[0]]
    names = [urllib.parse.unquote(parsed.path), parsed.path]
    if "/upload/" in parsed.path:
        names = [name.rsplit("/", 1)[-1] for name in names]  # the folder is that of a project on the server
        names += [re.sub(r"^[0-9a-f]{8}-", "", name) for name in names]
    return list(dict.fromkeys(names))
