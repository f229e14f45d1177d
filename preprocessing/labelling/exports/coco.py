"""COCO keypoints, a JSON file: https://cocodataset.org/#format-data (keypoint detection).

Points are places in the continuous plane, as the edges of `bbox` are: pixel x is written as its centre, x + 1/2. So
viewers draw a point in the middle of its pixel, and whoever rounds down gets the pixel. Predictions are annotations
with a `score`, as in COCO's results.
"""

import json
import os
import shutil
import tempfile

from base.files import atomic_write
from preprocessing.labelling.exports._json_list import JsonList

IS_FOLDER = False
FLAGS = ("scores", "whole_photos")


def write(export, output):
    """Writes the file; the annotations wait in a temporary file, since COCO has all images before them."""
    ids = {category: number for number, category in enumerate(export.schema.category_names, start=1)}
    folder = os.path.dirname(os.path.abspath(output))
    with atomic_write(output, encoding="utf-8") as file, tempfile.TemporaryFile("w+", dir=folder) as waiting:
        info = {"description": f"{export.schema.name}, {export.split}"}
        if export.model:
            info["contributor"] = export.model
        head = {"info": info, "licenses": [], "categories": [_category(export.schema, *item) for item in ids.items()]}
        file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "images": ')
        images, annotations, num_annotations = JsonList(file), JsonList(waiting), 0
        for image_id, photo in enumerate(export.photos, start=1):
            width, height = photo.size
            images.add({"id": image_id, "file_name": photo.image_id, "width": width, "height": height})
            for garment in photo.garments:
                num_annotations += 1
                head = {"id": num_annotations, "image_id": image_id, "category_id": ids[garment.category]}
                annotations.add({**head, **_annotation(garment, export.schema)})
        images.close()
        annotations.close()
        file.write(', "annotations": ')
        waiting.seek(0)
        shutil.copyfileobj(waiting, file)
        file.write("}\n")


def _category(schema, name, number):
    names = schema.keypoint_names(name)
    skeleton = [[names.index(a) + 1, names.index(b) + 1] for a, b in schema.outline(name)]
    own = {"id": number, "name": name, "supercategory": "garment"}
    return {**own, "keypoints": list(names), "skeleton": skeleton}


def _annotation(garment, schema):
    points = {point.keypoint: point for point in garment.points}
    numbers = []
    for name in schema.keypoint_names(garment.category):
        point = points.get(name)
        numbers += [point.x, point.y, 1 if point.occluded else 2] if point else [0, 0, 0]
    x0, y0, x1, y1 = garment.frame
    box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "iscrowd": 0, "segmentation": []}
    score = {} if garment.score is None else {"score": garment.score}
    return {"keypoints": numbers, "num_keypoints": len(points), **box, **score}
