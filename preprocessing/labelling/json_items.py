"""The items of the lists in a large JSON file, one after the other in bounded memory.

Python's own decoder does the work, item by item: it takes no more depth than the interpreter allows, while streaming
parsers that keep the path of each value need time and memory by the square of the depth.
"""

import io
import json
import re

from base.errors import DataError
from preprocessing.labelling.labelled import open_export, read_text

_PIECE = 1 << 20  # characters that are read at a time
_LONGEST = 1 << 26  # characters of an item
_BEHIND = " \t\r\n,:]}"  # what may stand behind a value
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def items(path, expected):
    """Yields (key, item) for each item of the lists that a file's object has; (None, item) where the file is a list.

    Args:
        path: of the JSON file.
        expected: what the file should be, for messages.

    Raises:
        DataError: the file cannot be read, or is no object or list in JSON.
    """
    with open_export(path) as file, io.TextIOWrapper(file, encoding="utf-8") as text:
        try:
            yield from _items(_Reader(text))
        except OSError as error:
            raise DataError(path, None, f"cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise DataError(path, None, f"is no text in UTF-8: expected {expected}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(path, None, f"is no JSON ({error}): expected {expected}") from error


def content(path, expected):
    """Returns the content of a JSON file that is read as a whole; raises as `items` does."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(path, None, f"is no JSON ({error}): expected {expected}") from error


def _items(reader):
    if reader.take("[{") == "[":
        yield from ((None, item) for item in _list(reader))
    elif reader.sign() == "}":
        reader.take("}")
    else:
        separator = ","
        while separator == ",":
            key = reader.value()
            reader.take(":")
            if reader.sign() == "[":
                reader.take("[")
                yield from ((key, item) for item in _list(reader))
            else:
                reader.value()
            separator = reader.take(",}")
    if reader.sign():
        raise ValueError(f"more text behind the end, at character {reader.position}")


def _list(reader):
    """Yields the items of a list whose bracket has been taken."""
    if reader.sign() == "]":
        reader.take("]")
        return
    separator = ","
    while separator == ",":
        yield reader.value()
        separator = reader.take(",]")


class _Reader:
    """Takes signs and values off the front of a text file."""

    def __init__(self, file):
        self._file, self._text, self._at, self._is_whole = file, "", 0, False
        self._before = 0  # characters in front of what is held

    @property
    def position(self):
        """How many characters have been taken."""
        return self._before + self._at

    def sign(self):
        """Returns the next character that is no space, which stays; an empty text at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()
            if self._at < len(self._text) or self._is_whole:
                return self._text[self._at : self._at + 1]
            self._read()

    def take(self, signs):
        """Returns the next character, one of `signs`; raises ValueError where it is another."""
        sign = self.sign()
        if not sign or sign not in signs:
            raise ValueError(f"expected {' or '.join(signs)} at character {self.position}, got {sign or 'the end'}")
        self._at += 1
        return sign

    def value(self):
        """Returns the next value; raises ValueError or RecursionError where there is none."""
        self.sign()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                is_ended = end < len(self._text) and self._text[end] in _BEHIND  # else a number may go on
                if is_ended or self._is_whole or end - self._at > _LONGEST:
                    self._at = end
                    return value
            except ValueError as error:  # perhaps as the rest of it has not been read
                if self._is_whole or len(self._text) - self._at > _LONGEST:
                    what = getattr(error, "msg", str(error))
                    raise ValueError(f"{what}, in the value from character {self.position} on") from error
            self._read()

    def _read(self):
        """Reads as much again as is held, so that a long value is looked at a few times only."""
        piece = self._file.read(max(_PIECE, len(self._text) - self._at))
        self._before += self._at
        self._text, self._at, self._is_whole = self._text[self._at :] + piece, 0, not piece
