"""Images as words: nothing is lost on the way in and out."""

import numpy as np

from preprocessing.input import packed_pixels


def test_words_keep_every_byte():
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(packed_pixels.to_image(packed_pixels.pack(image)), image)
    np.testing.assert_array_equal(np.stack(packed_pixels.to_channels(packed_pixels.pack(image)), -1), image)
    np.testing.assert_array_equal(packed_pixels.pack(image), image.astype(int) @ [1, 256, 65536])
