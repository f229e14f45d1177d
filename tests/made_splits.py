"""Splits of a data set for tests, and hypothesis strategies of them: photos of any size and name, garments in them."""

import dataclasses
import io
import os
from typing import Optional

import numpy as np
from fashionai import CATEGORIES, KEYPOINTS, SCHEMA
from hypothesis import strategies as st
from PIL import Image

from preprocessing.data import annotations

NAMES = st.text("aZ09 _-.()[]#%&+=;,@!'\"<>éßø中😀", min_size=1, max_size=12).filter(lambda name: name[0] not in " .")


@dataclasses.dataclass(frozen=True)
class Row:
    """A garment: its category, its box or None, and (x, y, visibility) by keypoint."""

    category: str
    box: Optional[tuple]
    cells: dict


@dataclasses.dataclass(frozen=True)
class MadePhoto:
    """A photo: its image id, (width, height), and its rows."""

    image_id: str
    size: tuple
    rows: tuple


def spans(length):
    """Returns a strategy of (first, behind the last) of some pixels."""
    return st.tuples(st.integers(0, length - 1), st.integers(0, length - 1)).map(lambda e: (min(e), max(e) + 1))


@st.composite
def rows(draw, size, may_be_whole=True):
    """A garment with a point at least, and a box, if any, that holds its points."""
    category = draw(st.sampled_from(CATEGORIES))
    names = draw(st.lists(st.sampled_from(SCHEMA.keypoint_names(category)), min_size=1, unique=True))
    (x0, x1), (y0, y1) = draw(spans(size[0])), draw(spans(size[1]))
    cell = st.tuples(st.integers(x0, x1 - 1), st.integers(y0, y1 - 1), st.sampled_from([0, 1]))
    whole = may_be_whole and draw(st.booleans())
    return Row(category, None if whole else (x0, y0, x1, y1), {name: draw(cell) for name in names})


@st.composite
def made_photos(draw):
    """A list of MadePhoto with different names, of one or several garments."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.casefold))
    found = []
    for name in names:
        folder = draw(st.sampled_from(["skirt", "two words", "é"]))
        size = draw(st.tuples(st.integers(1, 80), st.integers(1, 80)))
        several = draw(st.lists(rows(size), min_size=1, max_size=3, unique_by=lambda row: row.box))
        whole = (0, 0, *size)
        if len({row.box or whole for row in several}) < len(several):
            several = several[:1]
        found.append(MadePhoto(f"Images/{folder}/{name}.jpg", size, tuple(several)))
    return found


def jpeg(size, comment, orientation=1):
    """Returns a JPEG of (width, height) pixels that differs from those with another comment."""
    image, file = Image.new("RGB", size, (90, 120, 150)), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(file, "JPEG", comment=comment.encode(), exif=exif)
    return file.getvalue()


def table(made, has_boxes=True):
    """Returns the arguments of `annotations.write` for all rows: ids, categories, points, visibility, schema, boxes."""
    pairs = [(photo, row) for photo in made for row in photo.rows]
    cells = np.full([len(pairs), len(KEYPOINTS), 3], -1)
    for number, (_, row) in enumerate(pairs):
        for name, cell in row.cells.items():
            cells[number, KEYPOINTS.index(name)] = cell
    ids, categories = [photo.image_id for photo, _ in pairs], [row.category for _, row in pairs]
    boxes = [row.box for _, row in pairs] if has_boxes else None
    return ids, categories, cells[..., :2], cells[..., 2], SCHEMA, boxes


def write(folder, made, split="train_0", has_boxes=True):
    """Writes a split with its photos and its CSV; returns the path of the CSV."""
    for photo in made:
        path = os.path.join(folder, split, photo.image_id)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(jpeg(photo.size, photo.image_id))
    path = os.path.join(folder, split, "Annotations", "annotations.csv")
    annotations.write(path, *table(made, has_boxes))
    return path
