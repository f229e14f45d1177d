"""Drawn garments of known size beside a marker, seen by tilted cameras: how well tools/measure.py measures them.

    PYTHONPATH=. python tests/measured_garments.py --output_dir=FOLDER [--train=300] [--test=120] [--category=skirt]
    PYTHONPATH=. python tests/measured_garments.py --output_dir=FOLDER --sizes=sizes.csv

The first draws FOLDER/train_0, FOLDER/test_0, their tables, and FOLDER/truth.json with each photo's measurements in cm.
The second compares what tools/measure.py --marker_cm=10 wrote for FOLDER/test_0/Images/<category> with them. Between
the two: tools/convert_tfrecords.py, a training, tools/calibrate.py and tools/measure.py, as a user runs them.
"""

import argparse
import csv
import json
import math
import pathlib

import cv2
import numpy as np
from made_cameras import camera

from base import schema as schemas
from preprocessing.data import annotations, csv_rows
from tools.synthetic import photos
from utility.measurement import marker, plane

SCHEMA = schemas.default()
MARKER_CM = 10
PIXELS_PER_CM = 5.0  # of the drawing that is photographed
DRAWN = 512  # pixels: the longest side of a drawing
STRIP = 110  # pixels of it beside the garment, for the marker
PHOTO = 1000  # pixels: of a photo's sides, as `camera` has them
MOST_TILT = math.radians(25)


def drawing(rng, category):
    """Returns a drawing with a marker, [H, W, 3] uint8, and {name: ((x, y), visibility)} in its continuous plane."""
    scene = photos.random_scene(rng, category, DRAWN, SCHEMA)
    image, visibility = photos.render(rng, scene)
    strip = np.full((image.shape[0], STRIP, 3), rng.integers(120, 230), np.uint8)
    side = round(MARKER_CM * PIXELS_PER_CM)
    top = rng.integers(10, image.shape[0] - side - 30)
    strip[top : top + side + 20, 20 : side + 40] = marker.draw(int(rng.integers(50)), side, 10)[..., None]
    places = photos.scene_points(scene)
    return np.hstack([image, strip]), {name: (places[name], state) for name, state in visibility.items()}


def photographed(rng, image, points):
    """Returns the photo of a drawing by a tilted camera, [PHOTO, PHOTO, 3] uint8, and the points in it."""
    height, width = image.shape[:2]
    to_cm = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, PIXELS_PER_CM]]) / PIXELS_PER_CM
    focal = rng.uniform(900, 1600)
    distance = 1.25 * focal * max(width, height) / PIXELS_PER_CM / PHOTO  # the drawing fills four fifths of the photo
    tilt, axis, turn = rng.uniform(0, MOST_TILT), rng.uniform(0, 2 * math.pi), rng.normal(0, 0.1)
    to_photo = camera(tilt, axis, turn, focal, distance) @ to_cm
    half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])  # OpenCV counts from the centres of pixels
    matrix = half @ to_photo @ np.linalg.inv(half)
    border = tuple(int(value) for value in rng.integers(60, 200, 3))
    photo = cv2.warpPerspective(image, matrix, (PHOTO, PHOTO), flags=cv2.INTER_CUBIC, borderValue=border)
    moved = {name: (plane.apply(to_photo, place[None])[0], state) for name, (place, state) in points.items()}
    return photo, moved


def lengths(points, category):
    """Returns {measurement: cm} of those whose keypoints are all there; points in pixels of the drawing."""
    chains = SCHEMA.category(category).measurements
    whole = {name: [points[keypoint][0] for keypoint in chain] for name, chain in chains if set(chain) <= set(points)}
    return {name: sum(map(math.dist, chain, chain[1:])) / PIXELS_PER_CM for name, chain in whole.items()}


def write(folder, category, counts, seed):
    """Draws both splits."""
    truth = {}
    for split, count in counts.items():
        images = folder / split / "Images" / category
        images.mkdir(parents=True)
        cells = np.full((count, len(SCHEMA.keypoints), 3), -1)
        image_ids = [f"Images/{category}/{number}.jpg" for number in range(count)]
        for number, image_id in enumerate(image_ids):
            rng = np.random.default_rng([seed, len(split), number])
            image, points = drawing(rng, category)
            photo, moved = photographed(rng, image, points)
            for name, (place, state) in moved.items():
                cells[number, SCHEMA.keypoints.index(name)] = (*np.floor(place).astype(int), state)
            cv2.imwrite(str(folder / split / image_id), photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
            truth[str(folder / split / image_id)] = lengths(points, category)
        table = folder / "test_0_answer.csv" if split == "test_0" else folder / split / "Annotations/annotations.csv"
        annotations.write(table, image_ids, [category] * count, cells[..., :2], cells[..., 2], SCHEMA)
    rows = [annotations.ID_COLUMNS, *([image_id, category] for image_id in image_ids)]
    csv_rows.write(folder / "test_0" / "test.csv", rows)
    (folder / "truth.json").write_text(json.dumps(truth))


def compare(folder, sizes):
    """Prints how far measurements are from the truth, and how many lie within two of their standard deviations."""
    truth = json.loads((folder / "truth.json").read_text())
    with open(sizes, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["measurement"] in truth[row["image"]]]
    by_name = {}
    for row in rows:
        true = truth[row["image"]][row["measurement"]]
        error, sd = float(row["cm"]) - true, float(row["cm_sd"])
        by_name.setdefault(row["measurement"], []).append((abs(error) / true, abs(error) <= 2 * sd, sd))
    for name, found in {**by_name, "all": [one for own in by_name.values() for one in own]}.items():
        errors, within, sds = map(np.array, zip(*found))
        print(
            f"{name:16} {len(found):5} median error {np.median(errors):6.1%}, "
            f"within two standard deviations {within.mean():6.1%}, median standard deviation {np.median(sds):.2f} cm"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--category", default="skirt")
    parser.add_argument("--train", type=int, default=300)
    parser.add_argument("--test", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=pathlib.Path)
    given = parser.parse_args()
    if given.sizes:
        compare(given.output_dir, given.sizes)
    else:
        write(given.output_dir, given.category, {"train_0": given.train, "test_0": given.test}, given.seed)
