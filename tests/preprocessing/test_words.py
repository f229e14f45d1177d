"""Images as words: nothing is lost on the way in and out."""

import numpy as np

from preprocessing import words


def test_words_keep_every_byte():
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(words.to_image(words.pack(image)), image)
    np.testing.assert_array_equal(np.stack(words.to_channels(words.pack(image)), -1), image)
    np.testing.assert_array_equal(words.pack(image), image.astype(int) @ [1, 256, 65536])
