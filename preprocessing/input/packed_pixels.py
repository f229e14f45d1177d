"""Images as one 32-bit word a pixel (red + 256 green + 65536 blue), and the steps of the loops over them.

TensorFlow's own ops walk through an image once a step and fetch every byte by itself. Here a sample fetches one word
a neighbour, and a compiled loop reads and writes each word once, however many steps it computes between; `rendering`
makes programs of these steps.
"""

import tensorflow as tf

from base.geometry import HALF_PIXEL


def pack(image):
    """Returns the words, int32 [...], of an image, uint8 [..., 3]."""
    return _word(*tf.unstack(tf.cast(image, tf.int32), axis=-1))


def to_channels(words):
    """Returns red, green and blue of words [...], float32 [...] each, 0 to 255."""
    return [tf.cast(_low_byte(words, 8 * channel), tf.float32) for channel in range(3)]


def join(channels):
    """Returns the words [...] of red, green and blue [...], rounded and clipped to 0 to 255."""
    return _word(*(tf.cast(tf.clip_by_value(channel, 0.0, 255.0) + 0.5, tf.int32) for channel in channels))


def _word(red, green, blue):
    return red + 256 * green + 65536 * blue


def to_image(words):
    """Returns the images, uint8 [..., H, W, 3], of words [..., H, W]."""
    return tf.cast(_low_byte(words[..., None], tf.constant([0, 8, 16])), tf.uint8)


def _low_byte(words, shift):
    return tf.bitwise.bitwise_and(tf.bitwise.right_shift(words, shift), 255)


def sample(words, shape, from_target, size):
    """Samples an image bilinearly; black where the target sees past the image.

    Args:
        words: int32 [height * width + padding].
        shape: int32 [2] (height, width).
        from_target: float32 [2, 3], from the target's plane to the image's.
        size: height and width of the target.

    Returns:
        int32 [size, size] words.
    """
    last = shape - 1
    centres = tf.range(size, dtype=tf.float32) + HALF_PIXEL
    x, y = (row[0] * centres + row[1] * centres[:, None] + row[2] - HALF_PIXEL for row in tf.unstack(from_target))
    (top, bottom, down), inside_y = _neighbours(y, last[0])
    (left, right, across), inside_x = _neighbours(x, last[1])
    corners = [to_channels(tf.gather(words, y * shape[1] + x)) for y in (top, bottom) for x in (left, right)]
    weights = ((1.0 - across) * (1.0 - down), across * (1.0 - down), (1.0 - across) * down, across * down)
    channels = [tf.add_n([weight * value for weight, value in zip(weights, values)]) for values in zip(*corners)]
    return tf.where(inside_y & inside_x, join(channels), 0)


def _neighbours(position, last):
    """Returns the whole pixels before and after a position and its way from one to the other; whether it is inside."""
    end = tf.cast(last, tf.float32)
    inside = (position >= -HALF_PIXEL) & (position < end + HALF_PIXEL)
    position = tf.clip_by_value(position, 0.0, end)
    before = tf.cast(position, tf.int32)
    return (before, tf.minimum(before + 1, last), position - tf.cast(before, tf.float32)), inside
