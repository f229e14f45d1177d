"""The types and names of what a schema's file may say; what these belong together as, `base.schema` checks.

Whatever a file holds, the checks take time and memory in proportion to its size, and nothing is built before they pass.
"""

import re
import unicodedata

from base import checked_json
from base.checked_json import Unexpected, fields, items, number, whole

ALL = "all"  # in the place of a category: one model for every category, with every keypoint
CATEGORY_PATTERN = r"\w[\w-]*"  # what a category may be called: it names columns, folders, shards and flags' values
RESERVED_COLUMNS = ("image_id", "image_category", "box")  # of the CSVs, beside those of the keypoints

_MOST = 1000  # keypoints, or categories
_LONGEST_NAME = 100  # bytes of UTF-8: with a shard's number and ending it is a file's name


def _same_name(text):
    """Returns what two names have in common that macOS and Windows take for the same file."""
    return unicodedata.normalize("NFC", text).casefold()


def _plain_name(value, key):
    """The check of a schema's or a category's name."""
    if not (isinstance(value, str) and re.fullmatch(CATEGORY_PATTERN, value)):
        raise Unexpected(key, "letters, digits, _ and -", value)
    if len(value.encode(errors="replace")) > _LONGEST_NAME:
        raise Unexpected(key, f"at most {_LONGEST_NAME} bytes", value)
    return value


def _category_name(value, key):
    if not re.fullmatch(CATEGORY_PATTERN, value) or _same_name(value) == ALL:
        raise Unexpected(key, f"a category of letters, digits, _ and -, other than {ALL}", value)
    return _plain_name(value, key)


def _keypoint_name(value, key):
    """The check of a keypoint's name: the head of a column."""
    checked_json.name(value, key)
    if value != value.strip() or _same_name(value) in RESERVED_COLUMNS:
        raise Unexpected(key, f"a name without spaces around it, other than {', '.join(RESERVED_COLUMNS)}", value)
    return value


def _distinct(names, keys):
    """Raises Unexpected where two names would be the same file on macOS or Windows."""
    known = {}
    for name, key in zip(names, keys):
        other = known.setdefault(_same_name(name), name)
        if other != name:
            raise Unexpected(key, f"a name that differs from {other} by more than the case of letters", name)


def _keypoint_names(value, key):
    items(_keypoint_name, 1, _MOST)(value, key)
    _distinct(value, (f"{key}[{position}]" for position in range(len(value))))
    return value


def _chain(value, key):
    """The check of a chain of keypoints, which may come back to its start."""
    if not isinstance(value, list) or not 2 <= len(value) <= _MOST + 1:
        raise Unexpected(key, "a list of two or more keypoints", value)
    for position, item in enumerate(value):
        checked_json.name(item, f"{key}[{position}]")
    return value


def _values(check_item, check_name=checked_json.name):
    """The check of an object of at most `_MOST` keys, each name and each value checked."""

    def check(value, key):
        if not isinstance(value, dict) or len(value) > _MOST:
            raise Unexpected(key, f"a table of at most {_MOST} entries", value)
        for name, item in value.items():
            check_name(name, f"{key}.{name}")
            check_item(item, f"{key}.{name}")
        return value

    return check


_PAIRS = items(items(checked_json.name, 2, 2), 0, _MOST)
_CATEGORY = fields(
    {"keypoints": items(checked_json.name, 1, _MOST), "normalise": items(checked_json.name, 2, 2)},
    {
        "outline": items(_chain, 0, _MOST),
        "measurements": _values(_chain),
        "swap": _PAIRS,
        "sigmas": _values(number(1e-6, 1e3)),
        "record_ids": items(whole(0, 10**6), 0, _MOST),
    },
)


def _categories(value, key):
    _values(_CATEGORY, _category_name)(value, key)
    if not value:
        raise Unexpected(key, "at least one category", value)
    _distinct(value, (f"{key}.{name}" for name in value))
    return value


# The check of a schema's content, {name, keypoints, categories, swap}, as `checked_json` has checks.
CONTENT = fields(
    {"name": _plain_name, "keypoints": _keypoint_names, "categories": _categories},
    {"swap": _PAIRS},
)
