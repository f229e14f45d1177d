"""Colour distortion: brightness, saturation, hue and contrast in one of four orders, as `tf.image` defines them."""

import math

import tensorflow as tf

from preprocessing.input import packed_pixels

# The four orders of the 2018 reference (and of TF-Slim's Inception preprocessing before it).
ORDERS = (
    ("brightness", "saturation", "hue", "contrast"),
    ("saturation", "brightness", "contrast", "hue"),
    ("contrast", "hue", "brightness", "saturation"),
    ("hue", "saturation", "contrast", "brightness"),
)
AS_IS = len(ORDERS)  # in the place of an order: no distortion


def distort(image_words, amounts, order):
    """Distorts the colours of an image as `tf.image.adjust_*` do, one after the other; clipped and rounded at the end.

    Args:
        image_words: int32 [H, W], as `words` has them.
        amounts: scalars {brightness: added, as a share of 255; saturation: factor; hue: added, in turns; contrast:
            factor of the distance to each channel's mean}.
        order: scalar int32, the row of ORDERS, or AS_IS.

    Returns:
        int32 [H, W] words.
    """
    orders = [lambda steps=steps: _distort(image_words, amounts, steps) for steps in ORDERS]
    return tf.switch_case(order, [*orders, lambda: image_words])


def _distort(image_words, amounts, steps):
    channels = packed_pixels.to_channels(image_words)
    for step in steps:
        channels = _STEPS[step](channels, amounts[step])
    return packed_pixels.join(channels)


def _brightness(channels, share):
    return [channel + 255.0 * share for channel in channels]


def _contrast(channels, factor):
    means = [_mean(channel) for channel in channels]
    return [mean + (channel - mean) * factor for channel, mean in zip(channels, means)]


def _mean(channel):
    # XLA sums in one long chain: many short ones, side by side, are faster.
    strips = tf.split(channel, math.gcd(channel.shape[0], _STRIPS))
    return tf.reduce_mean(tf.reduce_mean(tf.add_n(strips), 1)) / len(strips)


def _saturation(channels, factor):
    """Scales saturation = chroma / value, at most to 1; value, the largest channel, stays (HSV)."""
    value, chroma = _value_and_chroma(channels)
    ratio = tf.clip_by_value(value / tf.maximum(chroma, _TINY), 0.0, factor)  # new chroma / old chroma
    return [value - (value - channel) * ratio for channel in channels]


def _hue(channels, turns):
    """Turns the hue; value and chroma stay (HSV). A hue counts sixths of a turn from red."""
    red, green, blue = channels
    value, chroma = _value_and_chroma(channels)
    most_red, most_green = value <= red, value <= green
    difference = tf.where(most_red, green - blue, tf.where(most_green, blue - red, red - green))
    sixth = tf.where(most_red, 0.0, tf.where(most_green, 2.0, 4.0))
    hue = difference / tf.maximum(chroma, _TINY) + sixth + 6.0 * turns
    hue -= 6.0 * tf.floor(hue / 6.0)
    # Each channel's share of the chroma: 1 within a sixth of its own hue, falling to 0 over the next.
    shares = tf.abs(hue - 3.0) - 1.0, 2.0 - tf.abs(hue - 2.0), 2.0 - tf.abs(hue - 4.0)
    return [value - chroma + chroma * tf.clip_by_value(share, 0.0, 1.0) for share in shares]


def _value_and_chroma(channels):
    red, green, blue = channels
    value = tf.maximum(tf.maximum(red, green), blue)
    return value, value - tf.minimum(tf.minimum(red, green), blue)


_STRIPS = 8  # more gain nothing
_TINY = 1e-6  # keeps grey, whose chroma is 0, from dividing by it
_STEPS = {"brightness": _brightness, "contrast": _contrast, "saturation": _saturation, "hue": _hue}
