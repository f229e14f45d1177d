"""Photos as the records hold them: whole JPEG files that decode to upright RGB, of a size that fits in memory.

A good JPEG's bytes are kept as they are. What TensorFlow would decode to something else than a viewer shows is stored
anew: other image formats, CMYK, and photos with an EXIF orientation. Labelling tools and browsers show a photo turned
as its EXIF orientation says, so keypoints refer to the turned photo; TensorFlow ignores the orientation.
"""

import dataclasses
import functools
import io
import os
import re
import stat
from typing import Optional

import numpy as np
from PIL import Image, ImageOps

from base import late_tensorflow as tf
from base import stderr
from base.errors import DataError
from base.remote import places

MOST_PIXELS = 50_000_000
MOST_BYTES = 100_000_000
_MOST_HEADER = 1 << 18  # bytes of a photo's file, which hold its size and its orientation
_LONGEST_SIDE = 65_500  # of a JPEG, to the library that all read and write it with
_JPEG = ("JPEG", "MPO")  # as Pillow names a JPEG, and one with a second picture behind it
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")  # not Pillow's others, of which some start other programs
_ORIENTATION = 0x0112  # the EXIF tag
_QUALITY = 95
# Markers in compressed pixels: neither a stuffed byte nor a restart; in a progressive photo, nor what begins a scan.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SCAN_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff\xc4\xda\xdb\xdd]")
_EXPECTED = "expected a JPEG photo"


class BadPhoto(Exception):
    """A photo that cannot be used; the message says why, and what was expected."""


@dataclasses.dataclass(frozen=True)
class Photo:
    """A checked photo.

    Attributes:
        encoded: the bytes of a JPEG that TensorFlow decodes to the upright photo.
        size: (width, height) in pixels.
        remark: what was changed in storing it anew; None where the file's own bytes were kept.
    """

    encoded: bytes
    size: tuple
    remark: Optional[str] = None


def read(path):
    """Returns the Photo in a file; raises DataError with the path where it cannot be used."""
    try:
        return check(read_bytes(path))
    except BadPhoto as error:
        raise DataError(path, None, str(error)) from error


def read_bytes(path):
    """Returns a file's bytes; raises BadPhoto where it is missing, unreadable, no regular file, empty or too large."""
    try:
        stream = places.stream_of(path)
        data = stream.read(path, MOST_BYTES + 1) if stream else _read_file(path)
        if len(data) > MOST_BYTES:
            raise BadPhoto(f"has more than {MOST_BYTES:,} bytes: expected {MOST_BYTES:,} at most")
    except FileNotFoundError as error:
        raise BadPhoto(f"is missing: {_EXPECTED}") from error
    except (OSError, ValueError) as error:
        raise BadPhoto(f"cannot be read ({getattr(error, 'strerror', error)}): {_EXPECTED}") from error
    if not data:
        raise BadPhoto(f"is empty: {_EXPECTED}")
    return data


def _read_file(path):
    with open(path, "rb", buffering=0, opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BadPhoto(f"is no file: {_EXPECTED}")
        if status.st_size > MOST_BYTES:
            raise BadPhoto(f"has {status.st_size:,} bytes: expected {MOST_BYTES:,} at most")
        return file.read()


def size_in_header(path):
    """Returns (width, height) of the upright photo as a file's header says; None where `check` will say what is wrong.

    It costs a hundredth of what `check` does.
    """
    try:
        stream = places.stream_of(path)
        file = io.BytesIO(stream.read(path, _MOST_HEADER)) if stream else path
        with Image.open(file, formats=_FORMATS) as image:
            is_turned = image.getexif().get(_ORIENTATION) in range(5, 9)
            return image.size[::-1] if is_turned else image.size
    except Exception:  # Pillow's readers raise whatever a damaged header leads them to
        return None


def _open_without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would make us wait; Windows has no such flag


def check(data):
    """Returns the Photo in the bytes of an image file, every part of which was decoded once.

    Raises:
        BadPhoto: the bytes are no image, are cut short or damaged, or would fill the memory.
    """
    try:
        photo = _decode(data)
    except BadPhoto:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPhoto(f"has too many pixels: expected {MOST_PIXELS:,} at most") from error
    except Image.UnidentifiedImageError as error:
        raise BadPhoto(f"is no image: {_EXPECTED}") from error
    except Exception as error:  # Pillow's readers raise whatever a damaged header leads them to
        raise BadPhoto(f"is damaged ({' '.join(str(error).split())}): {_EXPECTED}") from error
    if photo.encoded is data and _has_stray_marker(data):
        _confirm(data)
    return photo


def _confirm(data):
    """Raises BadPhoto where the decoder that training will use refuses a photo."""
    decode = _tensorflow_decoder()
    try:
        with stderr.quiet():  # the decoder in C knows no other place for its complaints
            decode(data)
    except tf.errors.InvalidArgumentError as error:
        raise BadPhoto(f"is damaged (a stray marker among its pixels): {_EXPECTED}") from error


def _decode(data):
    image = Image.open(io.BytesIO(data), formats=_FORMATS)
    width, height = image.size
    _check_size(image, len(data))
    remark = _unusual(image)
    if remark:
        return _store_anew(image, remark)
    # An eighth of the size in grey still reads every bit of the file, at half the cost.
    image.draft("L", (max(1, width // 8), max(1, height // 8)))
    image.load()
    return Photo(data, (width, height))


def _check_size(image, num_bytes):
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise BadPhoto(f"has {width}x{height} pixels: expected {MOST_PIXELS:,} in all at most")
    if max(width, height) > _LONGEST_SIDE:
        raise BadPhoto(f"has {width}x{height} pixels: expected {_LONGEST_SIDE:,} on a side at most")
    # Every 8x8 block of a JPEG takes a bit at least; a header that promises more was not written with these bytes.
    if image.format in _JPEG and width * height > 64 * 8 * num_bytes:
        raise BadPhoto(f"has {num_bytes} bytes, too few for the {width}x{height} pixels of its header: {_EXPECTED}")


def _unusual(image):
    """Returns what keeps the file's own bytes from being the upright photo to TensorFlow; None where nothing does."""
    if image.format not in _JPEG:
        return f"is a {image.format}: stored as JPEG"
    if image.mode not in ("RGB", "L"):
        return f"is {image.mode}: stored as RGB"
    if image.getexif().get(_ORIENTATION) in range(2, 9):  # others, such as 0, turn nothing
        return "has an EXIF orientation: stored upright"
    return None


def _store_anew(image, remark):
    image.load()
    image = ImageOps.exif_transpose(image)  # before the metadata are lost
    if image.mode.startswith("I;16") or image.mode == "I":
        image = Image.fromarray((np.asarray(image) / 257).clip(0, 255).round().astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    encoded = io.BytesIO()
    image.convert("RGB").save(encoded, "JPEG", quality=_QUALITY, subsampling=0)
    return Photo(encoded.getvalue(), image.size, remark)


def _has_stray_marker(data):
    """Returns whether the compressed pixels hold a marker that is not the file's last one, and not a scan's.

    It may stand for harmless bytes behind the end, or for damage that Pillow passes over.
    """
    position, progressive = 2, False
    while data[position : position + 1] == b"\xff" and data[position : position + 2] != b"\xff\xda":
        progressive = progressive or data[position : position + 2] == b"\xff\xc2"
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")  # thumbnails and all
    marker = (_SCAN_MARKER if progressive else _MARKER).search(data, position + 2)
    return marker is None or marker.start() != len(data) - 2


@functools.cache
def _tensorflow_decoder():
    return function_of_bytes(lambda data: tf.shape(tf.io.decode_jpeg(data, ratio=8)))


def function_of_bytes(compute):
    """Returns what `compute` does to a string tensor as a function of bytes, in a graph and a session of its own.

    It works wherever it is called: the caller may be building another graph.
    """
    with tf.Graph().as_default():
        data = tf.compat.v1.placeholder(tf.string, [])
        result = compute(data)
        config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})  # a GPU's memory is for the nets
        return tf.compat.v1.Session(config=config).make_callable(result, [data])
