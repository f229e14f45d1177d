"""The reader of small TOML files that somebody may have written for mischief; as `checked_json` reads JSON.

Python's parser takes quadratic time for a key of many parts, and recursion without end for brackets within brackets
(tomli, which Python 3.10 and older take, is compiled: there it would be a crash). So both are counted beforehand.
"""

import re

from base import checked_json
from base.checked_json import Unexpected
from base.errors import DataError

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 and older
    import tomli as tomllib

LARGEST = 1 << 18  # bytes: a schema of a thousand keypoints has some fifty thousand
_DEEPEST = 20  # brackets within each other, and parts of a key
# What holds no structure: strings (or the marks of one of several lines), comments.
_OPAQUE = re.compile(r"\"\"\"|'''|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|#[^\n]*")


def read(path, check):
    """Reads a TOML file.

    Args:
        path: of the file.
        check: what its content must be, as `checked_json` has checks.

    Returns:
        What `check` returns.

    Raises:
        FileNotFoundError, NotADirectoryError: there is none.
        DataError: it cannot be read, is no TOML, or a value is not what it must be; names the file and the key.
    """
    text = checked_json.read_text(path, LARGEST)
    try:
        _check_structure(text)
        return check(tomllib.loads(text), "")
    except (ValueError, RecursionError) as error:  # ValueError: also of a number of thousands of digits
        raise DataError(path, None, f"cannot be read ({error}): expected TOML") from error
    except Unexpected as error:
        raise DataError(path, error.key, error.what) from error


def _check_structure(text):
    """Raises ValueError where brackets stand too deep in each other, or a key has too many parts."""
    for string in _OPAQUE.finditer(text):
        if string[0] in ('"""', "'''"):
            line = text.count("\n", 0, string.start()) + 1
            raise ValueError(f"line {line}: a string of several lines, which is not taken here")
    structure = _OPAQUE.sub("s", text)
    depth = 0
    for bracket in re.finditer(r"[\[{\]}]", structure):
        depth = max(0, depth + (1 if bracket[0] in "[{" else -1))
        if depth > _DEEPEST:
            raise ValueError(f"nested more than {_DEEPEST} deep")
    for part in re.split(r"[=,\n]", structure):
        if part.count(".") > _DEEPEST:
            raise ValueError(f"a key of more than {_DEEPEST} parts")
