"""The colour loops against TensorFlow's own ops, for the same amounts."""

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.input import color, packed_pixels, rendering


def _reference(image, amounts, order):
    steps = {
        "brightness": tf.image.adjust_brightness,
        "saturation": tf.image.adjust_saturation,
        "hue": tf.image.adjust_hue,
        "contrast": tf.image.adjust_contrast,
    }
    image = tf.constant(image, tf.float32) / 255.0
    for name in color.ORDERS[order]:
        image = steps[name](image, amounts[name])
    return tf.clip_by_value(image, 0.0, 1.0).numpy()


def _images():
    generator = np.random.default_rng(5)
    noise = generator.integers(0, 256, (48, 48, 3))
    ramp = np.stack([*np.meshgrid(np.arange(48) * 5, np.arange(48) * 5), np.full((48, 48), 90)], -1)
    grey = np.repeat(generator.integers(0, 256, (48, 48, 1)), 3, -1)
    corners = np.zeros((48, 48, 3), int)
    corners[:24], corners[12:36, 12:36], corners[30:, 30:] = 255, (255, 0, 0), (0, 0, 255)
    return [noise, ramp, grey, corners]


@pytest.mark.parametrize("order", range(4))
def test_colours_equal_tensorflow_within_one_step_of_255(order):
    generator = np.random.default_rng(order)
    distort = rendering.compiled(color.distort)
    changed = 0
    for image in _images():
        for _ in range(25):
            amounts = {
                "brightness": np.float32(generator.uniform(-32 / 255, 32 / 255)),
                "saturation": np.float32(generator.uniform(0.5, 1.5)),
                "hue": np.float32(generator.uniform(-0.2, 0.2)),
                "contrast": np.float32(generator.uniform(0.5, 1.5)),
            }
            tensors = {name: tf.constant(amount) for name, amount in amounts.items()}
            ours = packed_pixels.to_image(distort(packed_pixels.pack(image), tensors, tf.constant(order))).numpy() / 255
            assert np.abs(ours - _reference(image, amounts, order)).max() <= 1 / 255
            changed += np.abs(ours - image / 255).mean() > 0.01
    assert changed > 90


def test_the_orders_are_those_of_the_reference():
    assert sorted(color.ORDERS) == sorted(set(color.ORDERS))
    assert all(sorted(order) == ["brightness", "contrast", "hue", "saturation"] for order in color.ORDERS)
