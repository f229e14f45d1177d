"""The schema: what the file of FashionAI says, and what must hold of every schema that is accepted."""

import contextlib
import json
import re

import hypothesis
import pytest
from hypothesis import strategies as st

from base import checked_json
from base import schema as schemas
from base.errors import DataError
from preprocessing.data import records

COUNTS = {"blouse": 13, "outwear": 14, "dress": 15, "trousers": 7, "skirt": 4, "all": 24}
FASHIONAI = schemas.load("fashionai")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)


@pytest.mark.parametrize("category", COUNTS)
def test_counts_of_fashionai(category):
    assert FASHIONAI.num_keypoints(category) == COUNTS[category]
    assert len(FASHIONAI.keypoint_names(category)) == COUNTS[category]


def test_categories_are_numbered_alphabetically():
    assert FASHIONAI.category_names == ("blouse", "dress", "outwear", "skirt", "trousers")


def test_flip_pairs_of_trousers():
    names = FASHIONAI.keypoint_names("trousers")
    partners = {names[i]: names[j] for i, j in enumerate(FASHIONAI.flip_permutation("trousers"))}
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
    assert FASHIONAI.keypoint_indices("skirt") == (15, 16, 17, 18)
    assert FASHIONAI.keypoint_indices("trousers") == (15, 16, 19, 20, 21, 22, 23)
    assert FASHIONAI.keypoints[0] == "neckline_left"
    assert FASHIONAI.keypoints[23] == "bottom_right_out"


@pytest.mark.parametrize("category", ["blouse", "outwear", "dress", "trousers", "skirt"])
def test_normalising_pairs_of_fashionai(category):
    left, right = FASHIONAI.normalising_pair(category)
    pair = "waistband" if category in ("trousers", "skirt") else "armpit"
    assert (FASHIONAI.keypoints[left], FASHIONAI.keypoints[right]) == (f"{pair}_left", f"{pair}_right")


def test_record_ids_are_those_of_2018():
    """From the published records: the id of a keypoint within its category."""
    ids = dict(zip(FASHIONAI.keypoints, FASHIONAI.record_ids("outwear")))
    assert (ids["armpit_left"], ids["waistline_right"], ids["top_hem_right"], ids["crotch"]) == (4, 7, 13, -1)
    assert sorted(number for number in FASHIONAI.record_ids("blouse") if number >= 0) == list(range(13))


@st.composite
def contents(draw):
    """Draws what a schema's file may say."""
    pairs = draw(st.lists(NAMES, max_size=4, unique=True))
    single = draw(st.lists(NAMES.map(lambda name: f"{name}_middle"), min_size=2, max_size=4, unique=True))
    sided = [[f"{name}_left", f"{name}_right"] for name in pairs]
    swapped = draw(st.sampled_from([[], [single[:2]]]))
    groups = [*sided, *(swapped or [[name] for name in single[:2]]), *([name] for name in single[2:])]
    keypoints = draw(st.permutations(sorted(sum(groups, []))))
    categories = {}
    for name in draw(st.lists(NAMES.filter(lambda name: name != "all"), min_size=1, max_size=4, unique=True)):
        own = sum(
            draw(st.lists(st.sampled_from(groups), min_size=min(2, len(groups)), max_size=5, unique_by=tuple)), []
        )
        ends = draw(st.permutations(own))[:2]
        categories[name] = {
            "keypoints": own,
            "normalise": ends,
            "outline": [ends],
            "measurements": {"width": ends, "length": own[:2]},
            "sigmas": {own[0]: draw(st.floats(0.01, 0.2))},
            "record_ids": draw(st.sampled_from([[], draw(st.permutations(range(len(own))))])),
        }
    return {"name": draw(NAMES), "keypoints": keypoints, "categories": categories, "swap": swapped}


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(content=contents(), number=st.integers(0, 99_999), validation=st.booleans())
def test_every_accepted_schema_flips_to_itself_and_comes_back_from_json(content, number, validation):
    schema = schemas.of_json(content)
    for sort_keys in (False, True):
        assert schemas.of_json(json.loads(json.dumps(schema.to_json(), sort_keys=sort_keys))) == schema
    assert list(schema.category_names) == sorted(content["categories"])
    for category in (*schema.category_names, schemas.ALL):
        names = schema.keypoint_names(category)
        permutation = schema.flip_permutation(category)
        assert [permutation[partner] for partner in permutation] == list(range(len(names)))
        assert [schema.keypoints[index] for index in schema.keypoint_indices(category)] == list(names)
        if category != schemas.ALL:
            assert set(names) == set(content["categories"][category]["keypoints"])
            own = content["categories"][category]
            given = dict(zip(own["keypoints"], own["record_ids"]))
            numbers = dict(zip(schema.keypoints, schema.record_ids(category)))
            assert not given or {name: numbers[name] for name in given} == given
            shard = records.shard_name(category, number, validation)
            assert records.category_of(shard) == category


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(content=contents(), data=st.data())
def test_a_schema_with_anything_in_a_place_is_accepted_or_refused_by_its_key(content, data):
    place, value = content, data.draw(ANYTHING)
    keys = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))
    for depth, choice in enumerate(keys):
        options = sorted(place) if isinstance(place, dict) else range(len(place))
        if not options:
            break
        key = list(options)[choice % len(options)]
        if depth + 1 == len(keys) or not isinstance(place[key], (dict, list)):
            place[key] = value
            break
        place = place[key]
    with contextlib.suppress(checked_json.Unexpected):
        schemas.of_json(content)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('name = "hats"', 'name = "a/b"'), "name: expected letters, digits, _ and -, got 'a/b'"),
        (("categories.hat]", "categories.all]"), "categories.all: expected a category of letters"),
        (("categories.hat]", 'categories."a/b"]'), "categories.a/b: expected a category of letters"),
        (('normalise = ["rim_left"', 'normalise = ["rim"'), "hat.normalise: expected keypoints of hat, got 'rim'"),
        (
            ('"rim_right"]\nnormalise = ["rim_left", "rim_right"]', '"top"]\nnormalise = ["rim_left", "top"]'),
            "rim_right, too",
        ),
        (("normalise", "normalize"), "categories.hat.normalise: expected this key, got ['keypoints', "),
        (("[categories", "[[categories"), "cannot be read"),
        (('"rim_right"', "3"), "keypoints[1]: expected a name"),
    ],
)
def test_a_wrong_file_is_one_line_with_its_key(tmp_path, change, expected):
    text = """name = "hats"
keypoints = ["rim_left", "rim_right", "top"]
[categories.hat]
keypoints = ["rim_left", "rim_right"]
normalise = ["rim_left", "rim_right"]
"""
    (tmp_path / "hats.toml").write_text(text)
    assert schemas.load(tmp_path / "hats.toml").num_keypoints("hat") == 2
    assert change[0] in text
    (tmp_path / "hats.toml").write_text(text.replace(*change))
    with pytest.raises(DataError, match=re.escape(expected)) as caught:
        schemas.load(tmp_path / "hats.toml")
    assert str(caught.value).startswith(f"{tmp_path}/hats.toml: ")


@pytest.mark.parametrize("name", ["nothing", "../fashionai", "", "missing.toml"])
def test_a_schema_that_is_not_there_is_named(name):
    with pytest.raises(DataError, match="expected"):
        schemas.load(name)


def test_other_partners_than_the_names_say_are_given_by_swap():
    content = {
        "name": "shoes",
        "keypoints": ["heel", "toe"],
        "categories": {"shoe": {"keypoints": ["heel", "toe"], "normalise": ["heel", "toe"], "swap": [["heel", "toe"]]}},
    }
    assert schemas.of_json(content).flip_permutation("shoe") == (1, 0)


@pytest.mark.parametrize("category", FASHIONAI.category_names)
def test_outlines_and_measurements_touch_every_keypoint(category):
    own = FASHIONAI.category(category)
    assert {name for edge in FASHIONAI.outline(category) for name in edge} == set(own.keypoints)
    measured = {name for _, chain in own.measurements for name in chain}
    assert measured >= set(own.keypoints) - {"center_front", "neckline_left", "neckline_right"}
