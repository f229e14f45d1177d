"""Photos as prediction takes them: decoded, upright pixels."""

import functools

import tensorflow as tf

from base.errors import DataError
from preprocessing.data import photos
from preprocessing.input import decoding


def read(path):
    """Returns a photo as [H, W, 3] uint8 RGB, upright as its EXIF orientation says.

    Raises:
        DataError: the file is missing, no image, damaged, or too large for the memory.
    """
    return decode(photos.read(path).encoded, path)


def decode(encoded, name):
    """Returns the pixels [H, W, 3] uint8 RGB of JPEG bytes; raises DataError with `name` where they are damaged."""
    try:
        with tf.init_scope():  # leaves a tf.function, but not a graph that the caller builds
            if tf.executing_eagerly():
                return _pixels(encoded).numpy()
        return _decoder()(encoded)
    except tf.errors.InvalidArgumentError as error:
        raise DataError(name, None, "is damaged: expected a JPEG photo") from error


def _pixels(encoded):
    return tf.io.decode_jpeg(encoded, channels=3, dct_method=decoding.DCT)


@functools.cache
def _decoder():
    # Not for all: it keeps the memory of more than one photo, which is much where they are large.
    return photos.function_of_bytes(_pixels)
