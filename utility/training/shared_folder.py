"""Whether the machines of a cluster see one and the same folder: each needs the chief's checkpoints to start from.

A worker leaves a file in the folder and waits until the chief, which looks for such files as long as it trains, has
taken it away. Where the folder stands for a URL, the file is an object there, and a worker has a copy of the folder.
"""

import contextlib
import glob
import logging
import os
import secrets
import tempfile
import threading
import time

from base.errors import DataError
from base.files import cannot_write
from base.remote import places

_log = logging.getLogger(__name__)

_PREFIX = ".worker-"
_PATIENCE = 600  # seconds until the chief must have started
_PAUSE = 0.2
_PAUSE_OF_STORE = 5  # a store may ask money for each look


class _Signs:
    """The files of workers in a folder that all machines share."""

    pause = _PAUSE

    def __init__(self, folder):
        self._folder = folder

    def leave(self):
        """Leaves a file; returns what it is known by. Raises DataError where the folder cannot be written."""
        try:
            os.makedirs(self._folder, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix=_PREFIX, dir=self._folder)
            os.close(handle)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        return path

    def all(self):
        return glob.glob(os.path.join(glob.escape(self._folder), f"{_PREFIX}*"))

    def is_there(self, sign):
        return os.path.exists(sign)

    def remove(self, sign):
        with contextlib.suppress(FileNotFoundError):
            os.remove(sign)


class _SignsInStore:
    """The same as objects of a store."""

    pause = _PAUSE_OF_STORE

    def __init__(self, store):
        self._store = store

    def leave(self):
        name = f"{_PREFIX}{secrets.token_hex(8)}"
        self._store.write(name, b"")
        return name

    def all(self):
        return [name for name in self._store.entries() if name.startswith(_PREFIX)]

    def is_there(self, sign):
        return self._store.kind(sign) is not None

    def remove(self, sign):
        self._store.remove(sign)


def _signs(folder):
    mirror = places.mirror_of(folder)
    return _SignsInStore(mirror.store) if mirror else _Signs(folder)


@contextlib.contextmanager
def shared(folder, distribution):
    """Checks, in every process of a cluster, that `folder` is the chief's; a parameter server does not use it.

    Args:
        folder: the parent folder of the models; made when missing.
        distribution: a `distribution.Distribution`.

    Raises:
        DataError: no chief has seen what this worker wrote.
    """
    if not distribution.is_cluster or distribution.index is None:
        yield
    elif distribution.is_chief:
        with _answering(folder):
            yield
    else:
        _wait_for_chief(folder)
        yield


@contextlib.contextmanager
def _answering(folder):
    """Takes workers' files away while the block runs: a worker may also start anew later."""
    ended, signs = threading.Event(), _signs(folder)

    def answer():
        while not ended.wait(signs.pause):
            with contextlib.suppress(DataError, FileNotFoundError):  # a store that is away, or has no folder yet
                for sign in signs.all():
                    signs.remove(sign)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _wait_for_chief(folder):
    """Waits until the chief has taken away a file that this worker leaves in `folder`.

    Raises:
        DataError: the time was not enough, or the folder cannot be written.
    """
    signs = _signs(folder)
    sign = signs.leave()
    _log.info("waiting for the chief to look into %s", folder)
    end = time.monotonic() + _PATIENCE
    try:
        while signs.is_there(sign):
            if time.monotonic() > end:
                what = f"has not been seen by the chief within {_PATIENCE:g} seconds: expected --model_dir to be one "
                raise DataError(folder, None, what + "folder that all machines share, and the chief to be running")
            time.sleep(signs.pause)
    finally:
        signs.remove(sign)
