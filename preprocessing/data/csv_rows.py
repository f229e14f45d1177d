"""The lines of a CSV file, also a compressed one: written whole, read in bounded memory."""

import csv
import gzip
import io
import zlib

from base import files
from base.errors import DataError
from base.files import atomic_write

# What a CSV from elsewhere may take: the 64 131 rows of 2018 have some 20 million characters.
_LONGEST_ROW = 1_000_000  # characters
_MOST_CHARACTERS = 500_000_000


def write(path, rows):
    """Writes rows of texts, whole or not at all; a name that ends in `.gz` is compressed, to the same bytes each time.

    Raises:
        DataError: the file cannot be written.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    encoded = text.getvalue().encode()
    with atomic_write(path, "wb") as file:
        file.write(gzip.compress(encoded, mtime=0) if str(path).endswith(".gz") else encoded)


def read(path):
    """Yields (line, fields) of the lines that are not empty, the header first, as they are read."""
    line = None
    try:
        opener = gzip.open if str(path).endswith(".gz") else open
        with opener(files.local(path), "rt", encoding="utf-8-sig", newline="") as file:
            lines = _BoundedLines(file)
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


class _BoundedLines:
    """Iterates over the lines of a text file; a little compressed file may have a row that fills the memory.

    Attributes:
        of_row: characters of the lines since whoever reads rows of them set it to 0: a row may have many, in quotes.
    """

    def __init__(self, file):
        self._file, self._of_file, self.of_row = file, 0, 0

    def __iter__(self):
        return self

    def __next__(self):
        line = self._file.readline(_LONGEST_ROW)
        self._of_file += len(line)
        self.of_row += len(line)
        if self.of_row >= _LONGEST_ROW or self._of_file > _MOST_CHARACTERS:
            raise csv.Error(f"row longer than {_LONGEST_ROW:,} characters, or file longer than {_MOST_CHARACTERS:,}")
        if not line:
            raise StopIteration
        return line
