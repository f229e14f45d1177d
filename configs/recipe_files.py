"""The words of recipes, files with a flag a line, in the place of the `--flagfile` that names them."""

import os
import re

from base import checked_json
from base.errors import DataError, UsageError

_RIGHT = "expected one of the recipes in configs/, or a file like them"
_DIRECTIVE = re.compile(r"--?flagfile(?:=(.*))?", re.DOTALL)
_IS_EMPTY = re.compile(r"\s*(#|//|$)")
_MARK = "\ufeff"  # editors of Windows begin a file with it
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
            raise UsageError(f"--flagfile names no file: {_RIGHT}")
        if path:
            path = os.path.expanduser(path)
            if path in outer:
                raise UsageError(f"--flagfile={path}: leads back to itself: {_RIGHT}")
            if len(read) == _MOST_FILES:
                raise UsageError(f"--flagfile={path}: is one of too many, {_MOST_FILES} at most are read: {_RIGHT}")
            read.append(path)
            found += _expanded(_read(path), (*outer, path), read)
    return found


def _read(path):
    """Returns the lines of a recipe that are not empty nor comments, without the space around them."""
    try:
        text = checked_json.read_text(path, _MOST_BYTES)
    except DataError as error:
        raise UsageError(f"--flagfile={path}: {error.what}") from error
    except (ValueError, OSError) as error:  # a name that no file can have, too
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--flagfile={path}: cannot be read ({reason}): {_RIGHT}") from error
    lines = re.split("\r\n?|\n", text.removeprefix(_MARK))
    return [line.strip() for line in lines if not _IS_EMPTY.match(line)]
