"""Schemas from elsewhere, in a `.toml`, a manifest and a model.json: one line, in bounded time, or a schema."""

import json
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from base import checked_toml
from base import schema as schemas
from base.errors import DataError
from preprocessing.data import manifest
from utility.model import model_directory

GOOD = """name = "hats"
keypoints = ["rim_left", "rim_right", "top"]
[categories.hat]
keypoints = ["rim_left", "rim_right"]
normalise = ["rim_left", "rim_right"]
sigmas = { rim_left = 0.1 }
record_ids = [0, 1]
measurements = { rim = ["rim_left", "rim_right"] }
"""
TWO = '[categories.{}]\nkeypoints = ["top", "rim_left", "rim_right"]\nnormalise = ["top", "rim_left"]\n'
# What is changed in GOOD, and what the one line says.
CHANGES = {
    "nan": ("0.1", "nan", "categories.hat.sigmas.rim_left: expected a number from"),
    "infinite": ("0.1", "inf", "categories.hat.sigmas.rim_left: expected a number from"),
    "negative": ("0.1", "-0.1", "categories.hat.sigmas.rim_left: expected a number from"),
    "huge exponent": ("0.1", "1e999", "categories.hat.sigmas.rim_left: expected a number from"),
    "decimal digits": ("0.1", "9" * 5000, "cannot be read"),
    "hexadecimal digits": ("0.1", "0x" + "f" * 50_000, "sigmas.rim_left: expected a number from 1e-06 to 1000, got a"),
    "id of many digits": ("[0, 1]", "[0, 0x" + "f" * 50_000 + "]", "record_ids[1]: expected a whole number from 0"),
    "date": ("0.1", "2020-01-01", "categories.hat.sigmas.rim_left: expected a number"),
    "text for a number": ("0.1", '"0.1"', "categories.hat.sigmas.rim_left: expected a number"),
    "number for a list": ('["rim_left", "rim_right", "top"]', "3", "keypoints: expected a list"),
    "list in a list": ('"top"]', '["top"]]', "keypoints[2]: expected a name"),
    "control character": ('"top"]', r'"t\u001bop"]', "keypoints[2]: expected a name of printable characters"),
    "space around": ('"top"]', '" top"]', "keypoints[2]: expected a name without spaces around it"),
    "box": ('"top"]', '"box"]', "keypoints[2]: expected a name without spaces around it, other than image_id"),
    "image_id": ('"top"]', '"image_id"]', "keypoints[2]: expected a name"),
    "Image_Category": ('"top"]', '"Image_Category"]', "keypoints[2]: expected a name"),
    "twice": ('"top"]', '"top", "top"]', "keypoints[3]: expected no name twice, got 'top'"),
    "letter case": ('"top"]', '"top", "Top"]', "keypoints[3]: expected a name that differs from top by more than"),
    "all": ("categories.hat]", "categories.all]", "categories.all: expected a category"),
    "ALL": ("categories.hat]", "categories.ALL]", "categories.ALL: expected a category"),
    "letter case of folders": ("[categories.hat]", TWO.format("HAT") + "[categories.hat]", "hat: expected a name"),
    "long category": ("categories.hat]", f"categories.{'h' * 101}]", "expected at most 100 bytes, got 'hhh"),
    "control character of a measurement": ("rim = [", r'"r\u0007im" = [', "expected a name of printable characters"),
    "long name of the schema": ('"hats"', '"' + "h" * 300 + '"', "name: expected at most 100 bytes"),
    "deep lists": ("[0, 1]", "[" * 5000 + "]" * 5000, "cannot be read (nested more than 20 deep)"),
    "deep tables": ("{ rim_left = 0.1 }", "{a=" * 5000 + "1" + "}" * 5000, "cannot be read (nested more than 20 deep)"),
    "a key of many parts": ("sigmas =", "a" + ".a" * 20_000 + " =", "cannot be read (a key of more than 20 parts)"),
    "many lines": ('"hats"', '"""hats"""', "cannot be read (line 1: a string of several lines"),
    "no categories": (GOOD[GOOD.index("[") :], '["a"]\ncategories = {}', "categories: expected at least one category"),
    "no keypoints": ('["rim_left", "rim_right", "top"]', "[]", "keypoints: expected a list of 1 to 1000 items"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_hostile_file_is_one_line_that_names_file_and_key(tmp_path, name):
    old, new, expected = CHANGES[name]
    assert old in GOOD
    path = tmp_path / "hats.toml"
    path.write_text(GOOD)
    assert schemas.load(path).name == "hats"
    path.write_text(GOOD.replace(old, new, 1))
    start = time.process_time()
    with pytest.raises(DataError) as caught:
        schemas.load(path)
    assert time.process_time() - start < 2
    (line,) = caught.value.lines()
    assert line.startswith(f"{path}: ")
    assert expected in line
    assert len(line) < 700


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "name: expected this key, got []"),
        (b"\xff\xfen\x00a\x00", "expected text in UTF-8"),
        (b"a = 1\n" * 50_000, "expected a file of at most 262,144 bytes, got 300,000 bytes"),
        (b"\x00" * 10, "cannot be read"),
        (b"=" * 1000, "cannot be read"),
    ],
)
def test_what_is_no_schema_is_one_line(tmp_path, content, expected):
    path = tmp_path / "hats.toml"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        schemas.load(path)
    (line,) = caught.value.lines()
    assert line.startswith(f"{path}: ")
    assert expected in line


def test_a_file_of_100_mb_is_not_read(tmp_path):
    path = tmp_path / "hats.toml"
    with open(path, "wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(DataError, match="expected a file of at most"):
        schemas.load(path)


def test_strings_and_comments_are_no_structure(tmp_path):
    path = tmp_path / "hats.toml"
    text = GOOD.replace('"hats"', "'hats' # it's [[[[[[[[[[[[[[[[[[[[[[[[[[ a.b" + ".c" * 50 + ' """')
    path.write_text(text.replace("top", r"[[[[[[[[[[[[[[[[[[[[[[[[[[\" ....................................."))
    assert schemas.load(path).name == "hats"


def test_as_many_names_as_a_file_holds_take_no_time(tmp_path):
    """Each list is within its bound; what is looked up, and how often, must not multiply."""
    names = [f"{index:x}" for index in range(1000)]
    listed = json.dumps(names)
    categories = "".join(
        f'[categories.c{number}]\nkeypoints = {listed}\nnormalise = ["1", "2"]\noutline = [{listed}, {listed}]\n'
        for number in range(8)
    )
    path = tmp_path / "many.toml"
    path.write_text(f'name = "many"\nkeypoints = {listed}\n{categories}')
    start = time.process_time()
    schema = schemas.load(path)
    assert len(schema.outline("c7")) == 999
    assert time.process_time() - start < 5


@hypothesis.settings(max_examples=200, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@hypothesis.given(data=st.data())
def test_a_file_changed_anywhere_is_a_schema_or_one_line(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "changed.toml"
    at = data.draw(st.integers(0, len(GOOD)))
    length = data.draw(st.integers(0, 12))
    signs = st.text("[]{}=.,\"'#\\ \n\tx0-_e9\u00e9\ud800:", max_size=8)
    changed = GOOD[:at] + data.draw(signs) + GOOD[at + length :]
    path.write_bytes(changed.encode(errors="surrogatepass"))
    lines = []
    try:
        schemas.load(path)
    except DataError as error:
        lines = error.lines()
    assert len(lines) <= 1
    assert all(line.startswith(f"{path}: ") for line in lines)


def in_json(change):
    """Returns the schema of GOOD as JSON, with one value changed."""
    content = schemas.of_json(checked_toml.tomllib.loads(GOOD)).to_json()
    place, *keys = content, *change[0]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = change[1]
    return content


IN_JSON = [
    (("categories", "hat", "sigmas"), {"rim_left": float("nan")}, "schema.categories.hat.sigmas.rim_left: expected"),
    (("categories", "hat", "sigmas"), {"rim_left": -1}, "schema.categories.hat.sigmas.rim_left: expected"),
    (("categories", "hat", "normalise"), None, "schema.categories.hat.normalise: expected a list"),
    (("categories",), {}, "schema.categories: expected at least one category"),
    (("categories",), {"a\nb": {}}, "schema.categories.a b: expected a category"),
    (("keypoints", 0), "box", "schema.keypoints[0]: expected a name"),
    (("keypoints",), [["a"]], "schema.keypoints[0]: expected a name"),
    (("swap",), [[[[]]]], "schema.swap[0]: expected a list of 2 items"),
    (("name",), 10**300, "schema.name: expected letters"),
    (("name",), 10**4000, "cannot be read (a number of 4,001 digits)"),
]


@pytest.mark.parametrize(("keys", "value", "expected"), IN_JSON, ids=range(len(IN_JSON)))
def test_a_hostile_schema_of_a_manifest_or_a_model_is_one_line(tmp_path, keys, value, expected):
    content = json.dumps(in_json((keys, value)))
    start = '{"version": 1, "complete": true, "labelled": true, "shards": {}, "schema": '
    (tmp_path / manifest.NAME).write_text(f"{start}{content}}}")
    (tmp_path / model_directory.DESCRIPTION).write_text(
        '{"format_version": 1, "net": "cpn", "net_options": {}, "category": "hat", "keypoints": ["rim_left"], '
        f'"train_image_size": 64, "normalisation": {{"mean": [0, 0, 0], "scale": [1, 1, 1]}}, "schema": {content}}}'
    )
    for read, name in ((manifest.read, manifest.NAME), (model_directory.read, model_directory.DESCRIPTION)):
        with pytest.raises(DataError) as caught:
            read(str(tmp_path))
        (line,) = caught.value.lines()
        assert line.startswith(f"{tmp_path / name}: ")
        assert expected in line
        assert len(line) < 700
