"""Photos as prediction takes them: decoded, upright pixels."""

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
        with tf.init_scope():
            return tf.io.decode_jpeg(encoded, channels=3, dct_method=decoding.DCT).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise DataError(name, None, "is damaged: a JPEG photo would be right") from error
