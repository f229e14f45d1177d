"""The coordinate rule: every geometric step is an affine matrix on one continuous plane.

Pixel i covers [i, i + 1) and its centre is i + 1/2: an annotated pixel x enters as x + 1/2, a prediction leaves as
x - 1/2. Resizing by s is x * s, a flip is width - x. A matrix [..., 2, 3] takes a point (x, y, 1) of its source
plane to its target plane; steps compose by multiplication. The functions take NumPy arrays or TensorFlow tensors and
return the same kind.
"""

import numpy as np
import tensorflow as tf

HALF_PIXEL = 0.5


def to_plane(pixels):
    """Returns annotated pixels, of any shape, as points of the continuous plane."""
    return pixels + HALF_PIXEL


def to_pixels(points):
    """Returns points of the continuous plane, of any shape, as (fractional) annotated pixels."""
    return points - HALF_PIXEL


def identity():
    """Returns the matrix [2, 3] that leaves every point where it is."""
    return np.eye(2, 3, dtype=np.float32)


def scaling(x, y):
    """Returns the matrices [..., 2, 3] that multiply by x and y, each of shape [...]."""
    zero = 0.0 * x
    return _matrix(x, zero, zero, zero, y, zero)


def translation(x, y):
    """Returns the matrices [..., 2, 3] that move by x and y, each of shape [...]."""
    zero = 0.0 * x
    return _matrix(zero + 1.0, zero, x, zero, zero + 1.0, y)


def flipping(width):
    """Returns the matrices [..., 2, 3] that exchange left and right of a plane of `width` [...]."""
    zero = 0.0 * width
    return _matrix(zero - 1.0, zero, width, zero, zero + 1.0, zero)


def rotation(radians, x, y):
    """Returns the matrices [..., 2, 3] that turn about (x, y), clockwise as seen (y points down).

    Args:
        radians, x, y: the angle and the fixed point, each of shape [...].
    """
    math = tf if tf.is_tensor(radians) else np
    cos, sin = math.cos(radians), math.sin(radians)
    return _matrix(cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y)


def cropping(left, top, width, height, target_width, target_height):
    """Returns the matrices [..., 2, 3] that take a box to the whole of a target plane.

    Args:
        left, top, width, height: the box in the source plane, each of shape [...].
        target_width, target_height: the size of the target plane in pixels.
    """
    x, y = target_width / width, target_height / height
    zero = 0.0 * x
    return _matrix(x, zero, -left * x, zero, y, -top * y)


def compose(first, *others):
    """Returns the matrices [..., 2, 3] that do `first`, then each of the others in turn."""
    for other in others:
        linear, offset = other[..., :2], other[..., 2:]
        first = linear @ first + _pad_left(offset)
    return first


def invert(matrix):
    """Returns the inverse of the matrices [..., 2, 3]."""
    a, b, c = (matrix[..., 0, column] for column in range(3))
    d, e, f = (matrix[..., 1, column] for column in range(3))
    determinant = a * e - b * d
    a, b, d, e = e / determinant, -b / determinant, -d / determinant, a / determinant
    return _matrix(a, b, -a * c - b * f, d, e, -d * c - e * f)


def apply(matrix, points):
    """Returns the points [..., K, 2] (x, y) moved by the matrices [..., 2, 3]."""
    x, y = points[..., 0], points[..., 1]
    row = [[matrix[..., i, j, None] for j in range(3)] for i in range(2)]
    return _stack([row[i][0] * x + row[i][1] * y + row[i][2] for i in range(2)])


def transform_covariances(matrix, covariances):
    """Returns the covariances [..., K, 2, 2] of points that matrices [..., 2, 3] move: A C A^T, A their linear part."""
    a, b = matrix[..., 0, 0, None], matrix[..., 0, 1, None]
    c, d = matrix[..., 1, 0, None], matrix[..., 1, 1, None]
    xx, xy, yy = covariances[..., 0, 0], covariances[..., 0, 1], covariances[..., 1, 1]
    moved_xy = a * c * xx + (a * d + b * c) * xy + b * d * yy
    moved_xx, moved_yy = (p * p * xx + 2 * p * q * xy + q * q * yy for p, q in ((a, b), (c, d)))
    return _stack([_stack([moved_xx, moved_xy]), _stack([moved_xy, moved_yy])], axis=-2)


def warp(images, matrices, size, fill_mode="CONSTANT"):
    """Samples images through affine matrices, bilinearly and once.

    Args:
        images: [B, H, W, C], any numeric dtype.
        matrices: [B, 2, 3] from the plane of the images to the plane of the result.
        size: (height, width) of the result.
        fill_mode: what lies outside of an image: `CONSTANT` is black, `NEAREST` its border.

    Returns:
        float32 [B, height, width, C].
    """
    backward = invert(tf.cast(matrices, tf.float32))  # [B, 2, 3], result plane to image plane
    linear, offset = backward[..., :2], backward[..., 2]
    # The op counts whole pixels from their centres, the plane from their corners.
    offset = offset + HALF_PIXEL * (tf.reduce_sum(linear, -1) - 1.0)
    rows = tf.concat([linear, offset[..., None]], -1)
    transforms = tf.concat([tf.reshape(rows, [-1, 6]), tf.zeros_like(rows[:, 0, :2])], -1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=transforms,
        output_shape=size,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode=fill_mode,
    )


def _matrix(a, b, c, d, e, f):
    return _stack([_stack([a, b, c]), _stack([d, e, f])], axis=-2)


def _stack(parts, axis=-1):
    return (tf if any(tf.is_tensor(part) for part in parts) else np).stack(parts, axis=axis)


def _pad_left(offset):
    concat = tf.concat if tf.is_tensor(offset) else np.concatenate
    return concat([0.0 * offset, 0.0 * offset, offset], -1)
