"""labelme: a folder of JSON files, one beside each photo, with shapes of type `point` in pixels.

The category is a flag of the photo that is on, or the name of the folder that the file lies in. A point is occluded
when its flag `occluded` is on.
"""

import glob
import json
import os

from configs.errors import DataError
from configs.keypoints import CATEGORIES
from tools.labelling.labelled import LabelledPhoto, number, read_text, well_formed


def read(path):
    """Returns the labelled photos of a folder, with its subfolders, or of one file.

    Raises:
        DataError: there is no such file, or one is not labelme's.
    """
    files = [path]
    if os.path.isdir(path):
        files = sorted(glob.glob(os.path.join(glob.escape(path), "**", "*.json"), recursive=True))
    if not files:
        raise DataError(path, None, "has no .json file: the folder that labelme saved into would be right")
    labelled = []
    for file in files:
        with well_formed(file, None):
            labelled.append(_photo(file))
    return [photo for photo in labelled if photo.points]


def _photo(path):
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(path, None, f"is no JSON ({error}): a file that labelme saved would be right") from error
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list) or not content.get("imagePath"):
        raise DataError(path, None, "has no shapes or no imagePath: a file that labelme saved would be right")
    size = tuple(int(number(content.get(side), path, side, 1)) for side in ("imageWidth", "imageHeight"))
    flags = content.get("flags") or {}
    categories = [name for name in CATEGORIES if flags.get(name)]
    folder = os.path.basename(os.path.dirname(os.path.abspath(path)))
    if not categories and folder in CATEGORIES:
        categories = [folder]
    name = content["imagePath"].replace("\\", "/").rsplit("/", 1)[-1]
    points = [_point(path, index, shape) for index, shape in enumerate(content["shapes"], start=1)]
    return LabelledPhoto(path, "shapes", name, size, categories, points)


def _point(path, index, shape):
    label = str(shape.get("label"))
    where = f"shape {index}, {label}"
    if shape.get("shape_type") != "point" or len(shape.get("points") or []) != 1:
        raise DataError(path, where, f"is a {shape.get('shape_type')}: a shape of type point would be right")
    x, y = (number(value, path, where) for value in shape["points"][0])
    return label, x, y, bool((shape.get("flags") or {}).get("occluded"))
