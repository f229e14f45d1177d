"""CVAT, the XML named "CVAT for images 1.1": https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/.

A garment is a skeleton with its category's name and a joint for each keypoint; absent ones are marked `outside`, and
lie in the middle of the garment for those who want to have them. The box of a garment that has one, and of each of
several in a photo, is a rectangle with the label `garment` in the same group. Places are in the continuous plane, as
CVAT counts.
"""

import contextlib
from xml.sax.saxutils import XMLGenerator

from base.files import atomic_write

IS_FOLDER = False

BOX_LABEL = "garment"


def write(export, output):
    """Writes the file."""
    with atomic_write(output, encoding="utf-8") as file:
        xml = XMLGenerator(file, "utf-8", short_empty_elements=True)
        xml.startDocument()
        with _element(xml, "annotations"):
            _text(xml, "version", "1.1")
            _write_labels(xml, export)
            source = "auto" if export.model else "manual"
            for number, photo in enumerate(export.photos):
                width, height = photo.size
                with _element(xml, "image", id=number, name=photo.image_id, width=width, height=height):
                    for group, garment in enumerate(photo.garments, start=1):
                        _write_garment(xml, garment, photo.rectangle(garment), group, source, export.schema)
        file.write("\n")


@contextlib.contextmanager
def _element(xml, tag, **attributes):
    xml.ignorableWhitespace("\n")
    xml.startElement(tag, {key: str(value) for key, value in attributes.items()})
    yield
    xml.endElement(tag)


def _text(xml, tag, text):
    with _element(xml, tag):
        xml.characters(text)


def _write_labels(xml, export):
    """Writes what the labels are called, as CVAT does for those who read its exports."""
    with _element(xml, "meta"), _element(xml, "task"):
        _text(xml, "name", export.split)
        with _element(xml, "labels"):
            for category in export.schema.category_names:
                _write_label(xml, category, "skeleton")
                for keypoint in export.schema.keypoint_names(category):
                    _write_label(xml, keypoint, "points", category)
            _write_label(xml, BOX_LABEL, "rectangle")


def _write_label(xml, name, kind, parent=None):
    with _element(xml, "label"):
        _text(xml, "name", name)
        _text(xml, "type", kind)
        _text(xml, "attributes", "")
        if parent:
            _text(xml, "parent", parent)


def _write_garment(xml, garment, box, group, source, schema):
    """Writes a skeleton and the box that belongs to it, if it has one."""
    common = {"source": source, "z_order": 0, **({"group_id": group} if box else {})}
    if box:
        corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), (f"{edge:.2f}" for edge in box)))
        with _element(xml, "box", label=BOX_LABEL, occluded=0, **common, **corners):
            pass
    points = {point.keypoint: point for point in garment.points}
    x0, y0, x1, y1 = garment.frame
    middle = f"{(x0 + x1) / 2:.2f},{(y0 + y1) / 2:.2f}"
    with _element(xml, "skeleton", label=garment.category, **common):
        for name in schema.keypoint_names(garment.category):
            point = points.get(name)
            place = f"{point.x:.2f},{point.y:.2f}" if point else middle
            state = {"occluded": int(point.occluded), "outside": 0} if point else {"occluded": 0, "outside": 1}
            with _element(xml, "points", label=name, source=source, **state, points=place):
                pass
