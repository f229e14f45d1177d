"""The schema against the facts of the data set, written down by hand."""

import pytest

from configs import keypoints

COUNTS = {"blouse": 13, "outwear": 14, "dress": 15, "trousers": 7, "skirt": 4, "all": 24}


@pytest.mark.parametrize("category", COUNTS)
def test_counts(category):
    assert keypoints.num_keypoints(category) == COUNTS[category]
    assert len(keypoints.keypoint_names(category)) == COUNTS[category]


def test_categories_are_numbered_alphabetically():
    assert keypoints.CATEGORIES == ("blouse", "dress", "outwear", "skirt", "trousers")


@pytest.mark.parametrize("category", COUNTS)
def test_flip_pairs_are_an_involution(category):
    permutation = keypoints.flip_permutation(category)
    assert [permutation[partner] for partner in permutation] == list(range(COUNTS[category]))


def test_flip_pairs_of_trousers():
    names = keypoints.keypoint_names("trousers")
    partners = {names[i]: names[j] for i, j in enumerate(keypoints.flip_permutation("trousers"))}
    assert partners == {
        "waistband_left": "waistband_right",
        "waistband_right": "waistband_left",
        "crotch": "crotch",
        "bottom_left_in": "bottom_right_in",
        "bottom_left_out": "bottom_right_out",
        "bottom_right_in": "bottom_left_in",
        "bottom_right_out": "bottom_left_out",
    }


def test_indices_are_places_in_the_csv():
    assert keypoints.keypoint_indices("skirt") == (15, 16, 17, 18)
    assert keypoints.keypoint_indices("trousers") == (15, 16, 19, 20, 21, 22, 23)
    assert keypoints.KEYPOINTS[0] == "neckline_left"
    assert keypoints.KEYPOINTS[23] == "bottom_right_out"


@pytest.mark.parametrize(
    ("category", "pair"),
    [
        ("blouse", "armpit"),
        ("outwear", "armpit"),
        ("dress", "armpit"),
        ("trousers", "waistband"),
        ("skirt", "waistband"),
    ],
)
def test_normalising_pair(category, pair):
    left, right = keypoints.normalising_pair(category)
    assert (keypoints.KEYPOINTS[left], keypoints.KEYPOINTS[right]) == (f"{pair}_left", f"{pair}_right")


@pytest.mark.parametrize("category", keypoints.CATEGORIES)
def test_numbers_of_the_2018_records_are_a_numbering(category):
    numbers = [number for number in keypoints.reference_ids(category) if number >= 0]
    assert sorted(numbers) == list(range(COUNTS[category]))


@pytest.mark.parametrize("category", keypoints.CATEGORIES)
def test_outline_touches_every_keypoint(category):
    touched = {name for edge in keypoints.outline(category) for name in edge}
    assert touched == set(keypoints.keypoint_names(category))
