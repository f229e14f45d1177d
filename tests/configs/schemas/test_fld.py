"""FLD's schema: the keypoints of each category in the order of the data set's files, and their mirror partners."""

import pytest

from base import schema as schemas

SCHEMA = schemas.load("fld")
PAIRS = {"upper": ("collar", "sleeve", "hem"), "lower": ("waistline", "hem")}
PAIRS["full"] = ("collar", "sleeve", "waistline", "hem")


def test_categories():
    assert set(SCHEMA.category_names) == set(PAIRS)
    assert SCHEMA.keypoint_names("full") == SCHEMA.keypoints


@pytest.mark.parametrize("category", PAIRS)
def test_keypoints_come_in_the_order_of_the_files(category):
    assert SCHEMA.keypoint_names(category) == tuple(
        f"{part}_{side}" for part in PAIRS[category] for side in ("left", "right")
    )


@pytest.mark.parametrize("category", PAIRS)
def test_left_and_right_change_places(category):
    permutation = SCHEMA.flip_permutation(category)
    assert permutation == tuple(place ^ 1 for place in range(len(permutation)))
    edges = {frozenset(edge) for edge in SCHEMA.outline(category)}
    assert {frozenset(map(SCHEMA.partner, edge)) for edge in edges} == edges
    assert SCHEMA.partner(SCHEMA.category(category).normalise[0]) == SCHEMA.category(category).normalise[1]
