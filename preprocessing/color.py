"""Colour distortion: brightness, saturation, hue and contrast in one of four orders, as `tf.image` defines them."""

import functools

import tensorflow as tf

from preprocessing import words

# The four orders of the 2018 reference (and of TF-Slim's Inception preprocessing before it).
ORDERS = (
    ("brightness", "saturation", "hue", "contrast"),
    ("saturation", "brightness", "contrast", "hue"),
    ("contrast", "hue", "brightness", "saturation"),
    ("hue", "saturation", "contrast", "brightness"),
)


def distort(image_words, amounts, order):
    """Distorts the colours of an image as `tf.image.adjust_*` do, one after the other; clipped and rounded at the end.

    Args:
        image_words: int32 [H, W], as `words` has them.
        amounts: scalars {brightness: added, as a share of 255; saturation: factor; hue: added, in turns; contrast:
            factor of the distance to each channel's mean}.
        order: scalar int32, the row of ORDERS.

    Returns:
        int32 [H, W] words.
    """
    return tf.switch_case(order, [lambda run=run: run(image_words, amounts) for run in _DISTORT_IN_ORDER])


def _distort_in_order(order, image_words, amounts):
    channels = words.to_channels(image_words)
    for step in order:
        channels = _STEPS[step](channels, amounts[step])
    return words.join(channels)


def _brightness(channels, share):
    return [channel + 255.0 * share for channel in channels]


def _contrast(channels, factor):
    # The mean of the columns' means: XLA vectorises it, and sums a whole plane in one long chain.
    means = [tf.reduce_mean(tf.reduce_mean(channel, 0)) for channel in channels]
    return [mean + (channel - mean) * factor for channel, mean in zip(channels, means)]


def _saturation(channels, factor):
    """Scales saturation = chroma / value, at most to 1; value, the largest channel, stays (HSV)."""
    value, chroma = _value_and_chroma(channels)
    ratio = tf.clip_by_value(value / tf.maximum(chroma, _TINY), 0.0, factor)  # new chroma / old chroma
    return [value - (value - channel) * ratio for channel in channels]


def _hue(channels, turns):
    """Turns the hue; value and chroma stay (HSV). A hue counts sixths of a turn from red."""
    red, green, blue = channels
    value, chroma = _value_and_chroma(channels)
    divisor = tf.maximum(chroma, _TINY)
    hue = tf.where(
        value <= red,
        (green - blue) / divisor,
        tf.where(value <= green, (blue - red) / divisor + 2.0, (red - green) / divisor + 4.0),
    )
    turned = []
    for offset in (5.0, 3.0, 1.0):  # red, green, blue lie as far from the value as their hue from this sixth
        sixth = hue + 6.0 * turns + offset
        sixth -= 6.0 * tf.floor(sixth / 6.0)
        turned.append(value - chroma * tf.clip_by_value(tf.minimum(sixth, 4.0 - sixth), 0.0, 1.0))
    return turned


def _value_and_chroma(channels):
    red, green, blue = channels
    value = tf.maximum(tf.maximum(red, green), blue)
    return value, value - tf.minimum(tf.minimum(red, green), blue)


_TINY = 1e-6  # keeps grey, whose chroma is 0, from dividing by it
_STEPS = {"brightness": _brightness, "contrast": _contrast, "saturation": _saturation, "hue": _hue}
_DISTORT_IN_ORDER = [words.compiled(functools.partial(_distort_in_order, order)) for order in ORDERS]
