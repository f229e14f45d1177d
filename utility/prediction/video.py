"""Videos as frames, read and written by OpenCV."""

import contextlib
import itertools
import logging
import math
import os

import cv2
import numpy as np

from base import files, stderr
from base.errors import DataError

_USUAL_RATE = 25.0
_NEARLY_ALL = 0.9
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def frames(path):
    """Opens a video.

    Yields:
        (frames a second, iterator of frames [H, W, 3] uint8 RGB).

    Raises:
        DataError: OpenCV cannot read it, or, from the iterator, not even its first frame.
    """
    capture = cv2.VideoCapture(str(files.local(path)))
    try:
        if not capture.isOpened() or capture.get(cv2.CAP_PROP_FRAME_WIDTH) < 1:
            raise DataError(path, None, "cannot be read as a video: expected one that OpenCV reads (MP4, AVI, …)")
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
            break
        yield np.ascontiguousarray(frame[..., ::-1])
    promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)  # of some formats, OpenCV's guess from the duration
    if number < _NEARLY_ALL * promised:
        _log.warning("%s: %d frames of %d could be read: the file is cut or damaged", path, number, promised)


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
    output, count = None, 0

    def write(frame):
        nonlocal output, count
        if output is None:
            os.makedirs(folder or ".", exist_ok=True)
            output = cv2.VideoWriter(temporary, cv2.VideoWriter_fourcc(*"mp4v"), rate, frame.shape[1::-1])
        with stderr.quiet():  # where OpenCV tells of each frame that it cannot write; it returns nothing
            output.write(np.ascontiguousarray(frame[..., ::-1]))
        count += 1

    try:
        yield write
        if output is not None:
            with stderr.quiet():
                output.release()
            if not _holds(temporary, count):
                raise DataError(path, None, "cannot be written as a video: expected a writable place with free space")
            os.replace(temporary, path)
    finally:
        if output is not None:
            output.release()
            with contextlib.suppress(FileNotFoundError):
                os.remove(temporary)


def _holds(path, count):
    """Returns whether a video that was written has all of its frames: OpenCV says nothing of a full disk."""
    with stderr.quiet():  # FFmpeg's own complaints of a file that is cut
        capture = cv2.VideoCapture(path)
        held = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else None
        capture.release()
    return held == count
