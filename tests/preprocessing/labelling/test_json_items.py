"""The items of a JSON file are those that Python's own reader finds, however the file is cut into pieces."""

import json

import hypothesis
import pytest
from fuzzing import cases, mutated, one_line_errors
from hypothesis import strategies as st

from base.errors import DataError
from preprocessing.labelling import json_items

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
FILES = st.lists(VALUES) | st.dictionaries(st.text(), VALUES)


def listed(content):
    if isinstance(content, list):
        return [(None, item) for item in content]
    return [(key, item) for key, value in content.items() if isinstance(value, list) for item in value]


@cases(0.5)
@hypothesis.given(content=FILES, indent=st.none() | st.integers(0, 2), ascii=st.booleans(), piece=st.integers(1, 40))
def test_items_are_those_of_the_whole_file(tmp_path_factory, content, indent, ascii, piece):
    path = tmp_path_factory.mktemp("items") / "a.json"
    text = json.dumps(content, indent=indent, ensure_ascii=ascii)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_items, "_PIECE", piece)
        try:
            text.encode()
        except UnicodeError:
            with pytest.raises(DataError, match="is no text in UTF-8"):
                list(json_items.items(str(path), "a list"))
        else:
            assert list(json_items.items(str(path), "a list")) == listed(json.loads(text))


@cases(1)
@hypothesis.given(data=st.binary() | mutated(json.dumps({"a": [1, {"b": "c"}], "d": [[]]}).encode()))
def test_any_bytes_are_items_or_one_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("items") / "a.json"
    path.write_bytes(data)
    with one_line_errors(path, DataError):
        list(json_items.items(str(path), "a list"))
        assert json.loads(data.decode("utf-8-sig")) is not None  # no error: Python's reader finds none either


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 100_000, '[{"a": ' + "[" * 100_000])
def test_a_deep_file_is_one_error(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match="is no JSON"):
        list(json_items.items(str(tmp_path / "a.json"), "a list"))
