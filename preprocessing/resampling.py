"""Brings a photo into the network's input by one of several methods of resizing."""

import tensorflow as tf

from preprocessing import geometry, words

METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def resample(image, to_input, input_size, method):
    """Samples an image through an affine matrix.

    Args:
        image: uint8 [h, w, 3].
        to_input: float32 [2, 3], from the image's plane to the input's.
        input_size: height and width of the input.
        method: of METHODS, the names of `tf.image.resize`.

    Returns:
        int32 [input_size, input_size] words.
    """
    if method == "bilinear":
        return words.sample(image, to_input, input_size)
    # The others only resize: turning and cropping at the photo's own resolution is a sampling of its own.
    columns = geometry.invert(to_input)[:, :2]
    width, height = tf.unstack(tf.maximum(tf.round(tf.norm(columns, axis=0) * float(input_size)), 1.0))
    to_crop = geometry.compose(to_input, geometry.scaling(width / float(input_size), height / float(input_size)))
    crop_shape = tf.cast(tf.stack([height, width]), tf.int32)
    crop = geometry.warp(image[None], to_crop[None], crop_shape)[0]
    return words.from_image(tf.image.resize(crop, [input_size, input_size], method))
