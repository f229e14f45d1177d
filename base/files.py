"""Files that are whole or not there, and folders and files that one process at a time writes."""

import contextlib
import functools
import hashlib
import io
import os
import re
import secrets
import shutil
import socket

import filelock

from base.errors import DataError

# Of the name of the file that is being written, the writing process, its system, and a random number: see `_temporary`.
_TEMPORARY = re.compile(r"\..+\.(\d+)-([0-9a-f]{8})-[0-9a-f]{8}\.tmp", re.DOTALL)

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
    return os.path.join(folder, f".{name}.{os.getpid()}-{_system()}-{secrets.token_hex(4)}.tmp")


@functools.cache
def _system():
    """Returns what is the same for the processes that a number of one tells apart: of this machine or container."""
    names = [socket.gethostname()]
    with contextlib.suppress(OSError):  # where there is no /proc
        names.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256(repr(names).encode()).hexdigest()[:8]


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
        if match and match[2] == _system() and not _is_alive(int(match[1])):
            remove(os.path.join(folder, name))


def remove(path):
    """Removes a file, a folder with all in it, or a link and not what it leads to, as far as that is possible."""
    with contextlib.suppress(OSError):
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)


def _is_alive(process):
    if os.name == "nt":  # there, the signal 0 is Ctrl+C
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's; no process of this system
        return True
    return True


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
    if os.path.isdir(path) or not os.path.basename(path):
        raise DataError(path, None, "is a folder: expected the name of a file to write")
    return _exclusive(path, os.path.join(os.path.dirname(os.path.abspath(path)), f".{os.path.basename(path)}.lock"))


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
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file: there it stays, empty and free
            os.remove(lock_path)
        lock.release()
