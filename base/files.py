"""The door to files: those that are whole or not there, places that one process at a time writes, and what is there.

A path may stand for a URL (`base/remote/`): what is written there goes to the store when it is whole.
"""

import contextlib
import functools
import io
import os
import re
import secrets
import shutil

import filelock

from base import machine, processes
from base.errors import DataError
from base.remote import places

# Of the name of the file that is being written, the writing process, its system, and a random number: see `_temporary`.
_TEMPORARY = re.compile(r"\..+\.(\d+)-([0-9a-f]{8})-[0-9a-f]{8}\.tmp", re.DOTALL)

_MORE_READERS = 16  # most of the time they wait
_MOST_NAME = 200  # bytes of it that are a file's own: a file may have a name of 255, its temporary one, too


@contextlib.contextmanager
def atomic_write(path, mode="w", **open_options):
    """Opens a temporary file beside `path` that takes its name when the block ends without an error.

    Args:
        path: where the file shall be.
        mode: `w` or `wb`.
        **open_options: those of a text file (encoding, newline).

    Yields:
        The open file.

    Raises:
        DataError: the folder cannot be written, or the disk is full. Other errors of the block pass as they are.
    """
    with atomic_path(path) as temporary, io.BufferedWriter(_Raw(temporary, path)) as file:
        if mode == "wb":
            yield file
        else:
            with io.TextIOWrapper(file, **open_options) as text:
                yield text


class _Raw(io.FileIO):
    """A file whose failing writes say which file could not be written, whoever makes the buffer write."""

    def __init__(self, temporary, path):
        super().__init__(temporary, "w")
        self._path = path

    def write(self, data):
        try:
            return super().write(data)
        except OSError as error:
            raise cannot_write(self._path, error) from error


@contextlib.contextmanager
def atomic_path(path):
    """Yields the name of a temporary file beside `path`, which takes its name when the block ends without an error.

    For writers that open their files themselves, and whose errors pass as they are.

    Raises:
        DataError: the folder cannot be written, or `path` is a folder, a pipe or a device.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # root could put a file in the place of /dev/null
        raise DataError(path, None, "is no file: expected the name of a file to write")
    temporary = _temporary(path)
    with _writing(path):
        _prepare(os.path.dirname(temporary))
        open(temporary, "xb").close()
    try:
        yield temporary
        with _writing(path):
            with open(temporary, "r+b") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise


@contextlib.contextmanager
def atomic_folder(path):
    """Yields the path of a temporary folder beside `path`, which takes its name when the block ends without an error.

    Raises:
        DataError: the place cannot be written, or holds something already.
    """
    temporary = _temporary(path)
    with _writing(path):
        _prepare(os.path.dirname(temporary))
        os.mkdir(temporary)
    try:
        yield temporary
        with _writing(path):
            os.replace(temporary, os.path.abspath(path))  # of an empty folder, too
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(path):
    """Returns the path, beside `path`, of what is not finished: of this process, and of nobody else."""
    folder, name = os.path.split(os.path.abspath(path))
    name = os.fsdecode(os.fsencode(name)[:_MOST_NAME])
    return os.path.join(folder, f".{name}.{os.getpid()}-{processes.system()}-{secrets.token_hex(4)}.tmp")


def _prepare(folder):
    os.makedirs(folder, exist_ok=True)
    _remove_left_over(folder)


@functools.cache
def _remove_left_over(folder):
    """Removes what processes left in the folder that were killed while they wrote into it, once a process.

    Not at every file: a program writes a picture per photo into one folder, and would list it for each.
    """
    try:
        names = os.listdir(folder)
    except OSError:  # it may be one to write into, but not to list
        return
    for name in names:
        match = _TEMPORARY.fullmatch(name)
        if match and match[2] == processes.system() and not processes.is_alive(int(match[1])):
            remove(os.path.join(folder, name))


def remove(path):
    """Removes a file, a folder with all in it, or a link and not what it leads to, as far as that is possible."""
    with contextlib.suppress(OSError):
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)


def remove_at_once(folder):
    """Removes a folder so that all in it is there or nothing, whenever this is stopped.

    Raises:
        DataError: its place cannot be written.
    """
    doomed = _temporary(folder)
    with _writing(folder):
        os.replace(folder, doomed)
    remove(doomed)


@contextlib.contextmanager
def _writing(path):
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path, error):
    """Returns the DataError for an OSError met while writing `path`."""
    reason = error.strerror or str(error)
    return DataError(path, None, f"cannot be written ({reason}): expected a writable place with free space")


@contextlib.contextmanager
def no_empty_folder(path):
    """Removes a folder, and those above it, that the block made and left empty."""
    missing, folder = [], os.path.abspath(path)
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for folder in missing:
                os.rmdir(folder)


def exclusive_folder(path):
    """Holds the lock of a folder, `.lock` inside it; the folder is made when missing.

    The system frees the lock when the process ends, however it ends.

    Raises:
        DataError: another process holds the lock, or the place cannot be written.
    """
    return _exclusive(path, os.path.join(path, ".lock"))


def exclusive_file(path):
    """Holds the lock of an output file, `.<name>.lock` beside it; its folder is made when missing.

    Raises:
        DataError: as `exclusive_folder`; or `path` is a folder.
    """
    check_no_folder(path)
    return _exclusive(path, os.path.join(os.path.dirname(os.path.abspath(path)), f".{os.path.basename(path)}.lock"))


def check_no_folder(path):
    """Raises DataError where a path cannot be a file's, for it is a folder's."""
    if os.path.isdir(path) or not os.path.basename(path):
        raise DataError(path, None, "is a folder: expected the name of a file to write")


@contextlib.contextmanager
def _exclusive(path, lock_path):
    lock = filelock.FileLock(lock_path, timeout=0)
    try:
        os.makedirs(os.path.dirname(lock_path), exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        what = "is in use by another process: wait for it to end, or name another place"
        raise DataError(path, None, what) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        with _exclusive_in_store(path, lock_path):
            yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file: there it stays, empty and free
            os.remove(lock_path)
        lock.release()


@contextlib.contextmanager
def _exclusive_in_store(path, lock_path):
    """Holds the lock in the store that a path stands for, too: what is there is fetched, what was made is sent."""
    mirror = places.mirror_of(path)
    if mirror is None:
        yield
    else:
        with mirror.exclusive(path, lock_path):
            yield


def send(folder):
    """Sends what was made in a folder to the store that it stands for, if it does; what is there is whole.

    For work that takes long: at its end all is sent anyway.

    Raises:
        DataError: the store cannot be written, or the folder went to another process.
    """
    mirror = places.mirror_of(folder)
    if mirror is not None:
        mirror.push(mirror.name_of(folder))


def receive(folder):
    """Fetches what another process sent to the store that a folder stands for, to which nothing is sent from here."""
    mirror = places.mirror_of(folder)
    if mirror is not None:
        mirror.is_sent = False
        mirror.pull(mirror.name_of(folder))


def is_file(path):
    """Returns whether there is such a file."""
    stream = places.stream_of(path)
    return stream.is_file(path) if stream else os.path.isfile(path)


def is_dir(path):
    """Returns whether there is such a folder."""
    stream = places.stream_of(path)
    return stream.is_dir(path) if stream else os.path.isdir(path)


def names(folder):
    """Returns the names in a folder, in no order; raises OSError where it cannot be read."""
    stream = places.stream_of(folder)
    return stream.names(folder) if stream else os.listdir(folder)


def walk(folder):
    """Yields what `os.walk` does of a folder."""
    if places.stream_of(folder) is None:
        yield from os.walk(folder)
        return
    own = sorted(names(folder))
    below = [name for name in own if is_dir(os.path.join(folder, name))]
    yield folder, below, [name for name in own if name not in set(below)]
    for name in below:
        yield from walk(os.path.join(folder, name))


def state(path):
    """Returns what changes when a file does: its size, and the time of its last change in ns, or its tag in a store."""
    stream = places.stream_of(path)
    if stream:
        return stream.state(path)
    mirror = places.mirror_of(path)
    if mirror and (tag := mirror.tag_of(path)):
        return os.path.getsize(path), tag  # the same on all machines
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def local(path):
    """Returns the path of a file that can be opened: the same one, where a URL's file lies from now on.

    Raises:
        FileNotFoundError: the URL has no such file.
    """
    stream = places.stream_of(path)
    return stream.local(path) if stream else path


def readers():
    """Returns how many threads shall read photos: one a core, and more where they come over a network."""
    return machine.cores() + (_MORE_READERS if places.has_streams() else 0)
