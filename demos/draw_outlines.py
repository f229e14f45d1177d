"""Draws demos/outlines.jpg: where each of the 24 keypoints sits, on one drawn garment of each category."""

import cv2
import numpy as np

from base import schema as schemas
from configs import command_line
from tools.synthetic import photos
from utility import drawing

# Drawings that show every keypoint of their category.
SEEDS = {"blouse": 6, "dress": 22, "outwear": 30, "skirt": 20, "trousers": 12}
SCHEMA = schemas.default()
TILE = 420  # pixels


def main(flags):
    tiles = [_numbered(category) for category in SCHEMA.category_names] + [_legend()]
    drawing.save(flags.output, drawing.contact_sheet(tiles, 3, TILE, SCHEMA.category_names), quality=74)


def _numbered(category):
    """Returns the category's photo with each keypoint's number in the schema beside it."""
    photo = photos.random_photo(np.random.default_rng([SEEDS[category]]), category, 512)
    points = {name: (x, y) for name, (x, y, _) in photo.keypoints.items()}
    image = drawing.draw_keypoints(photo.image, SCHEMA, category, points)
    center = np.mean(list(points.values()), axis=0)
    for name, place in points.items():
        outward = (place - center) / np.linalg.norm(place - center)
        spot = place + 22 * outward - (9, -6)
        _write(image, str(SCHEMA.keypoints.index(name) + 1), spot, 0.62)
    return image


def _legend():
    """Returns a tile with the keypoints' numbers, colours and names in two columns."""
    tile = np.full((TILE, TILE, 3), 24, np.uint8)
    for index, name in enumerate(SCHEMA.keypoints):
        x, y = 24 + 200 * (index // 12), 30 + 32 * (index % 12)
        cv2.circle(tile, (x, y - 5), 7, drawing.keypoint_color(SCHEMA, name), -1, cv2.LINE_AA)
        _write(tile, f"{index + 1}  {name}", (x + 16, y), 0.44)
    return tile


def _write(image, text, spot, scale):
    drawing.write(image, text, (int(spot[0]), int(spot[1])), scale)


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=["output"], defaults={"output": "demos/outlines.jpg"})
