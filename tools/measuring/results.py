"""What tools/measure.py writes: a CSV or a JSON file of all measurements, and a picture of each photo."""

import csv
import json

import cv2
import numpy as np

from base import geometry
from base.files import atomic_write
from utility import drawing

_COLUMNS = ("image", "category", "measurement", "pixels", "pixels_sd", "cm", "cm_sd")
_UNITS = ("pixels", "cm")
_RULE = (255, 210, 0)


def write(path, garments):
    """Writes the measurements of garments, as a list in JSON where the path ends in .json, else a row each in a CSV.

    Args:
        path: of the file.
        garments: (name of the photo, category, list of Measurement) of each.

    Raises:
        DataError: it cannot be written.
    """
    # A name in another encoding is written as it is, byte by byte.
    with atomic_write(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        if path.lower().endswith(".json"):
            json.dump([_to_json(*garment) for garment in garments], file, indent=1)
            file.write("\n")
        else:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(_COLUMNS)
            for image, category, measurements in garments:
                rows.writerows([image, category, one.name, *_cells(one)] for one in measurements)


def _cells(measurement):
    """Returns the text of each number of a Measurement; empty where it is not known."""
    numbers = [number for unit in _UNITS for number in _numbers(getattr(measurement, unit))]
    return ["" if number is None else f"{number:.3f}" for number in numbers]


def _numbers(length):
    return (None, None) if length is None else (length.value, length.sd)


def _to_json(image, category, measurements):
    own = {}
    for one in measurements:
        named = zip(_COLUMNS[3:], (number for unit in _UNITS for number in _numbers(getattr(one, unit))))
        own[one.name] = {key: number for key, number in named if number is not None}
    return {"image": image, "category": category, "measurements": own}


def draw(image, schema, found, measurements, corners):
    """Returns the photo with its measurements.

    Args:
        image: [H, W, 3] uint8 RGB.
        schema: the Schema.
        found: the predictor.Prediction.
        measurements: list of Measurement.
        corners: [4, 2] of the marker in the continuous plane, or None.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    unit = max(image.shape[:2]) / 512
    places = {name: (point["x"], point["y"]) for name, point in found["keypoints"].items()}
    canvas = drawing.draw_keypoints(image, schema, found["category"], places)
    lines = [one.points for one in measurements]
    if corners is not None:
        lines.append(geometry.to_pixels(np.concatenate([corners, corners[:1]])))
    for points in lines:
        _draw_line(canvas, points, max(1, round(1.5 * unit)))
    for one in measurements:
        middle = one.points[len(one.points) // 2 - 1 : len(one.points) // 2 + 1].mean(0)
        _label(canvas, _text(one), middle, 0.36 * max(unit, 0.7))
    return canvas


def _draw_line(canvas, points, thickness):
    fixed = np.rint(np.clip(points, -1e5, 1e5) * 16).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, _RULE, thickness, cv2.LINE_AA, 4)


def _text(measurement):
    length, unit = (measurement.pixels, "px") if measurement.cm is None else (measurement.cm, "cm")
    sd = "" if length.sd is None else f" +-{length.sd:.1f}"  # OpenCV's font has no other sign for it
    return f"{measurement.name} {length.value:.1f}{sd} {unit}"


def _label(canvas, text, middle, scale):
    """Writes a text about a place, moved into the picture where that is near its edge."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    free = np.maximum(np.array(canvas.shape[1::-1]) - (width, 1), (0, height))
    x, y = np.clip(middle - (width / 2, -height / 2), (0, height), np.maximum(free, (0, height)))
    drawing.write(canvas, text, (int(x), int(y)), scale)
