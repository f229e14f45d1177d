"""The reader of small JSON files: whatever is in one, it is read as it must be or refused in one line."""

import json
import math
import os
import time

import hypothesis
import hypothesis.strategies as st
import pytest

from base import checked_json
from base.errors import DataError

CHECK = checked_json.fields(
    {
        "name": checked_json.name,
        "size": checked_json.whole(1, 64),
        "sigma": checked_json.number(0.1, 100),
        "kind": checked_json.choice(("a", "b")),
        "mean": checked_json.items(checked_json.number(0, 255), 3, 3),
    },
    {"inner": checked_json.fields({"deep": checked_json.boolean})},
)
GOOD = {"name": "skirt", "size": 8, "sigma": 1, "kind": "a", "mean": [1, 2.5, 3], "inner": {"deep": True}}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def read(tmp_path, content):
    path = tmp_path / "small.json"
    path.write_bytes(content)
    return checked_json.read(str(path), CHECK)


def refusal(tmp_path, content):
    with pytest.raises(DataError) as error:
        read(tmp_path, content)
    (line,) = error.value.lines()
    assert line.startswith(f"{tmp_path / 'small.json'}: ")
    assert len(line) < 600
    assert line.encode()  # a lone surrogate cannot be printed
    return line


def test_what_is_right_comes_back_as_it_is(tmp_path):
    assert read(tmp_path, json.dumps(GOOD).encode()) == GOOD
    del GOOD["inner"]
    assert read(tmp_path, json.dumps(GOOD).encode()) == GOOD


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"size": 0}, "size"),
        ({"size": 65}, "size"),
        ({"size": 8.0}, "size"),
        ({"size": True}, "size"),
        ({"size": 10**400}, "size"),
        ({"sigma": math.nan}, "sigma"),
        ({"sigma": -math.inf}, "sigma"),
        ({"sigma": 10**400}, "sigma"),
        ({"sigma": "1"}, "sigma"),
        ({"kind": ["a"]}, "kind"),
        ({"name": ""}, "name"),
        ({"name": "a\x1b[31m"}, "name"),
        ({"name": "a\0"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "a" * 201}, "name"),
        ({"mean": [1, 2]}, "mean"),
        ({"mean": [1, 2, None]}, "mean[2]"),
        ({"inner": {"deep": 1}}, "inner.deep"),
        ({"inner": {}}, "inner.deep"),
        ({"inner": {"deep": True, "more": 1}}, "inner"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(tmp_path, change, key):
    line = refusal(tmp_path, json.dumps({**GOOD, **change}).encode())
    assert f"small.json: {key}: expected " in line


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(key=st.sampled_from(sorted(GOOD)), value=VALUES)
def test_any_value_of_any_key_is_right_or_named(tmp_path_factory, key, value):
    tmp_path = tmp_path_factory.mktemp("file")
    content = json.dumps({**GOOD, key: value}).encode()
    try:
        assert read(tmp_path, content)[key] == value
    except DataError:
        assert f": {key}" in refusal(tmp_path, content)


@hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
@hypothesis.given(content=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_refused_in_one_line(tmp_path_factory, content):
    refusal(tmp_path_factory.mktemp("file"), content)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        json.dumps({**GOOD, "inner": json.loads("[" * 500 + "]" * 500)}).encode(),
        b'{"size": ' + b"9" * 100_000 + b"}",
        b" " * (checked_json.LARGEST + 1),
        b"\xff\xfe{\x00}\x00",
    ],
    ids=["deep lists", "deep objects", "rather deep", "many digits", "a large file", "UTF-16"],
)
def test_bombs_are_refused_at_once(tmp_path, content):
    begun = time.process_time()
    refusal(tmp_path, content)
    assert time.process_time() - begun < 5


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        checked_json.read(str(tmp_path / "none.json"), CHECK)
    os.mkfifo(tmp_path / "pipe.json")  # reading it would wait for ever
    for path in (tmp_path, tmp_path / "pipe.json"):
        with pytest.raises(DataError, match="expected a file"):
            checked_json.read(str(path), CHECK)
