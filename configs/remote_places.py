"""URLs on a command line (s3://, gs://, and what else fsspec knows) as paths of this machine, while a program runs.

What is read is mirrored in the cache whole, or streamed where the program says so and the URL is no folder of records;
what is written is mirrored, too, and sent when it is whole.
"""

import contextlib
import functools
import os
import re
import sys

from base.errors import DataError, ProgramError, UsageError
from base.remote import places

READ = (
    "data_dir", "model_dir", "image", "records", "images", "labels", "photos", "checkpoint_path", "weights",
    "prediction", "predictions", "scores", "against", "ground_truth", "test_csv", "schema", "boxes",
)  # fmt: skip
WRITTEN = ("output_dir", "output", "json", "plot", "scores_output", "interface")
_WRITTEN_FOLDERS = ("output_dir", "model_dir")
_OF_THE_DRIVER = ("output", "scores_output")  # files that are written by the process that was started
_LISTS = ("model_dir", "image", "boxes")  # several, with commas between
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.")  # a drive of Windows has one letter
_EVENTS = re.compile(r"(.*/)?events\.out\.tfevents\.[^/]*")  # nothing reads them but TensorBoard
_OF_A_PART = re.compile(r"\.(.+\.)?parts/(?P<part>[^/]+)")  # see `base.parts`
_BELOW_A_MODEL = ("best", "swa")


def is_url(text):
    """Returns whether a flag's value is a URL."""
    return isinstance(text, str) and _URL.match(text) is not None


class Session:
    """The URLs of one program's command line, within a `with` block.

    Args:
        streamed: names of flags whose photos are read where they lie.
        written: names of flags of folders that the program writes into, besides those that every program does.
    """

    def __init__(self, streamed=(), written=()):
        self._streamed, self._written = streamed, written
        self._at_end = contextlib.ExitStack()
        self._part = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._at_end.close()

    def run(self, main, flags):
        """Calls a program with paths in the place of its flags' URLs, and sends what it wrote.

        What is whole is sent where it ends with an error, too, as it would be on a disk; a training sends its own.

        Raises:
            UsageError: a URL is none.
            DataError: a store cannot be reached, refuses, or lacks what is read.
        """
        found = {name: value for name in (*READ, *WRITTEN) if _has_url(value := getattr(flags, name, None))}
        if not found:
            main(flags)
            return
        _check_ray(flags, found)
        from base.remote.cache import Cache

        self._show_urls()
        cache = self._at_end.enter_context(Cache(flags.cache_dir))
        self._part = getattr(flags, "shard", None)
        # What is written first: fetching what is read may take long, and be for nothing.
        for name, value in sorted(found.items(), key=lambda item: not self._is_written(item[0])):
            setattr(flags, name, _replaced(name, value, functools.partial(self._path_of, cache, name)))
        try:
            main(flags)
        except ProgramError:
            with contextlib.suppress(DataError):
                cache.send(but=[getattr(flags, name) for name in self._written])
            raise
        cache.send()

    def _is_written(self, name):
        return name in WRITTEN or name in self._written

    def _show_urls(self):
        self._at_end.callback(places.clear)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            self._at_end.callback(setattr, sys, name, stream)
            setattr(sys, name, _Named(stream))

    def _path_of(self, cache, name, url):
        if self._is_written(name):
            # A training goes on from what the bucket has: what a killed one did not send may not fit to it.
            is_kept = name not in self._written
            return cache.written(url, name in _WRITTEN_FOLDERS, wanted=self._is_wanted, keeps_unsent=is_kept)
        if name in self._streamed and not cache.has_records(url):
            return cache.streamed(url)
        return _read_checkpoint(cache, url) if name == "checkpoint_path" else cache.read(url, _is_no_event)

    def _is_wanted(self, name):
        """Returns whether a file of what is written is fetched: --shard needs no other part, --merge all of them."""
        other = _OF_A_PART.match(name) if self._part else None
        return _is_no_event(name) and (other is None or other["part"] == self._part.replace("/", "-of-"))


def _check_ray(flags, found):
    """Raises UsageError for a URL that Ray's workers would have to know: they are given paths of this machine."""
    shared = [name for name in found if name not in _OF_THE_DRIVER]
    if getattr(flags, "engine", None) == "ray" and shared:
        expected = "expected a folder that all nodes of the cluster see; --shard without --engine=ray takes URLs"
        raise UsageError(f"--{shared[0]} is a URL, which --engine=ray does not take: {expected}")


def _is_no_event(name):
    return not _EVENTS.fullmatch(name)


def _read_checkpoint(cache, url):
    """Returns the path of a model's folder, its `best/`, or a checkpoint's prefix; what describes it is beside it."""
    folder, rest = url.rstrip("/"), []
    while cache.kind(folder) != "folder" or folder.rsplit("/", 1)[-1] in _BELOW_A_MODEL:
        folder, _, name = folder.rpartition("/")
        if "://" not in folder:
            raise DataError(url, None, "is missing: expected a model's folder, or a prefix such as …/model.ckpt-1000")
        rest.insert(0, name)
    return os.path.join(cache.read(folder, _is_no_event), *rest)


def _has_url(value):
    if isinstance(value, list):
        return any(map(is_url, value))
    return isinstance(value, str) and any(map(is_url, value.split(",")))  # a list, or a name with commas


def _replaced(name, value, path_of):
    """Returns a flag's value with paths in the place of its URLs."""

    def replaced(text):
        if not is_url(text):
            return text
        if not text.isprintable():
            raise UsageError(f"--{name} has a character that cannot be printed: expected a URL")
        return path_of(text)

    if isinstance(value, list):
        return [replaced(text) for text in value]
    return ",".join(map(replaced, value.split(","))) if name in _LISTS else replaced(value)


class _Named:
    """A stream of text that shows URLs where paths stand for them."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        return self._stream.write(places.shown(text))

    def __getattr__(self, name):
        return getattr(self._stream, name)
