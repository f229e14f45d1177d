"""Methods of resizing other than the bilinear one, which takes no resampling of its own."""

import tensorflow as tf

from base import geometry

BILINEAR = "bilinear"
METHODS = (BILINEAR, "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def resize_first(image, to_input, input_size, method):
    """Turns and crops an image at its own resolution and resizes the crop to the input, unless the method is bilinear.

    Args:
        image: uint8 [h, w, 3].
        to_input: float32 [2, 3], from the image's plane to the input's.
        input_size: height and width of the input.
        method: of METHODS, the names of `tf.image.resize`.

    Returns:
        image: uint8 [h, w, 3], [input_size, input_size, 3] when resized.
        to_input: float32 [2, 3], from that image's plane to the input's.
    """
    if method == BILINEAR:
        return image, to_input
    columns = geometry.invert(to_input)[:, :2]
    width, height = tf.unstack(tf.maximum(tf.round(tf.norm(columns, axis=0) * float(input_size)), 1.0))
    to_crop = geometry.compose(to_input, geometry.scaling(width / float(input_size), height / float(input_size)))
    crop_shape = tf.cast(tf.stack([height, width]), tf.int32)
    crop = geometry.warp(image[None], to_crop[None], crop_shape)[0]
    resized = tf.image.resize(crop, [input_size, input_size], method)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8), tf.constant(geometry.identity())
