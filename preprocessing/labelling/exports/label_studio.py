"""Label Studio, a JSON list of tasks: https://labelstud.io/guide/tasks and https://labelstud.io/guide/predictions.

Points are in per cent of the photo's width and height, in the continuous plane. The category of a photo with one
garment is a choice, `category`. A garment with a box, and each of several in a photo, is a rectangle labelled with the
category, and the parent of its points. Predictions go where Label Studio offers them to be corrected.
"""

import urllib.parse
from xml.etree import ElementTree

from base.files import atomic_write
from preprocessing.labelling.exports._json_list import JsonList

IS_FOLDER = False
FLAGS = ("interface", "photo_url", "scores")

_CATEGORY, _GARMENT, _KEYPOINTS, _STATE = "category", "garment", "keypoints", "state"  # the interface's controls
_OCCLUDED = "occluded"
_POINT_SIZE = 0.5  # per cent of the photo's width: of the dot that is drawn


def write(export, output):
    """Writes the file; photos are named by `export.photo_url` and their image id, quoted as a part of an address."""
    with atomic_write(output, encoding="utf-8") as file:
        tasks = JsonList(file)
        for photo in export.photos:
            address = export.photo_url + urllib.parse.quote(photo.image_id)
            tasks.add({"data": {"image": address}, **_labels(photo, export.model)})
        tasks.close()
        file.write("\n")


def interface(schema):
    """Returns the labelling interface of a project for such tasks: https://labelstud.io/tags."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", name="image", value="$image")
    _control(view, "Choices", _CATEGORY, "Choice", schema.category_names)
    _control(view, "RectangleLabels", _GARMENT, "Label", schema.category_names)
    _control(view, "KeyPointLabels", _KEYPOINTS, "Label", schema.keypoints)
    _control(view, "Choices", _STATE, "Choice", [_OCCLUDED], perRegion="true", whenTagName=_KEYPOINTS)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _control(view, kind, name, value_kind, values, **attributes):
    control = ElementTree.SubElement(view, kind, name=name, toName="image", **attributes)
    for value in values:
        ElementTree.SubElement(control, value_kind, value=value)


def _labels(photo, model):
    """Returns what a task has beside its data: annotations, or the predictions of a model."""
    results = []
    for number, garment in enumerate(photo.garments, start=1):
        results += _garment(photo, garment, f"garment_{number}")
    if model is None:
        return {"annotations": [{"result": results}]}
    scores = [garment.score for garment in photo.garments if garment.score is not None]
    score = {"score": sum(scores) / len(scores)} if scores else {}
    return {"predictions": [{"model_version": model, **score, "result": results}]}


def _garment(photo, garment, region):
    """Returns the results of one garment; `region` is the id of its rectangle, and the start of those of its points."""
    results, parent = [], {}
    if len(photo.garments) == 1:
        results.append(_result(photo, f"{region}_category", "choices", _CATEGORY, {"choices": [garment.category]}))
    rectangle = photo.rectangle(garment)
    if rectangle:
        x0, y0, x1, y1 = rectangle
        sides = _per_cent(photo, x1 - x0, y1 - y0, ("width", "height"))
        value = {**_per_cent(photo, x0, y0), **sides, "rotation": 0, "rectanglelabels": [garment.category]}
        results.append(_result(photo, region, "rectanglelabels", _GARMENT, value))
        parent = {"parentID": region}
    for number, point in enumerate(garment.points, start=1):
        own, place = f"{region}_{number}", _per_cent(photo, point.x, point.y)
        score = {} if point.score is None else {"score": point.score}
        value = {**place, "width": _POINT_SIZE, "keypointlabels": [point.keypoint]}
        results.append({**_result(photo, own, "keypointlabels", _KEYPOINTS, value), **parent, **score})
        if point.occluded:
            value = {**place, "width": _POINT_SIZE, "choices": [_OCCLUDED]}
            results.append(_result(photo, own, "choices", _STATE, value))
    return results


def _per_cent(photo, x, y, names=("x", "y")):
    return {name: 100 * place / side for name, place, side in zip(names, (x, y), photo.size)}


def _result(photo, region, kind, control, value):
    """Returns what one of the interface's controls says of a region, or of the photo."""
    width, height = photo.size
    size = {"original_width": width, "original_height": height, "image_rotation": 0}
    return {"id": region, "type": kind, "from_name": control, "to_name": "image", **size, "value": value}
