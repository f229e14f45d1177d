"""One photo of several garments: drawn photos beside each other, and a box around the keypoints of each garment."""

import dataclasses
from typing import Optional

import numpy as np

from preprocessing.data.boxes import Box
from tools.synthetic.photos import random_photo

_MARGINS = (0.05, 0.25)  # of the longer side of what the keypoints take
_LEAST_MARGIN = 3  # pixels


@dataclasses.dataclass
class PlacedGarment:
    """A garment in a photo that shows several.

    Attributes:
        category: of the garment.
        keypoints: {name: (x, y, visibility)} in whole pixels of the photo, without those that are absent.
        box: as `preprocessing.data.boxes` has them; it holds the keypoints, and may reach into the garment beside it.
            None in a photo of one garment.
    """

    category: str
    keypoints: dict
    box: Optional[Box]


def random_photos_beside(rngs, categories, image_size, schema):
    """Draws a photo with a garment of each category, from left to right.

    Args:
        rngs: a NumPy Generator for each garment.
        categories: of the schema.
        image_size: the longest side of the whole photo, in pixels.
        schema: the Schema.

    Returns:
        image: [H, W, 3] uint8 RGB, or [H, W] of a greyscale file.
        garments: a PlacedGarment for each category.
        quality: the JPEG quality to save it with.
    """
    drawn = [
        random_photo(rng, category, image_size // len(categories), schema) for rng, category in zip(rngs, categories)
    ]
    if len(drawn) == 1:
        return drawn[0].image, [PlacedGarment(categories[0], drawn[0].keypoints, None)], drawn[0].quality
    height = max(photo.image.shape[0] for photo in drawn)
    panels = [_of_height(rng, photo, height) for rng, photo in zip(rngs, drawn)]
    image = np.concatenate([pixels for pixels, _ in panels], axis=1)
    lefts = np.cumsum([0, *(pixels.shape[1] for pixels, _ in panels)])
    garments = []
    for rng, category, photo, left, (_, top) in zip(rngs, categories, drawn, lefts.tolist(), panels):
        keypoints = {name: (x + left, y + top, seen) for name, (x, y, seen) in photo.keypoints.items()}
        rows, columns = photo.image.shape[:2]
        held = [(x, y) for x, y, _ in keypoints.values()] or [(left, top), (left + columns - 1, top + rows - 1)]
        garments.append(PlacedGarment(category, keypoints, _box_around(rng, np.array(held), image.shape[1::-1])))
    return image, garments, drawn[0].quality


def _of_height(rng, photo, height):
    """Returns the photo's pixels [height, w, 3], its edges repeated above and below, and the row where it begins."""
    image = photo.image if photo.image.ndim == 3 else np.repeat(photo.image[..., None], 3, axis=-1)
    top = int(rng.integers(0, height - len(image) + 1))
    return np.pad(image, ((top, height - len(image) - top), (0, 0), (0, 0)), mode="edge"), top


def _box_around(rng, pixels, size):
    """Returns the box that holds the [N, 2] pixels with a random margin, as far as the photo of a size goes."""
    low, high = pixels.min(axis=0), pixels.max(axis=0) + 1
    margin = max(_LEAST_MARGIN, round(rng.uniform(*_MARGINS) * (high - low).max()))
    low, high = np.maximum(low - margin, 0), np.minimum(high + margin, size)
    return (*low.tolist(), *high.tolist())
