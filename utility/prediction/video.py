"""Videos as frames, read and written by OpenCV."""

import contextlib
import itertools
import math
import os

import cv2
import numpy as np

from base.errors import DataError

_USUAL_RATE = 25.0


@contextlib.contextmanager
def frames(path):
    """Opens a video.

    Yields:
        (frames a second, iterator of frames [H, W, 3] uint8 RGB).

    Raises:
        DataError: OpenCV cannot read it, or, from the iterator, not even its first frame.
    """
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened() or capture.get(cv2.CAP_PROP_FRAME_WIDTH) < 1:
            raise DataError(path, None, "cannot be read as a video: one that OpenCV reads (MP4, AVI, …) would be right")
        rate = capture.get(cv2.CAP_PROP_FPS)
        yield rate if math.isfinite(rate) and rate > 0 else _USUAL_RATE, _read(capture, path)
    finally:
        capture.release()


def _read(capture, path):
    for number in itertools.count():
        there, frame = capture.read()
        if not there and number == 0:
            raise DataError(path, None, "has no frame that can be read: expected a video that OpenCV decodes")
        if not there:
            return
        yield np.ascontiguousarray(frame[..., ::-1])


@contextlib.contextmanager
def writer(path, rate):
    """Opens an MP4 file to write, which is there when the block ends without an error; the first frame sets the size.

    Yields:
        function(frame [H, W, 3] uint8 RGB).

    Raises:
        DataError: OpenCV cannot write it.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".part.{name}")  # OpenCV tells the format by the ending
    output = None

    def write(frame):
        nonlocal output
        if output is None:
            os.makedirs(folder or ".", exist_ok=True)
            output = cv2.VideoWriter(temporary, cv2.VideoWriter_fourcc(*"mp4v"), rate, frame.shape[1::-1])
        output.write(np.ascontiguousarray(frame[..., ::-1]))

    try:
        yield write
        if output is not None:
            output.release()
            if not os.path.exists(temporary):
                raise DataError(path, None, "cannot be written as a video: a writable place with free space is needed")
            os.replace(temporary, path)
    finally:
        if output is not None:
            output.release()
            with contextlib.suppress(FileNotFoundError):
                os.remove(temporary)
