"""CVAT: the export named "CVAT for images 1.1", XML with points in pixels.

The category is a tag of the image, or the label of the skeleton that holds the points. `occluded` is CVAT's own mark;
points outside the photo are left out.
"""

import xml.etree.ElementTree

from configs.errors import DataError
from configs.keypoints import CATEGORIES
from tools.labelling.labelled import LabelledPhoto, number, read_text


def read(path):
    """Returns the labelled photos of an export; images without points are passed over.

    Raises:
        DataError: the file is no such export.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(path, None, "declares entities, as no export of CVAT does: an export as it is would be right")
    try:
        root = xml.etree.ElementTree.fromstring(text)
    except xml.etree.ElementTree.ParseError as error:
        raise DataError(path, None, f"is no XML ({error}): the export CVAT for images 1.1 would be right") from error
    if root.tag != "annotations" or root.find("image") is None:
        raise DataError(path, None, "has no <image>: the export CVAT for images 1.1 would be right")
    labelled = [_photo(path, image) for image in root.iter("image")]
    return [photo for photo in labelled if photo.points]


def _photo(path, image):
    name = image.get("name", "")
    where = f"image {name}"
    size = tuple(int(number(image.get(side), path, where, 1)) for side in ("width", "height"))
    categories = [tag.get("label") for tag in image.findall("tag") if tag.get("label") in CATEGORIES]
    points = [_point(path, where, node) for node in image.findall("points")]
    for skeleton in image.findall("skeleton"):
        categories.append(skeleton.get("label"))
        inside = [node for node in skeleton.findall("points") if node.get("outside") != "1"]
        points += [_point(path, where, node) for node in inside]
    return LabelledPhoto(path, where, name.rsplit("/", 1)[-1], size, categories, points)


def _point(path, where, node):
    label = node.get("label", "")
    places = node.get("points", "").split(";")
    if len(places) != 1 or places[0].count(",") != 1:
        raise DataError(path, f"{where}, {label}", f"has {len(places)} points: one point a shape would be right")
    x, y = (number(value, path, f"{where}, {label}") for value in places[0].split(","))
    return label, x, y, node.get("occluded") == "1"
