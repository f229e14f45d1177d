"""Files of a URL that are read where they lie: photos, of which there may be more than this machine can hold."""

import errno
import functools
import os

from base.remote.store import Item

_REASON = os.strerror(errno.ENOENT)


class Stream:
    """A URL's files under paths of this machine, where nothing lies; what is asked for as a file is fetched there.

    Args:
        store: the Store of the URL.
        path: the folder, or file, that stands for it.

    Attributes:
        url: what is read, as the user gave it.
    """

    def __init__(self, store, path):
        self._store, self.path, self.url = store, path, store.url
        self._entries = functools.lru_cache(maxsize=64)(self._list)

    def _name(self, path):
        name = os.path.relpath(path, self.path).replace(os.sep, "/")
        return "" if name == "." else name

    def url_of(self, path):
        """Returns the URL of a path."""
        return self._store.url_of(self._name(path))

    def _list(self, folder):
        try:
            return self._store.entries(folder)
        except (FileNotFoundError, NotADirectoryError):
            return {}

    def _entry(self, name):
        """Returns the Item of a file, None for a folder; raises FileNotFoundError where there is neither."""
        folder, _, own = name.rpartition("/")
        if not name:
            return None if self._store.kind() == "folder" else self._store.item()
        if own not in (entries := self._entries(folder)):
            raise FileNotFoundError(errno.ENOENT, _REASON, self.url_of(os.path.join(self.path, name)))
        return entries[own]

    def is_file(self, path):
        try:
            return self._entry(self._name(path)) is not None
        except FileNotFoundError:
            return False

    def is_dir(self, path):
        try:
            return self._entry(self._name(path)) is None
        except FileNotFoundError:
            return False

    def names(self, path):
        """Returns the names in a folder; raises FileNotFoundError where there is none."""
        entries = self._entries(self._name(path))
        if not entries:
            raise FileNotFoundError(errno.ENOENT, _REASON, self.url_of(path))
        return list(entries)

    def state(self, path):
        """Returns what changes when a file does: its size and its tag."""
        return tuple(self._entry(self._name(path)) or Item(0, ""))

    def read(self, path, most):
        """Returns the first bytes of a file, `most` at most; raises FileNotFoundError where there is none."""
        return self._store.read(self._name(path), most)

    def local(self, path):
        """Returns the path, where the file lies from now on; raises FileNotFoundError where there is none."""
        name = self._name(path)
        if not os.path.isfile(path):
            item = self._store.item(name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)[:60]}.fetched")
            self._store.fetch(name, temporary, item)
            os.replace(temporary, path)
        return path
