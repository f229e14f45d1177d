"""Decodes the part of a photo that the network's input shows, at no higher resolution than it takes.

libjpeg decodes at a half, a quarter and an eighth of the size in less time than at the whole, and each pixel is then
the mean of those it stands for: a photo much larger than the input is sampled without aliasing, by the rule that
`shrinking` states.
"""

import functools

import tensorflow as tf

from base import geometry
from preprocessing.input import rendering, shrinking

# The inverse DCT that Pillow, OpenCV and browsers use, to the bit: TensorFlow's default is another one, off by 0.8 of
# 255 in the mean, and the points would depend on who decodes the photo.
DCT = "INTEGER_ACCURATE"

# Photos of up to so many pixels are decoded whole before their window is cut out: libjpeg is faster without a window.
_WHOLE = 512 * 512

# Pixels that are decoded beyond a window: libjpeg interpolates colours across blocks, and has nothing to interpolate
# from where a window begins or ends with a block.
_AROUND = 4


def decode_window(encoded, photo_size, to_input, input_size, box=None):
    """Decodes at least the box of a photo that an affine matrix brings into the input, shrunk by the sampling's ratio.

    Args:
        encoded: scalar string, a JPEG.
        photo_size: int32 [2] (width, height).
        to_input: float32 [2, 3], from the photo's plane to the input's.
        input_size: height and width of the input.
        box: int32 [4] (x0, y0, x1, y1), the part of the photo that is taken for the photo; None for all of it. Of what
            lies beyond, no pixel is in the window (but for those that a shrunk pixel at the edge stands for).

    Returns:
        window: uint8 [h, w, 3] RGB, of at most `rendering.CAPACITIES[-1]` pixels.
        to_input: float32 [2, 3], from the window's plane to the input's.
    """
    if box is None:
        box = tf.concat([tf.zeros_like(photo_size), photo_size], 0)
    number, low, size = _choose_window(box, to_input, input_size)
    (left, top), (width, height) = tf.unstack(low), tf.unstack(size)

    def whole(ratio):
        photo = tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method=DCT)
        return photo[top : top + height, left : left + width]

    def part(ratio):
        start = tf.maximum(low - _AROUND, 0)
        end = tf.minimum(low + size + _AROUND, -(-photo_size // ratio))
        (x, y), (w, h) = tf.unstack(start), tf.unstack(end - start)
        pixels = tf.io.decode_and_crop_jpeg(encoded, [y, x, h, w], channels=3, ratio=ratio, dct_method=DCT)
        return pixels[top - y : top - y + height, left - x : left - x + width]

    def at_ratio(decode):
        return tf.switch_case(number, [functools.partial(decode, ratio) for ratio in shrinking.RATIOS])

    is_small = tf.reduce_prod(tf.cast(photo_size, tf.int64)) <= _WHOLE
    window = tf.cond(is_small, lambda: at_ratio(whole), lambda: at_ratio(part))
    ratio = tf.gather(tf.constant(shrinking.RATIOS, tf.float32), number)
    offset = geometry.translation(tf.cast(left, tf.float32), tf.cast(top, tf.float32))
    return window, geometry.compose(offset, geometry.scaling(ratio, ratio), to_input)


def _choose_window(box, to_input, input_size):
    """Returns the number among RATIOS of the ratio to decode at, and the window: its corner and its size, int32 [2].

    The ratio is `shrinking.shrink_ratio`'s, or the next larger one with which the window fits what the input's program
    holds; with the largest one that of every photo of `photos.MOST_PIXELS` does.
    """
    lows, highs = _seen(box, to_input, input_size)
    wanted = tf.reduce_sum(tf.cast(shrinking.shrink_ratio(to_input) > shrinking.RATIOS[:-1], tf.int32))
    # Whole pixels make a window larger than the box that it covers: so its own pixels are counted, for each ratio.
    fits = tf.reduce_prod(tf.cast(highs - lows, tf.int64), 1) <= rendering.CAPACITIES[-1]
    number = tf.maximum(wanted, tf.argmax(fits, output_type=tf.int32))
    return number, lows[number], highs[number] - lows[number]


def _seen(box, to_input, input_size):
    """Returns what sampling the input looks at within a box, whole pixels of the photo shrunk by each of the ratios.

    Returns:
        low, high: int32 [ratios, 2] (x, y), the first pixel and the one behind the last.
    """
    size = float(input_size)
    corners = tf.constant([[0.0, 0.0], [0.0, size], [size, 0.0], [size, size]])
    corners = geometry.apply(geometry.invert(to_input), corners)
    ratios = tf.constant(shrinking.RATIOS, tf.float32)[:, None]
    starts = tf.floor(tf.cast(box[:2], tf.float32) / ratios)
    ends = tf.math.ceil(tf.cast(box[2:], tf.float32) / ratios)
    margin = 1.0  # a sample at the edge looks at the pixel beyond it
    low = tf.clip_by_value(tf.floor(tf.reduce_min(corners, 0) / ratios - margin), starts, ends - 1.0)
    high = tf.clip_by_value(tf.math.ceil(tf.reduce_max(corners, 0) / ratios + margin), low + 1.0, ends)
    return tf.cast(low, tf.int32), tf.cast(high, tf.int32)
