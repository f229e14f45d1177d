"""CVAT, the XML named "CVAT for images 1.1": https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/.

A garment is a skeleton with its category's name and a joint for each keypoint; absent ones are marked `outside`, and
lie in the middle of the garment for those who want to have them. The box of a garment that has one, and of each of
several in a photo, is a rectangle with the label `garment` in the same group. Places are in the continuous plane, as
CVAT counts.
"""

import contextlib
import json
import math
from xml.sax.saxutils import XMLGenerator, quoteattr

from base.files import atomic_write

IS_FOLDER = False
FLAGS = ("interface",)

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


def interface(schema):
    """Returns the labels of a task for such annotations, as the tab Raw of CVAT's constructor of labels takes them."""
    labels = [
        {
            "name": category,
            "type": "skeleton",
            "attributes": [],
            "sublabels": [
                {"name": name, "type": "points", "attributes": []} for name in schema.keypoint_names(category)
            ],
            "svg": _template(schema, category),
        }
        for category in schema.category_names
    ]
    return json.dumps([*labels, {"name": BOX_LABEL, "type": "rectangle", "attributes": []}], indent=2) + "\n"


def _template(schema, category):
    """Returns the SVG of a new skeleton, in a square of 100: its joints on a circle, and the lines between them."""
    names = schema.keypoint_names(category)
    angles = [2 * math.pi * index / len(names) for index in range(len(names))]
    places = [(f"{50 + 40 * math.sin(angle):.2f}", f"{50 - 40 * math.cos(angle):.2f}") for angle in angles]
    parts = []
    for pair in schema.outline(category):
        a, b = map(names.index, pair)
        ends = dict(zip(("x1", "y1", "x2", "y2"), places[a] + places[b]))
        nodes = {"data-node-from": a + 1, "data-node-to": b + 1}
        parts.append(_tag("line", {**ends, "data-type": "edge", **nodes, "stroke": "black", "stroke-width": 0.5}))
    for number, (name, (x, y)) in enumerate(zip(names, places), start=1):
        look = {"r": 1.5, "cx": x, "cy": y, "stroke": "black", "stroke-width": 0.1, "fill": "#b3b3b3"}
        node = {"data-type": "element node", "data-element-id": number, "data-node-id": number}
        parts.append(_tag("circle", {**look, **node, "data-label-name": name}))
    return "".join(parts)


def _tag(tag, attributes):
    return f"<{tag} {' '.join(f'{key}={quoteattr(str(value))}' for key, value in attributes.items())}></{tag}>"


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
                _write_label(xml, category, "skeleton", svg=_template(export.schema, category))
                for keypoint in export.schema.keypoint_names(category):
                    _write_label(xml, keypoint, "points", parent=category)
            _write_label(xml, BOX_LABEL, "rectangle")


def _write_label(xml, name, kind, **others):
    with _element(xml, "label"):
        _text(xml, "name", name)
        _text(xml, "type", kind)
        _text(xml, "attributes", "")
        for tag, text in others.items():
            _text(xml, tag, text)


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
