"""The words of recipes, files with a flag a line, in the place of the `--flagfile` that names them."""

import os
import re
import stat

from base.errors import UsageError

_DIRECTIVE = re.compile(r"--?flagfile(?:=(.*))?", re.DOTALL)
_IS_EMPTY = re.compile(r"\s*(#|//|$)")
_MOST_BYTES = 1_000_000
_MOST_FILES = 100  # in all: ten that each name the next one twice are a thousand


def expanded(words):
    """Returns the words of a command line with those of its recipes, and of the recipes in these, in their place.

    Raises:
        UsageError: a recipe cannot be read, is none, or leads back to itself; there are too many.
    """
    return _expanded(words, (), [])


def _expanded(words, outer, read):
    """Returns `expanded` of the words of a recipe inside of `outer`; `read` gets the recipes that are read."""
    found, words = [], iter(words)
    for word in words:
        directive = _DIRECTIVE.fullmatch(word)
        if word == "--":  # what follows are no flags
            return [*found, word, *words]
        if not directive:
            found.append(word)
            continue
        path = next(words, None) if directive[1] is None else directive[1].strip()
        if path is None:
            raise UsageError("--flagfile names no file: expected one of the recipes in configs/")
        if path:
            path = os.path.expanduser(path)
            if path in outer:
                raise _unreadable(path, "leads back to itself")
            if len(read) == _MOST_FILES:
                raise _unreadable(path, f"is one of too many, {_MOST_FILES} at most are read")
            read.append(path)
            found += _expanded(_read(path), (*outer, path), read)
    return found


def _read(path):
    """Returns the lines of a recipe that are not empty nor comments, without the space around them."""
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:  # a pipe may have no writer
            kind = os.fstat(file.fileno())
            if not stat.S_ISREG(kind.st_mode):
                raise _unreadable(path, "is no file")
            if kind.st_size > _MOST_BYTES:
                raise _unreadable(path, f"has {kind.st_size:,} bytes, {_MOST_BYTES:,} at most are read")
            text = file.read(_MOST_BYTES).decode("utf-8-sig")  # editors of Windows begin a file with a mark
    except UnicodeDecodeError as error:
        raise _unreadable(path, "is no text in UTF-8") from error
    except (ValueError, OSError) as error:  # a name that no file can have, too
        raise _unreadable(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error
    return [line.strip() for line in re.split("\r\n?|\n", text) if not _IS_EMPTY.match(line)]


def _unreadable(path, what):
    return UsageError(f"--flagfile={path} {what}: expected one of the recipes in configs/, or a file like them")
