"""Every method of resizing shows the same picture at the same place."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from preprocessing import geometry, words
from preprocessing.resampling import METHODS, resample


@pytest.mark.parametrize("method", METHODS)
def test_every_method_shows_the_same_picture(method):
    noise = np.random.default_rng(2).uniform(0, 255, (160, 200, 3)).astype(np.float32)
    image = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 8), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    turn = geometry.rotation(np.float32(0.4), np.float32(90), np.float32(80))
    matrix = geometry.compose(turn, geometry.cropping(40.0, 30.0, 110.0, 90.0, 72, 72), geometry.mirroring(72.0))
    half = geometry.translation(0.5, 0.5)
    theirs = geometry.compose(half, matrix, geometry.invert(half))
    expected = cv2.warpAffine(image, theirs, (72, 72), flags=cv2.INTER_LINEAR).astype(np.float32)
    shown = words.to_image(resample(tf.constant(image), tf.constant(matrix, tf.float32), 72, method)).numpy()
    assert expected.std() > 20
    assert np.abs(shown - expected)[3:-3, 3:-3].mean() < (1 if method == "bilinear" else 3)
