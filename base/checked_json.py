"""The reader of small JSON files that somebody may have changed: every value is checked before it is used.

A check is a function(value, key) that returns the value, or raises `Unexpected`. `fields`, `items` and the others make
checks; `read` applies one to a file, and says in one line which key is wrong.
"""

import itertools
import json
import math
import os
import reprlib
import stat

from base.errors import DataError

LARGEST = 1 << 20  # bytes: no file of this kind comes near it
_DEEPEST = 20

_LONGEST_NUMBER = 1000  # characters; Python 3.10 and older take quadratic time for more
_LONGEST_KEY = 200  # characters of it in an error


class _Brief(reprlib.Repr):
    """Shows a value in few characters, whatever it is."""

    def __init__(self):
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60

    def repr_int(self, value, level):
        # Python refuses to write a number of thousands of digits.
        bits = value.bit_length()
        return super().repr_int(value, level) if bits < 10_000 else f"a number of {bits} bits"


_brief = _Brief()


class Unexpected(Exception):
    """A value that is not what it must be: its key (dots between levels), what was expected, and the value."""

    def __init__(self, key, expected, value):
        super().__init__(key, expected, value)
        key = key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"
        self.key, self.what = key or None, f"expected {expected}, got {_brief.repr(value)}"


def read(path, check, largest=LARGEST):
    """Reads a JSON file.

    Args:
        path: of the file.
        check: what its content must be.
        largest: bytes that it may have.

    Returns:
        What `check` returns.

    Raises:
        FileNotFoundError, NotADirectoryError: there is none.
        DataError: it cannot be read, is no JSON, or a value is not what it must be; names the file and the key.
    """
    text = read_text(path, largest)
    try:
        content = loads(text)
        _check_depth(content)
        return check(content, "")
    except (ValueError, RecursionError) as error:  # nested so deep that the parser gives up
        raise DataError(path, None, f"cannot be read ({error}): expected JSON as the program wrote it") from error
    except Unexpected as error:
        raise DataError(path, error.key, error.what) from error


def loads(text):
    """Returns the content of JSON; raises ValueError or RecursionError where it is none, or holds endless numbers."""
    return json.loads(text, parse_int=_to_int)


def _to_int(digits):
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def read_text(path, largest=LARGEST):
    """Returns the text of a file of at most `largest` bytes; raises as `read` does."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > largest:
            raise DataError(path, None, f"expected a file of at most {largest:,} bytes, got {_kind(status)}")
        with open(path, "rb") as file:
            return file.read(largest).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, None, f"cannot be read ({error}): expected text in UTF-8") from error


def _check_depth(content):
    level = [content]
    for _ in range(_DEEPEST):
        below = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, (dict, list)))
        level = list(itertools.chain.from_iterable(below))
    if level:
        raise ValueError(f"nested more than {_DEEPEST} deep")


def _kind(status):
    return f"{status.st_size:,} bytes" if stat.S_ISREG(status.st_mode) else "a folder or a device"


def fields(required, optional=None, others=False):
    """Returns the check of an object.

    Args:
        required: {key: check} of what must be there.
        optional: {key: check} of what may be there.
        others: whether other keys may be there, too; they are returned as they are.
    """
    checks = {**required, **(optional or {})}

    def check(value, key):
        if not isinstance(value, dict):
            raise Unexpected(key, "an object", value)
        for name in required:
            if name not in value:
                # The keys that are there show a misspelt one.
                raise Unexpected(_join(key, name), "this key", list(value))
        unknown = [] if others else [name for name in value if name not in checks]
        if unknown:
            raise Unexpected(key, f"keys among {', '.join(sorted(checks))}", unknown[0])
        return {name: checks[name](item, _join(key, name)) if name in checks else item for name, item in value.items()}

    return check


def _join(key, name):
    return f"{key}.{name}" if key else name


def items(check_item, shortest, longest):
    """Returns the check of a list of so many items, each checked; no two may be equal strings."""

    def check(value, key):
        if not isinstance(value, list) or not shortest <= len(value) <= longest:
            count = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
            raise Unexpected(key, f"a list of {count} items", value)
        seen = set()
        for number, item in enumerate(value):
            check_item(item, f"{key}[{number}]")
            if isinstance(item, str) and item in seen:
                raise Unexpected(f"{key}[{number}]", "no name twice", item)
            seen.update([item] if isinstance(item, str) else [])
        return value

    return check


def number(low, high):
    """Returns the check of a finite number within bounds."""

    def check(value, key):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (is_number and low <= value <= high):  # false for NaN, too
            raise Unexpected(key, f"a number from {low:g} to {high:g}", value)
        return value

    return check


def whole(low, high):
    """Returns the check of a whole number within bounds."""

    def check(value, key):
        if not (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high):
            raise Unexpected(key, f"a whole number from {low} to {high}" if low < high else f"{low}", value)
        return value

    return check


def choice(values):
    """Returns the check of one of some strings; `values` is looked at when a file is read."""

    def check(value, key):
        if not (isinstance(value, str) and value in values):
            raise Unexpected(key, f"one of {', '.join(values)}", value)
        return value

    return check


def name(value, key):
    """The check of a name: printable, not empty, of at most 200 characters."""
    if not (isinstance(value, str) and value.isprintable() and 0 < len(value) <= 200):
        raise Unexpected(key, "a name of printable characters", value)
    return value


def boolean(value, key):
    """The check of true or false."""
    if not isinstance(value, bool):
        raise Unexpected(key, "true or false", value)
    return value


def by_option(row):
    """Returns the check of what an option's or a flag's row (`options.Option`) allows."""
    if row.kind in ("ints", "floats"):
        return items(by_option(row._replace(kind=row.kind.removesuffix("s"))), 0, 1000)
    if row.choices:
        return choice(row.choices)
    if row.kind in ("int", "float"):
        low, high = (-math.inf if row.low is None else row.low), (math.inf if row.high is None else row.high)
        return {"int": whole, "float": number}[row.kind](low, high)
    return {"bool": boolean, "str": name}[row.kind]
