"""A mirror is what its store has, and a store is, at any time, what a killed program leaves in a folder."""

import json
import os

import hypothesis
import hypothesis.strategies as st
import made_stores
import pytest

from base import files
from base.errors import DataError
from base.remote import places
from base.remote.mirror import Mirror
from base.remote.store import Store

_NAME = st.text(
    st.characters(exclude_characters="/\0\\", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
).filter(lambda name: not name.startswith(".") and name.strip())
_TREES = st.dictionaries(
    st.lists(_NAME, min_size=1, max_size=3).map("/".join), st.binary(max_size=40), min_size=1, max_size=6
).filter(lambda tree: not any(f"{one}/" in other[: len(one) + 1] for one in tree for other in tree))


def mirror(url, place, only=None):
    place.mkdir(exist_ok=True)
    return Mirror(Store(url), str(place), only or "mirrored", only)


def tree(folder):
    """Returns {name: bytes} of the files in a folder that are not hidden."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
            found[name] = path.read_bytes()
    return found


def write(folder, objects):
    for name, data in objects.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@hypothesis.given(before=_TREES, after=_TREES)
@hypothesis.settings(max_examples=40, deadline=None)
def test_what_one_machine_pushes_another_pulls(tmp_path_factory, before, after):
    url, folder = made_stores.new_url(), tmp_path_factory.mktemp("machines")
    one, other = mirror(url, folder / "one"), mirror(url, folder / "other")
    for objects in (before, after):
        files.remove(one.path)
        write(folder / "one" / "mirrored", objects)
        one.push()
        assert made_stores.content(url) == objects
        other.pull()
        assert tree(folder / "other" / "mirrored") == objects
        assert other.missing() == {}


def test_what_is_hidden_stays_on_its_machine(tmp_path):
    url = made_stores.new_url()
    own = mirror(url, tmp_path / "one")
    write(tmp_path / "one" / "mirrored", {".lock": b"", ".pending/a.tfrecord": b"1", "b/.c": b"2", "d": b"3"})
    own.push()
    assert made_stores.content(url) == {"d": b"3"}
    made_stores.fill(url, {".lock": b"another's"})
    own.pull()
    assert (tmp_path / "one" / "mirrored" / ".lock").read_bytes() == b""


def test_only_what_changed_is_sent_and_fetched(tmp_path, monkeypatch):
    url, calls = made_stores.new_url(), []
    own, other = mirror(url, tmp_path / "one"), mirror(url, tmp_path / "other")
    for name in ("put", "fetch"):
        method = getattr(Store, name)
        monkeypatch.setattr(Store, name, lambda *a, method=method: calls.append(method.__name__) or method(*a))
    write(tmp_path / "one" / "mirrored", {"a": b"1", "b": b"2"})
    own.push()
    own.push()
    other.pull()
    other.pull()
    assert sorted(calls) == ["fetch", "fetch", "put", "put"]
    write(tmp_path / "one" / "mirrored", {"b": b"3"})
    own.push()
    mirror(url, tmp_path / "other").pull()  # by what an earlier process noted
    assert sorted(calls) == ["fetch"] * 3 + ["put"] * 3


def test_a_file_that_changed_here_is_fetched_anew(tmp_path):
    url = made_stores.new_url()
    made_stores.fill(url, {"a/b": b"right", "a/c": b"too"})
    own = mirror(url, tmp_path / "one")
    own.pull()
    (tmp_path / "one" / "mirrored" / "a" / "b").write_bytes(b"wrong")
    (tmp_path / "one" / "mirrored" / "a" / "c").unlink()
    (tmp_path / "one" / "mirrored" / "other").write_bytes(b"not the store's")
    own.pull()
    assert tree(tmp_path / "one" / "mirrored") == {"a/b": b"right", "a/c": b"too"}


def test_what_was_not_sent_is_kept_where_that_is_wanted(tmp_path):
    url = made_stores.new_url()
    made_stores.fill(url, {"sent": b"1", "removed": b"2"})
    mirror(url, tmp_path / "one").pull()
    Store(url).remove("removed")
    write(tmp_path / "one" / "mirrored", {"unsent": b"3"})
    Mirror(Store(url), str(tmp_path / "one"), "mirrored", keeps_unsent=True).pull()
    assert tree(tmp_path / "one" / "mirrored") == {"sent": b"1", "unsent": b"3"}
    mirror(url, tmp_path / "one").pull()
    assert tree(tmp_path / "one" / "mirrored") == {"sent": b"1"}


def test_folders_that_the_store_no_longer_has_go(tmp_path):
    url = made_stores.new_url()
    made_stores.fill(url, {"best/checkpoint": b"1", "a": b"2"})
    own = mirror(url, tmp_path / "one")
    own.pull()
    Store(url).remove("best/checkpoint")
    own.pull()
    assert os.listdir(own.path) == ["a"]


@pytest.mark.parametrize("note", ["", "[]", "{", '{"a": 3}', '{"a": []}', '{"a": [null, null, null]}'])
def test_a_damaged_note_of_the_cache_costs_time_alone(tmp_path, note):
    url = made_stores.new_url()
    made_stores.fill(url, {"a": b"1"})
    mirror(url, tmp_path / "one").pull()
    (tmp_path / "one" / ".state.json").write_text(note)
    mirror(url, tmp_path / "one").pull()
    assert tree(tmp_path / "one" / "mirrored") == {"a": b"1"}


@pytest.mark.parametrize("name", ["../a", "a//b", "b/../../c"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    class Hostile(Store):
        def list(self, below=""):
            return {name: self.item("a")}

    url = made_stores.new_url()
    made_stores.fill(url, {"a": b"1"})
    with pytest.raises(DataError, match="is no name that a file of this machine can have"):
        Mirror(Hostile(url), str(tmp_path), "mirrored").pull()
    assert [path.name for path in tmp_path.rglob("*")] == []


def _step(folder, step):
    """Changes a model's folder as a training does from one checkpoint to the next, with an evaluation each."""
    write(folder, {f"model.ckpt-{step}.index": b"i%d" % step, f"model.ckpt-{step}.data": b"d%d" % step})
    write(folder, {"checkpoint": b"model.ckpt-%d" % step, "events": b"e" * step, "model.json": b"{}"})
    for former in folder.glob("model.ckpt-*"):
        if f"-{step}." not in former.name and f"-{step - 1}." not in former.name:
            former.unlink()
    write(folder / "best", {f"model.ckpt-{step}.index": b"i%d" % step, f"model.ckpt-{step}.data": b"d%d" % step})
    write(folder / "best", {"checkpoint": b"model.ckpt-%d" % step})
    write(folder / "best", {"best.json": json.dumps({"step": step}).encode()})
    for former in (folder / "best").glob("model.ckpt-*"):
        if f"-{step}." not in former.name:
            former.unlink()
    write(folder, {"metrics.csv": "".join(f"{row}\n" for row in range(step + 1)).encode()})


def _check(found):
    """Asserts that the objects of a store are a model's folder as a process leaves it that is killed at some moment."""
    if "checkpoint" not in found:
        assert not any(name.startswith("best/") and not name.startswith("best/model.ckpt") for name in found)
        return
    steps = {}
    for folder in ("", "best/"):
        if f"{folder}checkpoint" in found:
            prefix = found[f"{folder}checkpoint"].decode()
            steps[folder] = int(prefix.split("-")[1])
            assert found[f"{folder}{prefix}.index"] == b"i%d" % steps[folder]
            assert found[f"{folder}{prefix}.data"] == b"d%d" % steps[folder]
    if "best/best.json" in found:
        assert json.loads(found["best/best.json"])["step"] <= steps["best/"] <= steps[""]
    if "metrics.csv" in found:  # its row says that the evaluation is done
        assert len(found["metrics.csv"].split()) - 1 <= json.loads(found["best/best.json"])["step"]


def test_a_kill_at_any_moment_leaves_a_model_that_can_be_used(tmp_path):
    moments = 0
    for most in range(200):
        url, place = made_stores.new_url(), tmp_path / str(most)
        place.mkdir()
        own = Mirror(made_stores.Fragile(url, most), str(place), "mirrored")
        try:
            for step in range(1, 4):
                _step(place / "mirrored", step)
                own.push()
        except made_stores.Killed:
            moments += 1
        else:
            break
        _check(made_stores.content(url))
    assert moments > 25
    assert made_stores.content(url) == tree(place / "mirrored")


def test_what_went_to_another_process_is_not_written(tmp_path):
    class Lost:
        def check(self):
            raise DataError("here", None, "was taken over")

    url = made_stores.new_url()
    own = mirror(url, tmp_path / "one")
    write(tmp_path / "one" / "mirrored", {"a": b"1"})
    own.lease = Lost()
    with pytest.raises(DataError, match="was taken over"):
        own.push()
    assert made_stores.content(url) == {}


def test_who_receives_sends_nothing(tmp_path):
    url = made_stores.new_url()
    made_stores.fill(url, {"skirt/checkpoint": b"1"})
    own = mirror(url, tmp_path / "one")
    places.add_mirror(own)
    try:
        files.receive(own.path)
        write(tmp_path / "one" / "mirrored", {"skirt/checkpoint": b"2", "skirt/events": b"3"})
        files.send(own.path)
        assert made_stores.content(url) == {"skirt/checkpoint": b"1"}
        files.receive(f"{own.path}/skirt")
        assert tree(tmp_path / "one" / "mirrored") == {"skirt/checkpoint": b"1"}
    finally:
        places.clear()


def test_a_single_file(tmp_path):
    url = made_stores.new_url()
    made_stores.fill(url, {"other.csv": b"1"})
    own = mirror(url, tmp_path / "one", "a b.csv")
    places.add_mirror(own)
    try:
        own.pull()
        with files.exclusive_file(own.path), files.atomic_write(own.path) as file:
            file.write("x")
            assert set(made_stores.content(url)) == {"other.csv", ".a b.csv.lock"}
        assert made_stores.content(url) == {"other.csv": b"1", "a b.csv": b"x"}
        assert places.shown(f"{own.path}: 1 row") == f"{url}/a b.csv: 1 row"
    finally:
        places.clear()
