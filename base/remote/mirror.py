"""A local folder that mirrors a URL: filled from it before the work, and brought back to it as results are whole.

What a name begins with a dot is a process's own (locks, what is not finished, what a stopped work goes on from): it
stays here, except the finished parts of a work that several machines divide among them (`base/parts.py`). The rest is
uploaded file by file, in the order in which a program writes it: what names other files comes behind them, and what is
to go goes last, so that whoever reads the URL, at any time, finds what a program that was killed at some moment would
have left in a folder.
"""

import concurrent.futures
import contextlib
import json
import logging
import os
import re
from typing import Optional

from base.errors import DataError
from base.files import atomic_write, cannot_write
from base.remote.lease import Lease
from base.wording import counted

_AT_A_TIME = 8  # files that are sent or fetched
# What names other files, behind which it comes: a model's, then those of its best checkpoint, then of records.
_LAST = (
    r"(.*/)?checkpoint",
    r"(.*/)?(best|swa)/checkpoint",
    r"(.*/)?(best|swa)/[a-z]+\.json",
    r"(.*/)?metrics\.csv",
    r"(.*/)?(manifest\.json|keypoints\.csv)",
)
_STATE = ".state.json"
_PARTS = re.compile(r"\.(.+\.)?parts")  # the folder of the parts of a folder's content, or beside a file

_log = logging.getLogger(__name__)


def _rank(name):
    """Returns when a file is uploaded: later for what names others."""
    return max((rank for rank, pattern in enumerate(_LAST, 1) if re.fullmatch(pattern, name)), default=0)


class Mirror:
    """The mirror of a URL.

    Args:
        store: the Store of the URL, or of the folder that a single file lies in.
        place: a folder of this machine that no other process writes to; the mirror lies in it.
        name: what the mirror is called there.
        only: the name of the single file, or folder, below `store`.
        wanted: function(name) -> whether a file is fetched.
        keeps_unsent: whether files stay that the store never had: of a process that was killed before it sent them.

    Attributes:
        url: what is mirrored, as the user gave it.
        path: the local folder, or file.
        store: the Store.
        lease: the Lease under which files are uploaded, if there is one.
        is_sent: whether anything is.
    """

    def __init__(self, store, place, name, only=None, wanted=lambda name: True, keeps_unsent=False):
        self._keeps_unsent = keeps_unsent
        self.store, self._only, self._wanted = store, only, wanted
        self.url = store.url_of(only or "")
        self.path = os.path.join(place, name)
        self._folder = place if only else self.path
        self._state_file = os.path.join(place, _STATE)
        self._state = self._read_state()
        self.lease, self.is_sent = None, True

    def _read_state(self):
        """Returns {name: (size, time of the last change in ns, tag)} of the files that were as the store has them."""
        try:
            with open(self._state_file, encoding="utf-8") as file:
                return {name: tuple(values) for name, values in json.load(file).items()}
        except (OSError, ValueError, AttributeError, TypeError):  # then everything is compared anew
            return {}

    def _write_state(self):
        with atomic_write(self._state_file, encoding="utf-8") as file:
            json.dump(self._state, file)

    def _local(self, name):
        return os.path.join(self._folder, *name.split("/"))

    def url_of(self, path):
        """Returns the URL of a path in the mirror."""
        name = os.path.relpath(path, self.path).replace(os.sep, "/")
        return self.url if name == "." else f"{self.url}/{name}"

    def name_of(self, path):
        """Returns the name of a path in the mirror, by which the store knows it."""
        name = os.path.relpath(path, self._folder).replace(os.sep, "/")
        return "" if name == "." else name

    def tag_of(self, path):
        """Returns the store's tag of a file that is as the store has it, None of another one."""
        size, changed, tag = self._state.get(self.name_of(path), (None, None, None))
        return tag if (size, changed) == _stamp(path) else None

    def missing(self, below=""):
        """Returns {name: Item} of what is not here as the store has it."""
        return {name: item for name, item in self._listed(below).items() if not self._is_here(name, item)}

    def _listed(self, below):
        if self._only and self.store.kind(self._only) == "file":
            found = {self._only: self.store.item(self._only)}
        else:
            found = self.store.list(self._only or below)
        if self._only:
            found = {**found, **self.store.list(self._parts)}
        return {name: item for name, item in found.items() if self._is_shared(name)}

    @property
    def _parts(self):
        """The name of the folder of a file's parts."""
        return f".{self._only}.parts"

    def _is_shared(self, name):
        parts = name.split("/")
        if any(part in ("", "..") or "\0" in part for part in parts):
            what = "is no name that a file of this machine can have: expected another"
            raise DataError(self.store.url_of(name), None, what)
        return not any(map(_is_own, parts)) and self._wanted(name)

    def _is_here(self, name, item):
        known = self._state.get(name)
        return bool(known) and known == (*_stamp(self._local(name)), item.tag) and known[0] == item.size

    def pull(self, below=""):
        """Makes the folder, or a folder in it, what the store has; raises DataError where that is not possible."""
        listed = self._listed(below)
        for name in self._files(below):
            if name not in listed and not (self._keeps_unsent and name not in self._state):
                self._remove(name)
        fetched = {name: item for name, item in listed.items() if not self._is_here(name, item)}
        if fetched:
            size = sum(item.size for item in fetched.values()) / 1e6
            _log.info("%s: fetching %s, %.1f MB", self.store.url_of(below), counted(len(fetched), "file"), size)
            self._all(self._fetch, fetched.items())
            self._write_state()

    def _remove(self, name):
        """Removes a file, and the folders that it leaves empty: an object store has none."""
        path = self._local(name)
        try:
            os.remove(path)
            while (path := os.path.dirname(path)) != self._folder and not os.listdir(path):
                os.rmdir(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        self._state.pop(name, None)

    def _fetch(self, entry):
        name, item = entry
        path = self._local(name)
        temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)[:60]}.fetched")
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.store.fetch(name, temporary, item)
            os.replace(temporary, path)
        except FileNotFoundError:  # it has just gone
            return
        except OSError as error:
            raise cannot_write(path, error) from error
        self._state[name] = (*_stamp(path), item.tag)

    def push(self, below=""):
        """Uploads what has changed since the last time, or was made, and removes what is gone; `below` a folder."""
        if not self.is_sent:
            return
        if self.lease:
            self.lease.check()
        local = {name: _stamp(self._local(name)) for name in self._files(below)}
        changed = [name for name, stamp in local.items() if self._state.get(name, ())[:2] != stamp]
        prefix = f"{below}/" if below else ""
        gone = [name for name in self._state if name.startswith(prefix) and name not in local]
        for rank in sorted({_rank(name) for name in changed}):
            self._all(lambda name: self._put(name, local[name]), [name for name in changed if _rank(name) == rank])
        for name in gone:
            self.store.remove(name)
            del self._state[name]
        if changed or gone:
            self._write_state()

    @contextlib.contextmanager
    def exclusive(self, path, lock_path):
        """Holds the store's lock of a folder, or file, in the mirror; `lock_path` is where its own lock is here.

        The folder is fetched when the lock is held, and what was made is sent before it is free.

        Raises:
            DataError: another process holds it, or the store cannot be read or written.
        """
        is_folder = os.path.dirname(lock_path) == os.path.abspath(path)
        below = self.name_of(path if is_folder else os.path.dirname(path))
        with Lease(self.store, self.name_of(lock_path), self.url_of(path)) as lease:
            former, self.lease = self.lease, lease
            try:
                if is_folder:
                    self.pull(below)
                yield
                self.push(below)
            finally:
                self.lease = former

    def _put(self, name, stamp):
        item = self.store.put(self._local(name), name)
        self._state[name] = (*stamp, item.tag)

    def _files(self, below):
        """Returns the names of the files here that are, or shall be, the store's."""
        if not self._only:
            return self._files_below(self._local(below) if below else self._folder)
        own = [self._only] if os.path.isfile(self.path) else self._files_below(self.path)
        return own + self._files_below(self._local(self._parts))

    def _files_below(self, place):
        names = []
        for folder, folders, files in os.walk(place):
            folders[:] = sorted(name for name in folders if not _is_own(name))
            names += [self.name_of(os.path.join(folder, name)) for name in sorted(files) if not _is_own(name)]
        return names

    def _all(self, work, things):
        with concurrent.futures.ThreadPoolExecutor(_AT_A_TIME) as threads:
            try:
                list(threads.map(work, things))
            finally:
                threads.shutdown(cancel_futures=True)


def _is_own(name):
    """Returns whether a file, or a folder, is a process's own."""
    return name.startswith(".") and not _PARTS.fullmatch(name)


def _stamp(path) -> Optional[tuple]:
    """Returns a file's size and the time of its last change in nanoseconds; (None, None) without one."""
    try:
        status = os.stat(path)
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns
