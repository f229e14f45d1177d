"""Colour distortion: brightness, saturation, hue and contrast in one of four orders."""

import tensorflow as tf

# The four orders of the 2018 reference (and of TF-Slim's Inception preprocessing before it).
ORDERS = (
    ("brightness", "saturation", "hue", "contrast"),
    ("saturation", "brightness", "contrast", "hue"),
    ("contrast", "hue", "brightness", "saturation"),
    ("hue", "saturation", "contrast", "brightness"),
)


def distort(image, brightness, saturation, hue, contrast, order):
    """Distorts the colours of an image as `tf.image.adjust_*` do, one after the other, and clips the result.

    Args:
        image: float32 [H, W, 3] RGB, 0 to 255.
        brightness: scalar, added to every channel, as a share of 255.
        saturation: scalar factor.
        hue: scalar, added to the hue, in turns.
        contrast: scalar factor of the distance to each channel's mean.
        order: scalar int32, the row of ORDERS.

    Returns:
        float32 [H, W, 3] RGB, 0 to 255.
    """
    steps = {
        "brightness": lambda image: tf.image.adjust_brightness(image, brightness),
        "saturation": lambda image: tf.image.adjust_saturation(image, saturation),
        "hue": lambda image: tf.image.adjust_hue(image, hue),
        "contrast": lambda image: tf.image.adjust_contrast(image, contrast),
    }

    def in_order(names):
        distorted = image / 255.0
        for name in names:
            distorted = steps[name](distorted)
        return tf.clip_by_value(distorted, 0.0, 1.0) * 255.0

    return tf.switch_case(order, [lambda names=names: in_order(names) for names in ORDERS])
