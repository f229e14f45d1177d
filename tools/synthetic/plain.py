"""A garment of any category of the schema: one piece of cloth whose corners are the keypoints.

So that a category that somebody adds can be tried on drawn photos, whatever it is.
"""

import numpy as np

from tools.synthetic.shapes import Garment, Layer, outline, point


def _is_left(name, schema):
    """Returns whether a keypoint is the one of its pair that the drawing has on the left."""
    words = name.split("_")
    return "left" in words or ("right" not in words and name < schema.partner(name))


def garment(rng, category, schema):
    """Draws the category's keypoints round a piece of cloth: pairs down its two sides, the others along its top."""
    names = schema.keypoint_names(category)
    middle = [name for name in names if schema.partner(name) == name]
    left = [name for name in names if name not in middle and _is_left(name, schema)]
    heights = np.linspace(0.2, 1.6, len(left)) + rng.uniform(-0.2, 0.2, len(left)) / max(1, len(left))
    places = {}
    for name, height in zip(left, heights):
        width = rng.uniform(0.4, 0.8)
        for side, sign in ((name, -1), (schema.partner(name), 1)):
            places[side] = point(sign * width, height) + rng.normal(0, 0.02, 2)
    top = [
        point(0.3 * (number + 1) / (len(middle) + 1) - 0.15, rng.uniform(-0.3, 0.0)) for number in range(len(middle))
    ]
    places.update(zip(middle, top))
    low = 1.8 + rng.uniform(0, 0.3)
    bottom = [point(0.3, low), point(-0.3, low)]
    sides = [[places[name] for name in left], [places[schema.partner(name)] for name in left]]
    corners = [*top, *sides[1], *bottom, *reversed(sides[0])]
    return Garment([], [Layer(outline(*corners), "fabric", places)], {"left": [], "right": []})
