"""The one rule by which photos much larger than the net's input are sampled, in training, prediction and exports.

Two taps a pixel, as bilinear sampling has, skip the pixels between them: noise and fine patterns would alias. So a
photo is first shrunk by a whole ratio r of RATIOS: pixel (i, j) of the shrunk photo is the mean of the photo's pixels
r i … r i + r - 1 and r j … r j + r - 1, the photo continued by repeating its border where its size is no multiple of r.
The shrunk photo is then sampled bilinearly (`geometry.warp`), through the matrix from its own plane, which is the
photo's divided by r. libjpeg decodes a JPEG at 1/r of its size in nearly the same way, for less time than at its full
size; the training uses that. On photos of 512 px, with INTEGER_ACCURATE, the two differ by 0.32 grey levels on average
at a half and a quarter, by 0.20 at an eighth, of which rounding to whole numbers, which is libjpeg's only, is 0.25.
"""

import cv2
import numpy as np
import tensorflow as tf

from base import geometry

RATIOS = (1, 2, 4, 8)

# A scale of exactly 1 / r counts as such however its computation rounds. No size of photo and input meets this bound.
_SLACK = 1 + 1 / 2000
_STRIP = 64  # rows of a shrunk photo that are computed at a time


def shrink_ratio(to_input):
    """Returns the ratio by which a photo is shrunk before it is sampled bilinearly.

    Args:
        to_input: [..., 2, 3] or [..., 2, 2] float, NumPy array or TensorFlow tensor: the affine matrices from the
            photo's plane to the input's, or their linear parts.

    Returns:
        int32 [...], of the same kind: the largest of RATIOS for which a pixel of the shrunk photo is at most a pixel of
        the input, along the photo's width and along its height.
    """
    math = tf if tf.is_tensor(to_input) else np
    squares = to_input[..., :2] * to_input[..., :2]
    scale = math.sqrt(squares[..., 0, :] + squares[..., 1, :])  # [..., 2], input pixels per photo pixel along x, y
    tighter = tf.reduce_max(scale, -1) if math is tf else scale.max(-1)
    ratio = 0 * tighter + 1
    for smaller, larger in zip(RATIOS, RATIOS[1:]):
        fits = larger * tighter <= _SLACK
        ratio += (larger - smaller) * (tf.cast(fits, ratio.dtype) if math is tf else fits)
    return tf.cast(ratio, tf.int32) if math is tf else ratio.astype(np.int32)


def shrink(image, ratio):
    """Returns a photo [H, W, 3] uint8, shrunk by one of RATIOS: float32 [ceil(H / ratio), ceil(W / ratio), 3]."""
    if ratio == 1:
        return image.astype(np.float32, order="C")
    height, width = image.shape[:2]
    shrunk = np.empty([-(-height // ratio), -(-width // ratio), 3], np.float32)
    for top in range(0, len(shrunk), _STRIP):  # as 32-bit numbers a whole photo of a camera would fill the memory
        rows = shrunk[top : top + _STRIP]
        part = image[top * ratio : (top + _STRIP) * ratio].astype(np.float32, order="C")
        below, beyond = len(rows) * ratio - len(part), rows.shape[1] * ratio - width
        if below or beyond:
            part = cv2.copyMakeBorder(part, 0, below, 0, beyond, cv2.BORDER_REPLICATE)
        cv2.resize(part, rows.shape[1::-1], dst=rows, interpolation=cv2.INTER_AREA)
    return shrunk


def resize_whole(images, size, keep_aspect=False):
    """Samples whole photos by the rule, in operations that TensorFlow, TFLite and ONNX all have.

    Args:
        images: [N, H, W, 3] float32, of any size known only when the graph runs.
        size: height and width of the result.
        keep_aspect: show the square around the photo, black beside it, instead of the photo (see `letterbox`).

    Returns:
        [N, size, size, 3] float32, what `geometry.warp` gives of the shrunk photo with its border repeated; with
        `keep_aspect` what `letterbox.warp` does.
    """
    pick = tf.maximum if keep_aspect else tf.minimum
    side = pick(tf.shape(images)[1], tf.shape(images)[2])
    to_input = size / tf.cast(side, tf.float32)
    ratio = shrink_ratio(to_input * tf.eye(2))
    for _ in range(2):  # along the height, then along the width
        images = tf.transpose(_resize_height(images, size, ratio, side if keep_aspect else None), [0, 2, 1, 3])
    return tf.reshape(images, [-1, size, size, 3])  # whose size the net is to know; TFLite has no ensure_shape


def _resize_height(images, size, ratio, side=None):
    """Returns images [N, H, W, 3] resized to [N, size, W, 3]; the reductions have long rows to run along.

    With `side` the result shows so many of the photo's pixels around its middle, and is black beside it.
    """
    count, height, width, _ = tf.unstack(tf.shape(images))
    shrunk = (height + ratio - 1) // ratio
    rows = tf.gather(images, tf.minimum(tf.range(shrunk * ratio), height - 1), axis=1)
    means = tf.reduce_mean(tf.reshape(rows, tf.stack([count * shrunk, ratio, width * 3])), axis=1)
    means = tf.reshape(means, tf.stack([count, shrunk, width, 3]))
    shown = height if side is None else side
    step = tf.cast(shown, tf.float32) / tf.cast(ratio * size, tf.float32)
    places = (tf.range(size, dtype=tf.float32) + geometry.HALF_PIXEL) * step - geometry.HALF_PIXEL
    if side is not None:
        places += tf.cast(height - side, tf.float32) / tf.cast(2 * ratio, tf.float32)
        end = tf.cast(shrunk, tf.float32) - geometry.HALF_PIXEL
        inside = tf.cast((places >= -geometry.HALF_PIXEL) & (places < end), tf.float32)[:, tf.newaxis, tf.newaxis]
    places = tf.clip_by_value(places, 0.0, tf.cast(shrunk - 1, tf.float32))
    share = (places - tf.floor(places))[:, tf.newaxis, tf.newaxis]
    lower, upper = (tf.gather(means, tf.cast(side(places), tf.int32), axis=1) for side in (tf.floor, tf.math.ceil))
    between = lower * (1 - share) + upper * share
    return between if side is None else between * inside
