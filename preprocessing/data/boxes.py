"""Boxes: the garment's part of a photo that shows several. To the net the part is the photo, and the rest is not there.

A box is (x0, y0, x1, y1), whole pixels of the photo: its columns x0 to x1 - 1 and rows y0 to y1 - 1. On the continuous
plane of `base.geometry` that is the rectangle from (x0, y0) to (x1, y1), and one more matrix, the translation by
(-x0, -y0), leads from the photo to the part. What a box leaves out is seen neither in training nor in prediction, but
for the margin that a model is trained with (`widened`). None stands for the whole photo.
"""

import math
import re
from collections.abc import Sequence
from typing import Optional

import numpy as np

from base import late_tensorflow as tf

COLUMN = "box"  # the last one of a CSV, where a photo has several rows
Box = tuple[int, int, int, int]

# Of a length: places are written with six digits as fractions, and as per cent, which moves a whole pixel a little.
ROUNDING = 1e-6

_CELL = re.compile(r"(-?[0-9]{1,6})_(-?[0-9]{1,6})_(-?[0-9]{1,6})_(-?[0-9]{1,6})")
_RIGHT = "expected x0_y0_x1_y1 in whole pixels with 0 <= x0 < x1 and 0 <= y0 < y1, or nothing for the whole photo"


def parse(cell: str) -> tuple[Optional[Box], Optional[str]]:
    """Returns the box of a CSV's cell, None for the whole photo, and what is wrong with it, None if nothing is."""
    if not cell:
        return None, None
    match = _CELL.fullmatch(cell)
    if not match:
        return None, f"is no box: {_RIGHT}"
    x0, y0, x1, y1 = box = tuple(map(int, match.groups()))
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        return None, f"{'lies outside of the photo' if min(x0, y0) < 0 else 'holds no pixel'}: {_RIGHT}"
    return box, None


def to_text(box: Optional[Box]) -> str:
    """Returns the cell of a box, `x0_y0_x1_y1`; empty for the whole photo."""
    return "" if box is None else "_".join(map(str, box))


def outside(box: Optional[Box], size: tuple[int, int]) -> Optional[str]:
    """Returns what is wrong with a box for a photo of a size (width, height); None if it lies inside."""
    width, height = size
    if box is None or (0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height):
        return None
    whole = to_text((0, 0, width, height))
    return f"{to_text(box)} lies outside of the photo, which has {width}x{height} pixels: expected a part of {whole}"


def cut(frame: Sequence[float], size: tuple[int, int]) -> Box:
    """Returns the smallest box of whole pixels that holds a frame, as far as its photo goes.

    Args:
        frame: (x0, y0, x1, y1) in the continuous plane of `base.geometry`.
        size: (width, height) of the photo.

    Returns:
        the box; where the frame lies beside the photo it holds no pixel: x0 >= x1 or y0 >= y1.
    """
    (x0, x1), (y0, y1) = (
        (max(math.floor(low + ROUNDING * length), 0), min(math.ceil(high - ROUNDING * length), length))
        for low, high, length in zip(frame[:2], frame[2:], size)
    )
    return x0, y0, x1, y1


def widened(boxes, sizes, margin):
    """Returns boxes with a margin on every side, as far as their photos go: the parts that a net sees.

    Args:
        boxes: int [..., 4], NumPy array or TensorFlow tensor.
        sizes: int [..., 2], of the same kind: (width, height) of their photos.
        margin: of a box's width left and right, and of its height above and below, the share that is added.

    Returns:
        int [..., 4], of the same kind: whole pixels, those that the margin holds in part among them.
    """
    is_tensor = tf.is_tensor(boxes)
    low, high = boxes[..., :2], boxes[..., 2:]
    if is_tensor:
        more = tf.cast(tf.math.ceil(margin * tf.cast(high - low, tf.float64) - ROUNDING), boxes.dtype)
        return tf.concat([tf.maximum(low - more, 0), tf.minimum(high + more, sizes)], -1)
    more = np.ceil(margin * (high - low).astype(np.float64) - ROUNDING).astype(boxes.dtype)
    return np.concatenate([np.maximum(low - more, 0), np.minimum(high + more, sizes)], -1)
