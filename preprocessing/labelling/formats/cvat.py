"""CVAT: the export named "CVAT for images 1.1", XML with points in pixels.

The category is a tag of the image, or the label of the skeleton that holds the points. `occluded` is CVAT's own mark;
points outside the photo are left out.
"""

import xml.etree.ElementTree

from base.errors import DataError
from base.wording import counted
from preprocessing.labelling.labelled import Export, LabelledPhoto, number, read_text


def is_like(path, text):
    """Returns whether labels look like XML."""
    del path
    return text is not None and text.startswith("<")


def read(path, schema):
    """Returns the `Export` in a file; images without points are passed over, which a remark says.

    Raises:
        DataError: the file is no such export.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(path, None, "declares entities, as no export of CVAT does: expected an export as it is")
    try:
        root = xml.etree.ElementTree.fromstring(text)
    except xml.etree.ElementTree.ParseError as error:
        raise DataError(path, None, f"is no XML ({error}): expected the export CVAT for images 1.1") from error
    if root.tag != "annotations" or root.find("image") is None:
        raise DataError(path, None, "has no <image>: expected the export CVAT for images 1.1")
    export, without = Export(), 0
    for image in root.iter("image"):
        name = image.get("name", "")
        with export.collecting(path, f"image {name}"):
            points = _points(export, path, f"image {name}", image)
            if points is None:
                without += 1
            else:
                export.photos.append(_photo(path, name, image, points, schema))
    if without:
        export.remarks.append(f"{path}: {counted(without, 'image')} without points passed over")
    return export


def _photo(path, name, image, points, schema):
    where = f"image {name}"
    size = tuple(int(number(image.get(side), path, f"{where}, {side}", 1)) for side in ("width", "height"))
    categories = [tag.get("label") for tag in image.findall("tag") if tag.get("label") in schema.category_names]
    categories += [skeleton.get("label") for skeleton in image.findall("skeleton")]
    return LabelledPhoto(path, where, [name], size, categories, points)


def _points(export, path, where, image):
    """Returns the points of an image, without those that are faulty, which are noted; None where it has none at all."""
    nodes = image.findall("points")
    for skeleton in image.findall("skeleton"):
        nodes += [node for node in skeleton.findall("points") if node.get("outside") != "1"]
    points = []
    for node in nodes:
        with export.collecting(path, where):
            points.append(_point(path, where, node))
    return points if nodes else None


def _point(path, where, node):
    label = node.get("label", "")
    places = node.get("points", "").split(";")
    if len(places) != 1 or places[0].count(",") != 1:
        raise DataError(path, f"{where}, {label}", f"has {len(places)} points: expected one point per shape")
    x, y = (number(value, path, f"{where}, {label}") for value in places[0].split(","))
    return label, x, y, node.get("occluded") == "1"
