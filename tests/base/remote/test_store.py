"""A store that is away for a while costs time, one that refuses is one line, and what arrives is what was sent."""

import errno
import hashlib

import made_stores
import pytest

from base.errors import DataError
from base.remote import checksums, store
from base.remote.store import Item, Store


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(store, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(store, "PATIENCE", 1)


class Refusing(Exception):
    """As gcsfs's: the status of the answer is its code."""

    def __init__(self, code):
        super().__init__(f"answer {code}")
        self.code = code


def failing(own, monkeypatch, name, error, times):
    """Makes a store's file system fail so many times; returns the list of its calls."""
    method, calls = getattr(own._system, name), []

    def call(*arguments, **options):
        calls.append(arguments)
        if len(calls) <= times:
            raise error
        return method(*arguments, **options)

    monkeypatch.setattr(own._system, name, call)
    return calls


PASSING = [
    ConnectionError("refused"),
    TimeoutError(),
    OSError(errno.EIO, "error"),
    Refusing(503),
    Refusing(429),
]
FINAL = [PermissionError("Access Denied"), OSError(errno.ENOSPC, "No space left"), Refusing(403), ValueError("no")]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_is_tried_again(monkeypatch, error):
    own = Store(made_stores.new_url())
    calls = failing(own, monkeypatch, "pipe_file", error, 3)
    own.write("a", b"1")
    assert len(calls) == 4
    assert own.read("a") == b"1"


@pytest.mark.parametrize("error", FINAL, ids=repr)
def test_what_does_not_is_one_line_that_names_the_url(monkeypatch, error):
    own = Store(made_stores.new_url())
    calls = failing(own, monkeypatch, "pipe_file", error, 9)
    with pytest.raises(DataError, match=f"^{own.url}/a b: cannot be written .*: expected"):
        own.write("a b", b"1")
    assert len(calls) == 1


def test_patience_ends(monkeypatch):
    own = Store(made_stores.new_url())
    failing(own, monkeypatch, "cat_file", ConnectionError("refused"), 10**9)
    with pytest.raises(DataError, match=r"a: cannot be read \(refused\): expected the store to answer"):
        own.read("a")


def damaged(own, monkeypatch, times):
    method, calls = own._system.get_file, []

    def get(remote, path):
        method(remote, path)
        calls.append(path)
        if len(calls) <= times:
            with open(path, "r+b") as file:
                file.write(bytes([len(calls)]))

    monkeypatch.setattr(own._system, "get_file", get)
    return calls


@pytest.mark.parametrize("tag", ['"5d41402abc4b2a76b9719d911017c592"', "XUFAKrxLKna5cZ2REBfFkg=="])
def test_what_arrives_damaged_is_fetched_again(tmp_path, monkeypatch, tag):
    own = Store(made_stores.new_url())
    own.write("a", b"hello")
    monkeypatch.setattr(Store, "item", lambda self, name: Item(5, tag))
    calls = damaged(own, monkeypatch, 2)
    own.fetch("a", str(tmp_path / "a"), Item(5, tag))
    assert (tmp_path / "a").read_bytes() == b"hello"
    assert len(calls) == 3
    damaged(own, monkeypatch, 99)
    with pytest.raises(DataError, match="a: arrives damaged: expected 5 bytes"):
        own.fetch("a", str(tmp_path / "a"), Item(5, tag))


def test_a_tag_that_is_no_checksum_is_believed_when_the_bytes_come_twice(tmp_path, monkeypatch):
    own = Store(made_stores.new_url())
    own.write("a", b"hello")
    calls = damaged(own, monkeypatch, 1)
    own.fetch("a", str(tmp_path / "a"), own.item("a"))
    assert (tmp_path / "a").read_bytes() == b"hello"
    assert len(calls) == 3


@pytest.mark.parametrize("part", [5 << 20, 8 << 20])
def test_the_checksum_of_an_upload_in_parts(tmp_path, part):
    data = bytes(range(251)) * 50_000
    parts = [hashlib.md5(data[start : start + part]).digest() for start in range(0, len(data), part)]
    tag = f'"{hashlib.md5(b"".join(parts)).hexdigest()}-{len(parts)}"'
    (tmp_path / "a").write_bytes(data)
    assert checksums.fits(tmp_path / "a", tag)
    (tmp_path / "a").write_bytes(data[:-1] + b"\0")
    assert checksums.fits(tmp_path / "a", tag) is None


def test_a_missing_package_and_a_protocol_that_is_none(monkeypatch):
    with pytest.raises(DataError, match="zzz://a/b: is no URL that fsspec can open"):
        Store("zzz://a/b")
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(DataError, match=r"s3://a/b: needs a package that is missing .*pip install -e '\.\[remote\]'"):
        Store("s3://a/b")


def test_files_that_others_can_see_while_they_are_written_get_their_names_last(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    own = Store(f"file://{tmp_path}/out")
    own.put(str(tmp_path / "a"), "sub/b")
    assert (tmp_path / "out" / "sub" / "b").read_bytes() == b"1"
    assert [path.name for path in (tmp_path / "out" / "sub").iterdir()] == ["b"]
    assert own.kind("sub") == "folder"
    assert own.kind("sub/b") == "file"
    assert own.kind("c") is None
