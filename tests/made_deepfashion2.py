"""Drawn photos of several garments in DeepFashion2's own form: `annos/000001.json` beside `image/000001.jpg`."""

import json
import os
import shutil

from base import schema as schemas
from preprocessing.data import annotations

SCHEMA = schemas.load("deepfashion2")


def write(folder, table, photos):
    """Writes the folders `annos` and `image` of a split.

    Args:
        folder: where to.
        table: the path of the CSV of a drawn split, or of its answer; all rows have a box.
        photos: the folder that its image ids are relative to.
    """
    rows = annotations.read(table, SCHEMA)
    items = {}
    for (image_id, category, box), points, visibility in zip(rows.keys, rows.points, rows.visibility):
        items.setdefault(image_id, []).append(_item(category, box, points.tolist(), visibility.tolist()))
    for kind in ("annos", "image"):
        os.makedirs(os.path.join(folder, kind))
    for number, (image_id, own) in enumerate(items.items(), start=1):
        content = {"source": "shop", "pair_id": number}
        content.update((f"item{position}", item) for position, item in enumerate(own, start=1))
        with open(os.path.join(folder, "annos", f"{number:06d}.json"), "w") as file:
            json.dump(content, file)
        shutil.copy(os.path.join(photos, image_id), os.path.join(folder, "image", f"{number:06d}.jpg"))


def _item(category, box, points, visibility):
    landmarks = []
    for index in SCHEMA.keypoint_indices(category):
        state = visibility[index] + 1
        landmarks += [*points[index], state] if state else [0, 0, 0]
    return {
        "segmentation": [],
        "scale": 2,
        "viewpoint": 2,
        "zoom_in": 1,
        "landmarks": landmarks,
        "style": 0,
        "bounding_box": list(box),
        "category_id": SCHEMA.category_names.index(category) + 1,
        "occlusion": 1,
        "category_name": category.replace("_", " "),
    }
