"""The lines of a CSV file, also a compressed one: written whole or not at all, read and written row by row."""

import codecs
import contextlib
import csv
import gzip
import math
import os
import zlib

from base import files
from base.errors import DataError
from base.files import atomic_write

# What a CSV from elsewhere may take. A plain file is bounded by the disk that it lies on; a compressed one may be a
# thousand times as long as it looks, while annotations are some twenty times: their numbers differ from row to row.
_LONGEST_ROW = 1_000_000  # characters
_MOST_CHARACTERS = 500_000_000  # of a compressed file, or
_MOST_TIMES = 100  # as many times its size, whichever is more


def write(path, rows):
    """Writes rows of texts, whole or not at all; a name that ends in `.gz` is compressed, to the same bytes each time.

    Raises:
        DataError: the file cannot be written.
    """
    with atomic_write(path, "wb") as file, contextlib.ExitStack() as stack:
        if str(path).endswith(".gz"):
            file = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))
        csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n").writerows(rows)


def read(path):
    """Yields (line, fields) of the lines that are not empty, the header first, as they are read."""
    line = None
    try:
        is_packed, here = str(path).endswith(".gz"), files.local(path)
        with (gzip.open if is_packed else open)(here, "rt", encoding="utf-8-sig", newline="") as file:
            lines = _BoundedLines(file, _most_characters(here) if is_packed else math.inf)
            reader = csv.reader(lines, strict=True)
            line, is_empty = 1, True
            for row in reader:
                lines.of_row = 0
                if row:
                    yield line, row
                    is_empty = False
                line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(path, f"line {line}", f"is no CSV row ({error})") from error
    except (UnicodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(path, None, "is not text: expected a CSV file in UTF-8") from error
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror or error})") from error
    if is_empty:
        raise DataError(path, None, "is empty: expected a header and one row per photo")


def _most_characters(path):
    """Returns how many characters a compressed file may have."""
    return max(_MOST_CHARACTERS, _MOST_TIMES * os.path.getsize(path))


class _BoundedLines:
    """Iterates over the lines of a text file; a little compressed file may have a row that fills the memory.

    Args:
        file: the file.
        most: characters that it may have.

    Attributes:
        of_row: characters of the lines since whoever reads rows of them set it to 0: a row may have many, in quotes.
    """

    def __init__(self, file, most):
        self._file, self._most, self._of_file, self.of_row = file, most, 0, 0

    def __iter__(self):
        return self

    def __next__(self):
        line = self._file.readline(_LONGEST_ROW)
        self._of_file += len(line)
        self.of_row += len(line)
        if self.of_row >= _LONGEST_ROW or self._of_file > self._most:
            raise csv.Error(f"row longer than {_LONGEST_ROW:,} characters, or file longer than {self._most:,}")
        if not line:
            raise StopIteration
        return line
