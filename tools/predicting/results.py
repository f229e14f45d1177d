"""What tools/predict.py writes: JSON, a table of all points, drawn pictures."""

import contextlib
import csv
import json
import os

import numpy as np

from base.files import atomic_write, exclusive_file
from base.remote import places
from preprocessing.data.boxes import COLUMN, to_text
from utility import drawing

TABLE = "keypoints.csv"
_COLUMNS = ("image", "frame", "category", "keypoint", "x", "y", "score")


@contextlib.contextmanager
def table(output_dir, has_boxes=False):
    """Yields the writer of OUT/keypoints.csv, which is there when the block ends without an error.

    Args:
        output_dir: the folder of the results.
        has_boxes: whether the last column is `box`.

    Raises:
        DataError: another process writes it, or it cannot be written.
    """
    path = os.path.join(output_dir, TABLE)
    # A name in another encoding is written as it is, byte by byte.
    text = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
    with exclusive_file(path), atomic_write(path, **text) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*_COLUMNS, *([COLUMN] if has_boxes else [])))
        yield writer


def write_rows(writer, path, frame, found, box=None):
    """Writes a row for each point of a predictor.Prediction, with its box (whole pixels) if there is one."""
    last = [] if box is None else [to_text(box)]
    for name, point in found["keypoints"].items():
        x, y, score = (f"{point[key]:.3f}" for key in ("x", "y", "score"))
        writer.writerow((places.shown(path), frame, found["category"], name, x, y, score, *last))


def write_json(path, content):
    """Writes a JSON file, whole or not at all; raises DataError where that cannot be."""
    with atomic_write(path, encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def smooth(smoother, image, found):
    """Smooths the points of a Prediction, in place.

    Args:
        smoother: smoothing.Smoother, called for every frame of the video in turn.
        image: the frame.
        found: its Prediction; the covariances stay those of the frame.
    """
    keypoints = found["keypoints"].values()
    points = np.array([(point["x"], point["y"]) for point in keypoints])
    has_all = all("covariance" in point for point in keypoints)
    covariances = np.array([point["covariance"] for point in keypoints]) if has_all else None
    for point, (x, y) in zip(keypoints, smoother(image, points, covariances)):
        point["x"], point["y"] = float(x), float(y)


def draw(image, schema, found, box=None):
    """Returns the image, [H, W, 3] uint8 RGB, with a Prediction and its box drawn on it."""
    points = {name: (point["x"], point["y"]) for name, point in found["keypoints"].items()}
    scores = {name: point["score"] for name, point in found["keypoints"].items()}
    covariances = {name: point["covariance"] for name, point in found["keypoints"].items() if "covariance" in point}
    image = image if box is None else drawing.draw_box(image, box)
    return drawing.draw_keypoints(
        image, schema, found["category"], points, scores=scores, write_names=True, covariances=covariances
    )
