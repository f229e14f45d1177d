"""labelme: a folder of JSON files, one beside each photo, with shapes of type `point` in pixels.

The category is a flag of the photo that is on, or the name of the folder that the file lies in. A point is occluded
when its flag `occluded` is on. Other shapes, such as a box around the garment, are passed over.
"""

import glob
import json
import os

from base.errors import DataError
from base.wording import counted
from preprocessing.labelling.labelled import Export, LabelledPhoto, number, read_text


def is_like(path, text):
    """Returns whether labels look like an object in JSON, or are a folder with such files."""
    return bool(_files(path)) if text is None else text.startswith("{")


def read(path, schema):
    """Returns the `Export` in a folder, with its subfolders, or in one file. Remarks say what was passed over.

    Raises:
        DataError: there is no such file.
    """
    files = [path]
    if os.path.isdir(path):
        files = _files(path)
    if not files:
        raise DataError(path, None, "has no .json file: expected the folder that labelme saved into")
    export, without, others = Export(), 0, 0
    for file in files:
        with export.collecting(file, None):
            content = _content(file)
            shapes = [shape for shape in content["shapes"] if shape.get("shape_type") == "point"]
            others += len(content["shapes"]) - len(shapes)
            if shapes:
                export.photos.append(_photo(export, file, content, shapes, schema))
            else:
                without += 1
    if without:
        export.remarks.append(f"{path}: {counted(without, 'file')} without points passed over")
    if others:
        export.remarks.append(f"{path}: {counted(others, 'shape')} of other types than point passed over")
    return export


def _files(folder):
    return sorted(glob.glob(os.path.join(glob.escape(folder), "**", "*.json"), recursive=True))


def _content(path):
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(path, None, f"is no JSON ({error}): expected a file that labelme saved") from error
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list) or not content.get("imagePath"):
        raise DataError(path, None, "has no shapes or no imagePath: expected a file that labelme saved")
    return content


def _photo(export, path, content, shapes, schema):
    size = tuple(int(number(content.get(side), path, side, 1)) for side in ("imageWidth", "imageHeight"))
    flags = content.get("flags") or {}
    categories = [name for name in schema.category_names if flags.get(name)]
    folder = os.path.dirname(os.path.abspath(path))
    if not categories and os.path.basename(folder) in schema.category_names:
        categories = [os.path.basename(folder)]
    name = os.path.normpath(os.path.join(folder, content["imagePath"].replace("\\", "/"))).replace(os.sep, "/")
    points = []
    for index, shape in enumerate(shapes, start=1):
        with export.collecting(path, f"point {index}"):
            points.append(_point(path, index, shape))
    return LabelledPhoto(path, "shapes", [name], size, categories, points)


def _point(path, index, shape):
    label = str(shape.get("label"))
    where = f"point {index}, {label}"
    if len(shape.get("points") or []) != 1:
        raise DataError(path, where, f"has {len(shape.get('points') or [])} places: expected one")
    x, y = (number(value, path, where) for value in shape["points"][0])
    return label, x, y, bool((shape.get("flags") or {}).get("occluded"))
