"""What is taken for the photo: an array that is one, or the part of it within a garment's box and its margin."""

import math
from collections.abc import Sequence
from typing import Optional

import numpy as np

from base.errors import DataError
from preprocessing.data.boxes import widened


def check_pixels(image: np.ndarray, name: str) -> None:
    """Raises DataError where an array is no photo: OpenCV and numpy take others, too, and make anything of them."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        what = f"is an array {list(image.shape)} of {image.dtype}: expected [H, W, 3] of uint8, RGB from 0 to 255"
        raise DataError(name, None, what)


def cut(
    image: np.ndarray, box: Optional[Sequence[float]], name: str, margin: float = 0.0
) -> tuple[int, int, np.ndarray]:
    """Returns (left, top, the part of the image within the box and its margin).

    Args:
        image: [H, W, 3] uint8 RGB.
        box: (x0, y0, x1, y1) in pixels; None for all of it.
        name: of the image, for errors.
        margin: see `preprocessing.data.boxes.widened`.

    Raises:
        DataError: the box is none, or leaves nothing of the image.
    """
    height, width = image.shape[:2]
    if box is None:
        return 0, 0, image
    finite = len(box) == 4 and all(map(math.isfinite, box))
    x0, y0 = (max(0, int(value)) for value in box[:2]) if finite else (0, 0)
    x1, y1 = (min(width, int(box[2])), min(height, int(box[3]))) if finite else (0, 0)
    if x0 >= x1 or y0 >= y1:
        what = f"box {','.join(map(str, box))} leaves nothing of its {width}x{height} pixels: expected x0 < x1, y0 < y1"
        raise DataError(name, None, what)
    x0, y0, x1, y1 = widened(np.array([x0, y0, x1, y1]), np.array([width, height]), margin).tolist()
    return x0, y0, image[y0:y1, x0:x1]
