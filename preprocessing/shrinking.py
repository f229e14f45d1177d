"""The one rule by which photos much larger than the net's input are sampled, in training, prediction and exports.

Two taps a pixel, as bilinear sampling has, skip the pixels between them: noise and fine patterns would alias. So a
photo is first shrunk by a whole ratio r of RATIOS: pixel (i, j) of the shrunk photo is the mean of the photo's pixels
r i … r i + r - 1 and r j … r j + r - 1, the photo continued by repeating its border where its size is no multiple of r.
The shrunk photo is then sampled bilinearly (`geometry.warp`), through the matrix from its own plane, which is the
photo's divided by r. libjpeg decodes a JPEG at 1/r of its size in nearly the same way, for less time than at its full
size; the training uses that.
"""

import numpy as np
import tensorflow as tf

RATIOS = (1, 2, 4, 8)

# A scale of exactly 1 / r counts as such however its computation rounds. No size of photo and input meets this bound.
_SLACK = 1 + 1 / 2000


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
