"""Files that are whole or not there, and folders that one process at a time writes."""

import contextlib
import fcntl
import os
import tempfile

from configs.errors import DataError


@contextlib.contextmanager
def atomic_write(path, mode="w", **open_options):
    """Opens a temporary file beside `path` that takes its name when the block ends without an error.

    Args:
        path: where the file shall be.
        mode: `w` or `wb`.
        **open_options: passed to `open` (encoding, newline).

    Yields:
        The open file.

    Raises:
        DataError: the folder cannot be written, or the disk is full.
    """
    with atomic_path(path) as temporary, open(temporary, mode, **open_options) as file:
        yield file


@contextlib.contextmanager
def atomic_path(path):
    """Yields the name of a temporary file beside `path`, which takes its name when the block ends without an error.

    For writers that open their files themselves; raises as `atomic_write` does.
    """
    folder = os.path.dirname(os.path.abspath(path))
    temporary = None
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", suffix=".tmp", dir=folder)
        with open(handle, "rb") as file:
            umask = os.umask(0)
            os.umask(umask)
            os.fchmod(handle, 0o666 & ~umask)
            yield temporary
            os.fsync(file.fileno())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.remove(temporary)


def cannot_write(path, error):
    """Returns the DataError for an OSError met while writing `path`."""
    reason = error.strerror or str(error)
    return DataError(path, None, f"cannot be written ({reason}): a writable place with free space is needed")


@contextlib.contextmanager
def exclusive(path):
    """Holds the lock of a folder or of an output file; the system frees it when the process ends, however it ends.

    Args:
        path: a folder (locked by `.lock` inside it; made when missing) or a file (`.<name>.lock` beside it).

    Raises:
        DataError: another process holds the lock, or the place cannot be written.
    """
    if os.path.isdir(path) or not os.path.splitext(path)[1]:
        lock = os.path.join(path, ".lock")
    else:
        lock = os.path.join(os.path.dirname(os.path.abspath(path)), f".{os.path.basename(path)}.lock")
    file = _open_lock(path, lock)
    with file:
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                os.remove(lock)


def _open_lock(path, lock):
    while True:
        try:
            os.makedirs(os.path.dirname(lock), exist_ok=True)
            file = open(lock, "w")  # noqa: SIM115 (stays open: it is the lock)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise DataError(
                path, None, "is in use by another process: wait for it to end, or name another place"
            ) from error
        # The last holder may have removed the file between our opening and our locking it.
        with contextlib.suppress(FileNotFoundError):
            if os.stat(lock).st_ino == os.fstat(file.fileno()).st_ino:
                return file
        file.close()
