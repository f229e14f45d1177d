"""One URL and the objects below it, over fsspec: whole objects are listed, read, written and removed, patiently.

What passes by itself (a server that restarts, a connection that breaks) is tried again, ever more slowly, and costs
time alone. What does not (credentials, a bucket that is missing) is one DataError that names the URL.
"""

import errno
import logging
import os
import secrets
import time
from typing import NamedTuple

from base.errors import DataError, one_line
from base.remote import checksums

PATIENCE = 600  # seconds for which a store may be away
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 20
_DOWNLOADS = 4  # of an object whose size or checksum is another than the store says

_FOLDERS = {"file", "local", "sftp", "ssh", "smb", "ftp"}  # where a file that is being written can be seen
_TAGS = ("md5Hash", "content_md5", "ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "created")
# What another try does not help: the user's errors, and those of this machine's disk.
_FINAL = (PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError, ImportError, ValueError, TypeError)
_FINAL_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENAMETOOLONG, errno.EINVAL, errno.ENOSYS)
_NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ProfileNotFound",
    "DefaultCredentialsError",
    "RefreshError",
)
_FINAL_NAMES = (*_NO_CREDENTIALS, "ParamValidationError")
_NO_BUCKET = "bucket does not exist"  # as S3 and GCS say it
_PASSING_CODES = (408, 425, 429)

_log = logging.getLogger(__name__)


class Item(NamedTuple):
    """An object: its size in bytes, and a text that changes when its bytes do."""

    size: int
    tag: str


class Store:
    """The objects of a URL and below it; names are relative to it, `/` between folders, `` for the URL's own object.

    Args:
        url: as the user gave it.

    Raises:
        DataError: fsspec, or what it needs for this URL, is not installed.
    """

    def __init__(self, url):
        self.url = url.rstrip("/")
        self._system, self._root = _connect(self.url)
        protocol = self._system.protocol
        self._has_folders = bool(_FOLDERS & set([protocol] if isinstance(protocol, str) else protocol))

    def url_of(self, name):
        return f"{self.url}/{name}" if name else self.url

    def _at(self, name):
        return f"{self._root}/{name}" if name else self._root

    def kind(self, name=""):
        """Returns "file", "folder", or None where there is neither.

        Raises:
            DataError: of this and the methods below: the store cannot be reached, or refuses.
        """
        try:
            info = self._try(name, "read", self._system.info, self._at(name))
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):  # nothing can be there
                raise self._wrong(name, "read", error) from error
            return None
        return "folder" if info["type"] == "directory" else "file"

    def item(self, name=""):
        """Returns the Item of an object; raises FileNotFoundError where there is none."""
        return _item(self._try(name, "read", self._system.info, self._at(name)))

    def list(self, below=""):
        """Returns {name: Item} of all objects below a folder, {} where there are none."""
        try:
            found = self._try(below, "read", lambda path: self._system.find(path, detail=True), self._at(below))
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):
                raise self._wrong(below, "read", error) from error
            return {}
        start = len(self._root) + 1
        files = {path[start:]: info for path, info in found.items() if info["type"] == "file" and len(path) > start}
        return {name: _item(info) for name, info in files.items() if not name.endswith("/")}

    def entries(self, folder=""):
        """Returns {name: Item, None for a folder} of what lies in a folder; raises FileNotFoundError without one."""
        found = self._try(folder, "read", lambda path: self._system.ls(path, detail=True), self._at(folder))
        own = self._at(folder)
        listed = {info["name"].rstrip("/"): info for info in found}
        return {
            path.rsplit("/", 1)[-1]: None if info["type"] == "directory" else _item(info)
            for path, info in listed.items()
            if path != own
        }

    def read(self, name, most=None):
        """Returns the bytes of an object, `most` of them at most; raises FileNotFoundError where there is none."""
        return self._try(name, "read", self._read, self._at(name), most)

    def _read(self, path, most):
        try:
            return self._system.cat_file(path, start=0, end=most) if most else self._system.cat_file(path)
        except OSError as error:
            if error.errno == errno.EINVAL and not self._system.info(path)["size"]:  # no range of nothing
                return b""
            raise

    def fetch(self, name, path, item):
        """Downloads an object to a path; size and checksum are what the store says.

        Args:
            name: of the object.
            path: where to; the folder exists.
            item: its Item.

        Raises:
            FileNotFoundError: there is no such object.
            DataError: also where it arrives damaged each time.
        """
        seen = set()
        for _ in range(_DOWNLOADS):
            self._try(name, "read", self._system.get_file, self._at(name), path)
            is_right = os.path.getsize(path) == item.size and checksums.fits(path, item.tag)
            digest = None if is_right else checksums.md5(path)
            # Where the tag is no checksum that we know, the bytes have to arrive in the same way twice.
            if is_right or (os.path.getsize(path) == item.size and digest in seen):
                return
            seen.add(digest)
            item = self.item(name)  # it may have been replaced
        what = f"arrives damaged: expected {item.size:,} bytes of the store's checksum {item.tag}"
        raise DataError(self.url_of(name), None, what)

    def put(self, path, name):
        """Uploads a file, which appears whole or not at all; returns its Item."""
        target = self._at(name)
        if self._has_folders:
            folder, _, own = target.rpartition("/")
            temporary = f"{folder}/.{own[:100]}.{secrets.token_hex(4)}.tmp"
            self._try(name, "written", self._system.put_file, path, temporary)
            self._try(name, "written", self._system.mv, temporary, target)
        else:
            self._try(name, "written", self._system.put_file, path, target)
        return self.item(name)

    def write(self, name, data, only_new=False):
        """Writes an object of some bytes; with `only_new` raises FileExistsError where there is one already."""
        mode = "create" if only_new else "overwrite"
        self._try(name, "written", lambda path: self._system.pipe_file(path, data, mode=mode), self._at(name))

    def check_writable(self):
        """Writes an object and removes it: what would refuse the results shall do so before the work."""
        path = self._at(f".{secrets.token_hex(8)}.tmp")
        self._try("", "written", self._system.pipe_file, path, b"")
        self._try("", "written", self._system.rm_file, path)

    def remove(self, name):
        """Removes an object, if it is there."""
        try:
            self._try(name, "removed", self._system.rm_file, self._at(name))
        except FileNotFoundError:
            return

    def _try(self, name, done, function, *arguments):
        """Calls a function of fsspec's until it works, or cannot."""
        pause, end = _FIRST_PAUSE, time.monotonic() + PATIENCE
        while True:
            result, error = self._attempt(name, done, function, *arguments)
            if error is None:
                return result
            if time.monotonic() + pause > end:
                raise self._wrong(name, done, error) from error
            _log.warning("%s: %s; trying again in %g s", self.url_of(name), _reason(error), pause)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _attempt(self, name, done, function, *arguments):
        """Returns what a call gives, and None; or None, and an error that may pass."""
        try:
            return function(*arguments), None
        except FileExistsError:
            raise
        except FileNotFoundError as error:
            if done != "written":
                raise
            raise self._wrong(name, done, error) from error
        except Exception as error:  # every store raises its own
            if _is_final(error):
                raise self._wrong(name, done, error) from error
            return None, error

    def _wrong(self, name, done, error):
        expected = "the store to answer"
        if isinstance(error, PermissionError) or _names(error) & set(_NO_CREDENTIALS):
            expected = "credentials that may do so, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        elif isinstance(error, FileNotFoundError):
            expected = "a bucket that is there"
        elif _is_final(error):
            expected = "a place and a name that the store takes"
        return DataError(self.url_of(name), None, f"cannot be {done} ({_reason(error)}): expected {expected}")


def _connect(url):
    """Returns fsspec's file system for a URL, and the URL's path in it."""
    try:
        import fsspec

        is_local = url.startswith(("file:", "local:"))
        options = {"auto_mkdir": True} if is_local else {"use_listings_cache": False}
        system, root = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        what = f"needs a package that is missing ({one_line(str(error))}): pip install -e '.[remote]'"
        raise DataError(url, None, what) from error
    except Exception as error:  # a file system's own of a URL that it cannot take
        raise DataError(url, None, f"is no URL that fsspec can open ({_reason(error)})") from error
    return system, root.rstrip("/")


def _item(info):
    tag = next((str(info[key]) for key in _TAGS if info.get(key)), "")
    return Item(int(info["size"] or 0), tag)


def _names(error):
    return {kind.__name__ for kind in type(error).__mro__}


def _is_final(error):
    code = getattr(error, "code", None) or getattr(error, "status", None)
    if isinstance(code, int) and 400 <= code < 500:
        return code not in _PASSING_CODES
    number = getattr(error, "errno", None)
    return isinstance(error, _FINAL) or number in _FINAL_NUMBERS or bool(_names(error) & set(_FINAL_NAMES))


def _reason(error):
    """Returns an error's text, without what a library adds of its own retries; its name where it has none."""
    return one_line(str(error)).rstrip(".")[:200] or type(error).__name__
