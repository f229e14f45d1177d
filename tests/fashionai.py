"""FashionAI's schema for tests, as names and functions: what they draw, convert and expect is mostly of it."""

from base import schema as schemas
from base.schema import ALL, NORM_OF_COINCIDING_PAIR

SCHEMA = schemas.default()
KEYPOINTS = SCHEMA.keypoints
CATEGORIES = SCHEMA.category_names

keypoint_indices = SCHEMA.keypoint_indices
keypoint_names = SCHEMA.keypoint_names
num_keypoints = SCHEMA.num_keypoints
flip_permutation = SCHEMA.flip_permutation
normalising_pair = SCHEMA.normalising_pair
outline = SCHEMA.outline
reference_ids = SCHEMA.record_ids
mirrored_name = SCHEMA.partner

__all__ = ["ALL", "NORM_OF_COINCIDING_PAIR"]
