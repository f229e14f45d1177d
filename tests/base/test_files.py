"""Files are whole or absent, whose fault an error is, and places that one process at a time writes."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from base import files, machine, processes
from base.errors import DataError
from base.files import atomic_folder, atomic_write, exclusive_file, exclusive_folder

NAMES = ["plain.csv", "submission", ".hidden", "a.b", "two words [1].csv", "-dash", "Röcke ñ 裙子", "v2."]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_its_name_a_file_is_a_file_and_a_folder_a_folder(tmp_path, name):
    with exclusive_file(str(tmp_path / "file" / name)), atomic_write(tmp_path / "file" / name) as file:
        file.write("content")
    assert (tmp_path / "file" / name).read_text() == "content"
    with exclusive_folder(str(tmp_path / "folder" / name)):
        assert (tmp_path / "folder" / name).is_dir()
    assert [os.listdir(tmp_path / kind) for kind in ("file", "folder")] == [[name], [name]]
    assert os.listdir(tmp_path / "folder" / name) == []


@pytest.mark.parametrize("lock", [exclusive_file, exclusive_folder])
def test_a_place_in_use_is_refused_and_free_afterwards(tmp_path, lock):
    place = str(tmp_path / "place.v2")
    with lock(place), pytest.raises(DataError, match="place.v2: is in use by another process"), lock(place):
        raise AssertionError("never reached")
    with lock(place):
        pass


@pytest.mark.parametrize("name", ["x" * 255, "\u88d9" * 85, "a\u88d9" * 63])
def test_a_name_may_be_as_long_as_the_system_takes(tmp_path, name):
    with atomic_write(tmp_path / name) as file:
        file.write("content")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_replaced_by_one(tmp_path, make):
    place = tmp_path / "place"
    make(place)
    kind = place.stat().st_mode
    with pytest.raises(DataError, match="place: is no file: expected the name of a file"), atomic_write(place) as file:
        file.write("content")
    assert place.stat().st_mode == kind
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("name", ["folder", "new/"])
def test_an_output_file_that_is_a_folder_is_refused_before_the_work(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(DataError, match="is a folder: expected the name of a file"),
        exclusive_file(f"{tmp_path}/{name}"),
    ):
        raise AssertionError("never reached")


KILLED = """import os, sys
from base import files
with getattr(files, sys.argv[1])(sys.argv[2]) as temporary:
    if os.path.isdir(temporary):
        os.makedirs(os.path.join(temporary, "a", "b"))
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("way", ["atomic_path", "atomic_folder"])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_kill_left_goes_with_the_next_writing_and_what_is_being_written_stays(tmp_path, name, way):
    path = tmp_path / name
    killed = subprocess.run([sys.executable, "-c", KILLED, way, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1
    with atomic_write(path) as slow:
        slow.write("slow")
        with atomic_write(path) as quick:
            quick.write("quick")
        assert path.read_text() == "quick"
    assert path.read_text() == "slow"
    assert os.listdir(tmp_path) == [name]


HERE = processes.system()
OTHERS = [
    "a.tmp",
    ".a.tmp",
    ".a.1-23.tmp",
    f".a.x-{HERE}-01234567.tmp",
    f"a.999999999-{HERE}-01234567.tmp",
    f".a.999999999-{HERE}-0123456g.tmp",
    ".a.999999999-00000000-01234567.tmp",  # of another machine, or another container, where the number is another's
]


def test_no_file_goes_that_is_not_a_dead_processs_temporary_one(tmp_path):
    others = [*OTHERS, f".a.{os.getpid()}-{HERE}-01234567.tmp", f".a.99999999999999999999-{HERE}-01234567.tmp"]
    for name in [*others, f".a.999999999-{HERE}-01234567.tmp", f".b 1-2.x.999999999-{HERE}-01234567.tmp"]:
        (tmp_path / name).touch()
    with atomic_write(tmp_path / "out") as file:
        file.write("")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "out"])


@pytest.mark.parametrize("mode", ["w", "wb"])
@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(errno.ENOENT, "No such file", "input"), BrokenPipeError(errno.EPIPE, "Broken pipe"), KeyError()],
)
def test_errors_of_the_block_are_not_taken_for_errors_of_writing(tmp_path, mode, error):
    (tmp_path / "out").write_text("before")
    with pytest.raises(type(error)) as caught, atomic_write(tmp_path / "out", mode):
        raise error
    assert caught.value is error
    assert (tmp_path / "out").read_text() == "before"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("mode", ["w", "wb"])
@pytest.mark.parametrize("size", [1, 1_000_000])  # kept in the buffer until the end, and not
def test_a_full_disk_is_an_error_of_writing(tmp_path, mode, size):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # refuses files beyond a size, as a full disk does
    try:
        full = pytest.raises(DataError, match=r"out: cannot be written \(File too large\)")
        with full, atomic_write(tmp_path / "out", mode) as file:
            file.write("x" * size if mode == "w" else b"x" * size)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []


def test_a_written_file_has_the_permissions_of_any_other(tmp_path):
    with atomic_write(tmp_path / "ours") as file:
        file.write("x")
    (tmp_path / "other").write_text("x")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_a_folder_that_may_not_be_listed_may_be_written_to(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(errno.EACCES, "Permission denied", folder)

    monkeypatch.setattr(files.os, "listdir", refuse)
    with atomic_write(tmp_path / "out") as file:
        file.write("x")
    assert (tmp_path / "out").read_text() == "x"


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_whole_or_not_there(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(KeyError), atomic_folder(path) as temporary:
        raise KeyError(Path(temporary, "half").write_text("x"))
    assert os.listdir(tmp_path) == []
    with atomic_folder(path) as temporary:
        (Path(temporary) / "content").write_text("x")
        assert not path.exists()
    assert os.listdir(tmp_path) == [name]
    (tmp_path / "other").mkdir()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
    with pytest.raises(DataError, match="cannot be written"), atomic_folder(path):
        pass
    assert os.listdir(path) == ["content"]


def test_the_cores_of_machines_that_tell_them_and_of_others(monkeypatch):
    assert 1 <= machine.cores() <= os.cpu_count()
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    assert machine.cores() == os.cpu_count()
    monkeypatch.setattr(machine.os, "cpu_count", lambda: None)
    assert machine.cores() == 1
