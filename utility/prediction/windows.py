"""The parts of photos that a frame's views look at, shrunk by the rule of `preprocessing.input.shrinking`, in batches.

B photos, H, W the size of a batch's largest window.
"""

import cv2
import numpy as np

from base import geometry
from preprocessing.input import shrinking
from utility.prediction import inference

_MOST_NUMBERS = 50_000_000  # of a batch's padded images: 200 MB


def cut(image, to_frame, form, options):
    """Cuts out and shrinks what nets see of a photo.

    Args:
        image: [H, W, 3] uint8 RGB.
        to_frame: [2, 3], from the photo's plane to the unit square; the frame lies in the photo.
        form: the inference.InputForm of the nets.
        options: inference.Options, for the views.

    Returns:
        window: float32 [h, w, 3], with its border repeated.
        to_window: float64 [2, 3], from the photo's plane to the window's.
    """
    to_frame = form.seen(to_frame)
    size = form.size
    to_input = geometry.compose(to_frame, geometry.scaling(size, size))
    ratio = int(shrinking.shrink_ratio(to_input))
    (left, top), (right, bottom) = _seen(image.shape[1::-1], to_frame, ratio, options)
    window = shrinking.shrink(image[top:bottom, left:right], ratio)
    # Samples within half a pixel of the border look at one pixel more: it must not be the batch's black padding.
    window = cv2.copyMakeBorder(window, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    shrunk = geometry.scaling(1 / ratio, 1 / ratio)
    return window, geometry.compose(geometry.translation(-float(left), -float(top)), shrunk, _BORDER)


_BORDER = geometry.translation(1.0, 1.0)


def _seen(photo_size, to_frame, ratio, options):
    """Returns the corners, int [2] (x, y) each, of the box of whole blocks that the views of a frame look at."""
    square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    turns = [geometry.identity() if turn is None else turn for turn in inference.views(options)]
    corners = [geometry.apply(geometry.invert(geometry.compose(to_frame, turn)), square) for turn in turns]
    corners = np.concatenate(corners) / ratio
    margin = 2  # blocks: a sample at the edge looks at the block beyond it
    last = -(-np.array(photo_size) // ratio)
    low = np.clip(np.floor(corners.min(0)) - margin, 0, last - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + margin, low + 1, last).astype(int)
    return low * ratio, np.minimum(high * ratio, photo_size)


def batches(images, to_frames, forms, options):
    """Yields ({form: inference.Windows of arrays}, the slice of the photos) for as many photos as memory holds at once.

    Args:
        images: a list of [H, W, 3] uint8 RGB.
        to_frames: a list of matrices [2, 3], one per photo.
        forms: the InputForms of the nets.
        options: inference.Options.
    """
    start, waiting = 0, []
    for number, (image, to_frame) in enumerate(zip(images, to_frames)):
        cuts = [cut(image, to_frame, form, options) for form in forms]
        if waiting and _padded_numbers([*waiting, cuts]) > _MOST_NUMBERS:
            yield _stack(waiting, forms), slice(start, number)
            start, waiting = number, []
        waiting.append(cuts)
    yield _stack(waiting, forms), slice(start, start + len(waiting))


def _padded_numbers(rows):
    """Returns how many numbers the padded images of some photos have, for all forms of input together."""
    shapes = np.array([[window.shape for window, _ in cuts] for cuts in rows])  # [photos, forms, 3]
    return len(rows) * np.prod(shapes.max(0), -1, dtype=np.int64).sum()


def _stack(rows, forms):
    stacked = {}
    for form, cuts in zip(forms, zip(*rows)):
        height, width = (max(window.shape[axis] for window, _ in cuts) for axis in (0, 1))
        padded = np.zeros([len(cuts), height, width, 3], np.float32)
        for row, (window, _) in zip(padded, cuts):
            row[: window.shape[0], : window.shape[1]] = window
        bounds = [(1, 1, window.shape[1] - 1, window.shape[0] - 1) for window, _ in cuts]  # without the border
        stacked[form] = inference.Windows(padded, np.float32([matrix for _, matrix in cuts]), np.float32(bounds))
    return stacked
