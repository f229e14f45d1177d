"""YOLO pose, a folder of photos and labels for Ultralytics: https://docs.ultralytics.com/datasets/pose/.

    images/<split>/<category>/<name>.jpg
    labels/<split>/<category>/<name>.txt     a line for each garment: class, box, then x, y, v of each keypoint
    data.yaml

Ultralytics knows one number of keypoints, so every line has all of the schema's, `0 0 0` for those that the garment
lacks. All places are parts of the photo's width or height, in the continuous plane.
"""

import os

import yaml

from base.errors import DataError
from base.files import atomic_folder
from base.schema import ALL
from preprocessing.data import photos
from preprocessing.data.annotations import shown

IS_FOLDER = True
FLAGS = ("link_photos", "whole_photos")

_DIGITS = 12  # behind the point: 1e-7 pixels of the largest photo, so that rounding finds the whole pixels again


def write(export, output):
    """Writes the folder.

    Raises:
        DataError: a photo is damaged, or two would have the same labels file.
    """
    classes = {category: number for number, category in enumerate(export.schema.category_names)}
    lines_of = {}  # {name: where it stands}
    with atomic_folder(output) as folder:
        for photo in export.photos:
            name = _name(photo)
            if name in lines_of:
                what = f"{shown(photo.image_id)} has the labels file of {lines_of[name]}, too: expected another name"
                raise DataError(*photo.where, what)
            lines_of[name] = photo.where[1].split(",")[0]
            _store(photo, _file(folder, "images", export.split, f"{name}.jpg"), export.link_photos)
            with open(_file(folder, "labels", export.split, f"{name}.txt"), "w", encoding="utf-8") as file:
                for garment in photo.garments:
                    numbers = _numbers(garment, photo.size, export.schema.keypoints)
                    file.write(f"{classes[garment.category]} {numbers}\n")
        with open(os.path.join(folder, "data.yaml"), "w", encoding="utf-8") as file:
            _write_settings(export, file)


def _name(photo):
    """Returns the name, with folders and without an ending, that a photo and its labels share.

    Ultralytics takes the last folder `images` of a path for the one beside `labels`, and passes over hidden ones.
    """
    first, *rest = photo.image_id.split("/")
    parts = rest if rest and first.lower() == "images" else [first, *rest]
    if "images" in parts[:-1] or any(part.startswith(".") for part in parts):
        what = f"{shown(photo.image_id)} is passed over by Ultralytics: expected no hidden part and one folder Images"
        raise DataError(*photo.where, what)
    return os.path.splitext("/".join(parts))[0]


def _file(*parts):
    path = os.path.join(*parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def _store(photo, path, link):
    """Stores the photo as an upright JPEG: a link where the file is one and links are wanted, else a copy."""
    checked = photos.read(photo.path)
    if link and checked.remark is None:
        os.symlink(os.path.realpath(photo.path), path)
    else:
        with open(path, "wb") as file:
            file.write(checked.encoded)


def _numbers(garment, size, keypoints):
    """Returns box and keypoints of a line: centre, width and height, then x, y, v; all but v as parts of the photo."""
    (width, height), (x0, y0, x1, y1) = size, garment.frame
    parts = [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]
    texts = [f"{part:.{_DIGITS}f}" for part in parts]
    points = {point.keypoint: point for point in garment.points}
    for name in keypoints:
        point = points.get(name)
        if point:
            texts.append(f"{point.x / width:.{_DIGITS}f} {point.y / height:.{_DIGITS}f} {1 if point.occluded else 2}")
        else:
            texts.append("0 0 0")
    return " ".join(texts)


def _write_settings(export, file):
    """Writes what the columns of the labels are. All classes have the same ones."""
    schema, images = export.schema, f"images/{export.split}"
    names = list(schema.keypoints)
    settings = {
        "train": images,
        "val": images,
        "kpt_shape": [len(names), 3],
        "flip_idx": list(schema.flip_permutation(ALL)),
        "names": dict(enumerate(schema.category_names)),
        "kpt_names": {number: list(names) for number in range(len(schema.category_names))},  # else YAML's anchors
    }
    file.write("# val: the same photos as train, because one of them must be there: name others to validate on.\n")
    yaml.safe_dump(settings, file, allow_unicode=True, default_flow_style=None, sort_keys=False, width=120)
