"""The five categories: who draws which. Any other category of the schema is drawn as a plain piece of cloth.

Keypoints are corners of the outlines, named as in the schema; left and right are the image's.
"""

from base.schema import DEFAULT
from tools.synthetic import bottoms, plain, tops

_BUILDERS = {
    "blouse": tops.blouse,
    "dress": tops.dress,
    "outwear": tops.outwear,
    "skirt": bottoms.skirt,
    "trousers": bottoms.trousers,
}


def random_garment(rng, category, pose, schema):
    """Draws a `shapes.Garment` of the category, cut at random, as the `poses.Pose` wears it."""
    is_fashionai = category in _BUILDERS and schema.name == DEFAULT
    return _BUILDERS[category](rng, pose) if is_fashionai else plain.garment(rng, category, schema)
