"""DeepFashion2's schema: the places of its 294 keypoints, their mirror partners and sigmas; it can be drawn."""

import pytest

from base import schema as schemas
from preprocessing.data import annotations, manifest

SCHEMA = schemas.load("deepfashion2")
# Where each category's keypoints stand among the 294, by the data set's documentation.
RANGES = {
    "short_sleeve_top": (0, 25),
    "long_sleeve_top": (25, 58),
    "short_sleeve_outwear": (58, 89),
    "long_sleeve_outwear": (89, 128),
    "vest": (128, 143),
    "sling": (143, 158),
    "shorts": (158, 168),
    "trousers": (168, 182),
    "skirt": (182, 190),
    "short_sleeve_dress": (190, 219),
    "long_sleeve_dress": (219, 256),
    "vest_dress": (256, 275),
    "sling_dress": (275, 294),
}
# Round the garment the partner of number n is `sum - n`: from the shoulders, or from the waistband's ends, down.
CONTOURS = {
    "short_sleeve_top": 32,
    "long_sleeve_top": 40,
    "short_sleeve_outwear": 32,
    "long_sleeve_outwear": 40,
    "vest": 22,
    "sling": 22,
    "shorts": 14,
    "trousers": 18,
    "skirt": 12,
    "short_sleeve_dress": 36,
    "long_sleeve_dress": 44,
    "vest_dress": 26,
    "sling_dress": 26,
}
OPENINGS = {  # of outwear: its top, its sides and the inner ends of the hem
    "short_sleeve_outwear": {4: 26, 16: 29, 27: 30, 28: 31},
    "long_sleeve_outwear": {4: 34, 20: 37, 35: 38, 36: 39},
}
# The one pair to which the official evaluation gives two sigmas.
UNEQUAL = {"long_sleeve_dress_15", "long_sleeve_dress_29"}


def expected_partner(category, number):
    opening = OPENINGS.get(category, {})
    opening = {**opening, **{b: a for a, b in opening.items()}}
    if number in opening:
        return opening[number]
    if category in ("shorts", "trousers", "skirt"):
        return 4 - number if number <= 3 else CONTOURS[category] - number
    neck = {1: 1, 2: 6, 3: 5, 4: 4, 5: 3, 6: 2}
    return neck.get(number, CONTOURS[category] - number)


def test_the_places_of_the_keypoints():
    assert len(SCHEMA.keypoints) == 294
    assert set(SCHEMA.category_names) == set(RANGES)
    for category, (start, end) in RANGES.items():
        names = tuple(f"{category}_{number:02d}" for number in range(1, end - start + 1))
        assert SCHEMA.keypoint_names(category) == names
        assert SCHEMA.keypoint_indices(category) == tuple(range(start, end))


@pytest.mark.parametrize("category", RANGES)
def test_partners(category):
    permutation = SCHEMA.flip_permutation(category)
    assert [place + 1 for place in permutation] == [
        expected_partner(category, number) for number in range(1, len(permutation) + 1)
    ]


@pytest.mark.parametrize("category", RANGES)
def test_mirror_partners_have_one_sigma(category):
    sigmas = dict(SCHEMA.category(category).sigmas)
    assert set(sigmas) == set(SCHEMA.keypoint_names(category))
    differing = {name for name in sigmas if sigmas[name] != sigmas[SCHEMA.partner(name)]}
    assert differing == UNEQUAL & set(sigmas)


def test_the_sigmas_are_the_official_ones():
    sigmas = {name: sigma for category in SCHEMA.categories for name, sigma in category.sigmas}
    assert sum(sigmas.values()) == pytest.approx(11.519, abs=1e-9)
    places = {0: 0.012, 13: 0.0574, 61: 0.0248, 144: 0.0548, 233: 0.0455, 247: 0.0486, 275: 0.0244, 293: 0.0173}
    assert {place: sigmas[SCHEMA.keypoints[place]] for place in places} == places


@pytest.mark.parametrize("category", RANGES)
def test_what_is_drawn_and_measured_is_the_same_in_a_mirror(category):
    own = SCHEMA.category(category)
    edges = {frozenset(edge) for edge in SCHEMA.outline(category)}
    assert {frozenset(map(SCHEMA.partner, edge)) for edge in edges} == edges
    assert {keypoint for edge in edges for keypoint in edge} == set(own.keypoints)
    assert SCHEMA.partner(own.normalise[0]) == own.normalise[1]
    measurements = dict(own.measurements)
    for name, chain in measurements.items():
        mirrored = tuple(map(SCHEMA.partner, chain))
        other = measurements["_".join({"left": "right", "right": "left"}.get(word, word) for word in name.split("_"))]
        assert mirrored in (other, other[::-1])


def test_it_is_drawn_and_converted(tmp_path, program):
    data, records = tmp_path / "data", tmp_path / "records"
    words = ("--schema=deepfashion2", "--num_train=1", "--num_test=0", "--image_size=64")
    assert program("tools/make_synthetic_data.py", f"--output_dir={data}", *words) == 0
    rows = annotations.read(data / "train_0" / "Annotations" / "annotations.csv", SCHEMA)
    for category, visibility in zip(rows.categories, rows.visibility):
        start, end = RANGES[category]
        assert (visibility[start:end] >= 0).any()
        assert (visibility[:start] == -1).all()
        assert (visibility[end:] == -1).all()
    words = ("--schema=deepfashion2", "--val_fraction=0", f"--output_dir={records}")
    assert program("tools/convert_tfrecords.py", f"--data_dir={data}", *words) == 0
    assert manifest.schema_of(str(records)) == SCHEMA
