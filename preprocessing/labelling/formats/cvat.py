"""CVAT: the export named "CVAT for images 1.1", XML with points in pixels.

The category is a tag of the image, or the label of the skeleton that holds the points. `occluded` is CVAT's own mark;
points outside the photo are left out. Of several garments, each is a skeleton, and the box of its group its box.
"""

import xml.etree.ElementTree

from base.errors import DataError
from preprocessing.labelling.labelled import Garment, gathering, number, read_text

FLAGS = ("category",)
_EXPECTED = "the export CVAT for images 1.1"
_PIECE = 1 << 20  # characters that are parsed at a time
_NO_GROUP = (None, "", "0")


def is_like(path, text):
    """Returns whether labels look like XML."""
    del path
    return text is not None and text.startswith("<")


def read(path, schema, notes):
    """Yields the Garments in a file; images without points are passed over, which a remark says.

    Raises:
        DataError: the file is no such export.
    """
    is_empty = True
    for image in _images(path):
        is_empty = False
        where = f"image {image.get('name', '')}"
        with notes.collecting(path, where):
            garments = list(_garments(path, where, image, schema))
            if not garments:
                notes.count("image", "without points passed over")
            yield from garments
        image.clear()  # it stays in the tree of the file: what has been read shall not
    if is_empty:
        raise DataError(path, None, f"has no <image>: expected {_EXPECTED}")


def _images(path):
    """Yields the elements <image> as they are parsed."""
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(path, None, "declares entities, as no export of CVAT does: expected an export as it is")
    parser = xml.etree.ElementTree.XMLPullParser(["start", "end"])
    root = None
    try:
        for start in range(0, len(text) + 1, _PIECE):
            parser.feed(text[start : start + _PIECE])
            for event, element in parser.read_events():
                root = element if root is None else root
                if root.tag != "annotations":
                    raise DataError(path, None, f"has no <image>: expected {_EXPECTED}")
                if event == "end" and element.tag == "image":
                    yield element
        parser.close()
    except (xml.etree.ElementTree.ParseError, ValueError) as error:
        raise DataError(path, None, f"is no XML ({error}): expected {_EXPECTED}") from error


def _garments(path, where, image, schema):
    """Yields the garments of an image: one for each of several skeletons, else one of all points; none without points.

    Raises:
        DataError: the image's name or size is wrong.
    """
    loose = image.findall("points")
    skeletons = [skeleton for skeleton in image.findall("skeleton") if _shown(skeleton)]
    boxes = {box.get("group_id"): box for box in image.findall("box") if box.get("group_id") not in _NO_GROUP}
    tags = [tag.get("label") for tag in image.findall("tag") if tag.get("label") in schema.category_names]
    size = tuple(int(number(image.get(side), path, f"{where}, {side}", 1)) for side in ("width", "height"))
    if len(skeletons) <= 1:
        parts = [(loose + [node for one in skeletons for node in _shown(one)], skeletons)]
    else:
        parts = [(_shown(skeleton), [skeleton]) for skeleton in skeletons] + [(loose, [])]
    for nodes, own in parts:
        if nodes:
            categories = [skeleton.get("label") for skeleton in own] if len(skeletons) > 1 and own else None
            categories = categories or tags + [skeleton.get("label") for skeleton in own]
            garment = Garment(path, where, _names(image), size, categories, [])
            box = next((boxes[one.get("group_id")] for one in own if one.get("group_id") in boxes), None)
            _fill(garment, nodes, box)
            yield garment


def _names(image):
    """Returns the names of an image's photo: a project may have one name in several subsets, which become folders."""
    name, subset = image.get("name", ""), image.get("subset")
    return [f"{subset}/{name}", name] if subset else [name]


def _shown(skeleton):
    """Returns the points of a skeleton that are in the photo."""
    return [node for node in skeleton.findall("points") if node.get("outside") != "1"]


def _fill(garment, nodes, box):
    for node in nodes:
        with gathering(garment.faults, garment.file, garment.where):
            garment.points.append(_point(garment.file, garment.where, node))
    if box is not None:
        with gathering(garment.faults, garment.file, garment.where):
            if number(box.get("rotation", "0"), garment.file, f"{garment.where}, rotation") % 360:
                what = "has a rotated rectangle: expected one with upright sides"
                raise DataError(garment.file, garment.where, what)
            sides = ("xtl", "ytl", "xbr", "ybr")
            garment.box = tuple(number(box.get(side), garment.file, f"{garment.where}, {side}") for side in sides)


def _point(path, where, node):
    label = node.get("label", "")
    places = node.get("points", "").split(";")
    if len(places) != 1 or places[0].count(",") != 1:
        raise DataError(path, f"{where}, {label}", f"has {len(places)} points: expected one point per shape")
    x, y = (number(value, path, f"{where}, {label}") for value in places[0].split(","))
    return label, x, y, node.get("occluded") == "1"
