"""Inputs that keep the photo's aspect: a square around the middle of what is shown, as large as its longer side.

It is one affine matrix as every other, of a window that is larger than the photo. What it sees beside the photo is
black: 0 before the normalisation, as what a rotated photo leaves free is.
"""

import numpy as np
import tensorflow as tf

from base import geometry


def square_around(left, top, width, height):
    """Returns (left, top, width, height) of the square around a box's middle; each is of shape [...].

    NumPy arrays, floats or TensorFlow tensors.
    """
    side = (tf if tf.is_tensor(width) else np).maximum(width, height)
    return left + (width - side) / 2, top + (height - side) / 2, side, side


def squared(to_frame):
    """Returns the matrices [..., 2, 3] to the unit square of the square around a frame.

    Args:
        to_frame: [..., 2, 3] from a plane to the unit square of a frame, which is upright in it.
    """
    width, height = 1 / to_frame[..., 0, 0], 1 / to_frame[..., 1, 1]
    left, top = -to_frame[..., 0, 2] * width, -to_frame[..., 1, 2] * height
    return geometry.cropping(*square_around(left, top, width, height), 1.0, 1.0)


def warp(images, matrices, sizes, size):
    """Samples images as `geometry.warp` does; a pixel whose middle lies beside an image is black, others are whole.

    Args:
        images: [B, H, W, 3], padded with anything but their own border, or with at least a pixel of it.
        matrices: [B, 2, 3] from the plane of the images to the plane of the result.
        sizes: [B, 4] float32, (left, top, right, bottom) of each photo in the plane of the images.
        size: height and width of the result.

    Returns:
        float32 [B, size, size, 3].
    """
    centres = tf.range(size, dtype=tf.float32) + geometry.HALF_PIXEL
    grid = tf.reshape(tf.stack(tf.meshgrid(centres, centres), -1), [1, size * size, 2])
    places = geometry.apply(geometry.invert(tf.cast(matrices, tf.float32)), grid)
    inside = tf.reduce_all((places >= sizes[:, None, :2]) & (places < sizes[:, None, 2:]), -1)
    warped = geometry.warp(images, matrices, [size, size], "NEAREST")
    return warped * tf.cast(tf.reshape(inside, [-1, size, size, 1]), tf.float32)
