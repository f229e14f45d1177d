"""A work in parts: every piece is one part's, and only whole divisions are put together."""

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import parts
from base.errors import DataError, UsageError
from base.parts import Part


@given(st.integers(1, 40), st.lists(st.integers(1, 50), max_size=60))
def test_every_piece_is_one_parts_in_the_order_of_the_whole_and_the_shares_are_even(of, sizes):
    shares = parts.shares(of, sizes)
    assert len(shares) == of
    assert list(itertools.chain.from_iterable(shares)) == list(range(len(sizes)))
    sums = [sum(sizes[own.start : own.stop]) for own in shares]
    assert max(sums) < sum(sizes) / of + max(sizes, default=1)


@given(st.integers(1, parts.MOST), st.data())
def test_a_part_is_read_as_it_is_written(of, data):
    part = Part(data.draw(st.integers(1, of)), of)
    assert parts.parse(str(part)) == part


@pytest.mark.parametrize(
    "text",
    ["", "1", "0/3", "4/3", "-1/3", "1/0", "1/3/5", "a/b", "1/3 ", "١/٣", f"1/{parts.MOST + 1}", "1" * 30 + "/2"],
)
def test_what_names_no_part_is_refused(text):
    with pytest.raises(UsageError, match="expected I/N"):
        parts.parse(text)


def _made(folder, names):
    for name in names:
        os.makedirs(folder / name)
    return str(folder)


def test_all_parts_of_one_division_in_order(tmp_path):
    folder = _made(tmp_path / ".parts", [f"{number}-of-11" for number in range(1, 12)] + [".3-of-11.lock"])
    assert parts.complete(folder) == [Part(number, 11) for number in range(1, 12)]


@pytest.mark.parametrize(
    ("names", "named", "what"),
    [
        ([], ".parts", "has no part"),
        (["1-of-3", "3-of-3"], "2-of-3", "is missing: expected --shard=2/3"),
        (["5-of-9"], "1-of-9", "is missing, and 7 more parts"),
        (["1-of-1", "1-of-2", "2-of-2"], "1-of-2", "is part 1/2, and .*1-of-1 is part 1/1"),
        (["1-of-1", "01-of-1"], "01-of-1", "is no part"),
        (["1-of-1", "1-of-1 (copy)"], "1-of-1 \\(copy\\)", "is no part"),
        (["1-of-2", "2-of-2", "3-of-2"], "3-of-2", "is no part"),
        (["0-of-1", "1-of-1"], "0-of-1", "is no part"),
    ],
)
def test_what_is_no_whole_division_is_refused_in_a_line_that_names_it(tmp_path, names, named, what):
    with pytest.raises(DataError, match=rf"{named}: .*{what}"):
        parts.complete(_made(tmp_path / ".parts", names))


@given(
    st.recursive(
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner | st.integers(0, 2)),
    ),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
)
def test_a_foreign_part_is_told_from_the_same(made, wanted):
    fault = parts.foreign("part", made, wanted)
    assert (fault is None) == (made == wanted)
    assert parts.foreign("part", made, made) is None


def test_what_differs_is_named():
    made = {"photos": "a", "options": {"flip": True, "decode": None}, "part": "1/3"}
    wanted = {"photos": "b", "options": {"flip": False, "decode": None}, "part": "1/3"}
    assert "other options.flip, photos:" in str(parts.foreign("p", made, wanted))
