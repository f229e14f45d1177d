"""The folder of this machine in which URLs are mirrored: a place for each URL, with copies where one is taken.

Whoever writes has a copy of its own. Whoever reads shares one with others as long as it is what the store has; where it
is not, and others still read it, the next copy is taken.
"""

import contextlib
import hashlib
import os
import sys
from typing import NamedTuple, Optional

import filelock

from base import files
from base.errors import DataError
from base.remote import places
from base.remote.mirror import Mirror
from base.remote.store import Store
from base.remote.stream import Stream

try:
    import fcntl
except ImportError:  # Windows: there, a copy is one process's
    fcntl = None

_MOST_COPIES = 100
_URL_FILE = "url.txt"  # tells a reader of the cache what a copy is of


def default_folder():
    """Returns the folder that the system has for such files of a user."""
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    elif os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or home
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(base, "fashionai-keypoints")


class _Target(NamedTuple):
    """A store, and the single file of it that is meant, if it is one."""

    store: Store
    only: Optional[str]


class Cache:
    """The cache of one process, within a `with` block: its copies are its own, or shared, until the block ends.

    Args:
        folder: None for `default_folder()`.
    """

    def __init__(self, folder=None):
        self._folder = os.path.realpath(folder or default_folder())
        self._locks = contextlib.ExitStack()
        self._written = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._locks.close()

    def kind(self, url):
        """Returns "file", "folder" or None: what a URL is of; raises as `read` does."""
        return Store(url).kind()

    def has_records(self, url):
        """Returns whether a URL is of a folder of TFRecords; raises as `read` does."""
        store = Store(url)
        return store.kind() == "folder" and any(name.endswith(".tfrecord") for name in store.entries())

    def read(self, url, wanted=lambda name: True):
        """Returns the path of a URL's file or folder, which is here now.

        Args:
            url: of an object, or a folder.
            wanted: function(name) -> whether a file of a folder is fetched.

        Raises:
            DataError: the store cannot be reached, or refuses; there is nothing.
        """
        store = Store(url)
        kind = store.kind()
        if kind is None:
            raise DataError(url, None, "is missing: expected a file or a folder")
        target = _single(url) if kind == "file" else _Target(store, None)
        for copy in self._copies("read", url):
            lock = self._lock(copy)
            if not lock.share():
                continue
            mirror = Mirror(target.store, copy, _base_name(url), target.only, wanted)
            if not mirror.missing() or lock.own():
                mirror.pull()
                lock.share()
                places.add_mirror(mirror)
                return mirror.path
        raise _full(url)

    def written(self, url, is_folder, **options):
        """Returns the path of a folder, or a file, that is to be written; what the store has of it is here now.

        Args:
            url: of it.
            is_folder: whether it is a folder; else a file.
            **options: wanted and keeps_unsent of the Mirror.

        Raises:
            DataError: the store cannot be reached or written.
        """
        target = _Target(Store(url), None) if is_folder else _single(url)
        target.store.check_writable()
        for copy in self._copies("written", url):
            if self._lock(copy).own():
                mirror = Mirror(target.store, copy, _base_name(url), target.only, **options)
                mirror.pull()
                places.add_mirror(mirror)
                self._written.append(mirror)
                return mirror.path
        raise _full(url)

    def streamed(self, url):
        """Returns a path that stands for a URL whose files are read where they lie; raises as `read` does."""
        store = Store(url)
        if store.kind() is None:
            raise DataError(url, None, "is missing: expected a file or a folder")
        for copy in self._copies("streamed", url):
            if self._lock(copy).own():
                path = os.path.join(copy, _base_name(url))
                files.remove(path)  # what an earlier process fetched may be another by now
                places.add_stream(Stream(store, path))
                return path
        raise _full(url)

    def send(self, but=()):
        """Sends what was written to the stores; `but`: paths of folders and files that are left out."""
        for mirror in self._written:
            if mirror.path not in but:
                mirror.push()

    def _copies(self, kind, url):
        """Yields the folders of the copies of a URL, made when missing."""
        name = hashlib.sha256(os.fsencode(url.rstrip("/"))).hexdigest()[:20]
        for number in range(1, _MOST_COPIES + 1):
            copy = os.path.join(self._folder, kind, f"{name}-{number}")
            if not os.path.exists(os.path.join(copy, _URL_FILE)):
                with files.atomic_write(os.path.join(copy, _URL_FILE), "wb") as file:
                    file.write(os.fsencode(f"{url}\n"))
            yield copy

    def _lock(self, copy):
        return self._locks.enter_context((_Shared if fcntl else _Owned)(os.path.join(copy, ".in-use")))


class _Shared:
    """A lock that many hold, or one."""

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        return self

    def share(self):
        """Holds it with others, as soon as nobody holds it alone, as who fills the copy does; returns True."""
        fcntl.flock(self._file, fcntl.LOCK_SH)
        return True

    def own(self):
        """Holds it alone if nobody else holds it; returns whether that is so, else it is not held at all."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def __exit__(self, *_):
        os.close(self._file)


class _Owned:
    """A lock that one holds, where the system has no other."""

    def __init__(self, path):
        self._lock = filelock.FileLock(path, timeout=0)

    def __enter__(self):
        return self

    def share(self):
        return self._lock.is_locked or self.own()

    def own(self):
        try:
            self._lock.acquire()
        except filelock.Timeout:
            return False
        return True

    def __exit__(self, *_):
        self._lock.release(force=True)


def _base_name(url):
    return url.rstrip("/").rsplit("/", 1)[-1]


def _single(url):
    parent, _, name = url.rstrip("/").rpartition("/")
    if "://" not in parent:
        raise DataError(url, None, "names a bucket alone: expected the name of a file in it, too")
    return _Target(Store(parent), name)


def _full(url):
    return DataError(url, None, f"has {_MOST_COPIES} copies in the cache that are in use: expected another --cache_dir")
