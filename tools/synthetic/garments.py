"""The five categories: who draws which. Any other category of the schema is drawn as a plain piece of cloth.

Keypoints are corners of the outlines, named as in the schema; left and right are the image's.
"""

from tools.synthetic import bottoms, plain, tops

_BUILDERS = {
    "blouse": tops.blouse,
    "dress": tops.dress,
    "outwear": tops.outwear,
    "skirt": bottoms.skirt,
    "trousers": bottoms.trousers,
}


def random_garment(rng, category, pose):
    """Draws a `shapes.Garment` of the category, cut at random, as the `poses.Pose` wears it."""
    return _BUILDERS[category](rng, pose) if category in _BUILDERS else plain.garment(rng, category)
