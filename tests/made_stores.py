"""Stores for tests: fsspec's in memory, a bucket each, and one that fails where it is told to."""

import secrets

from base.remote.store import Store


def new_url():
    """Returns the URL of an empty bucket in memory."""
    return f"memory://{secrets.token_hex(8)}"


def content(url):
    """Returns {name: bytes} of all objects below a URL."""
    store = Store(url)
    return {name: store.read(name) for name in store.list()}


def fill(url, objects):
    """Writes objects, {name: bytes}, below a URL."""
    store = Store(url)
    for name, data in objects.items():
        store.write(name, data)


class Killed(BaseException):
    """A process that is killed between two of its calls of a store."""


class Fragile(Store):
    """A store whose calls that change something end after `most` of them, as those of a killed process do."""

    def __init__(self, url, most):
        super().__init__(url)
        self._left = most

    def _try(self, name, done, function, *arguments):
        if done != "read":
            if self._left <= 0:
                raise Killed
            self._left -= 1
        return super()._try(name, done, function, *arguments)
