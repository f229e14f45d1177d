"""DeepFashion's tables: a line with the number of rows, one with the names of the columns, and ragged rows."""

from base.errors import DataError
from preprocessing.labelling.labelled import open_export, shown

_LONGEST = 10_000  # bytes of a line: what is longer is no such table


class RaggedTable:
    """A table in a text file.

    Args:
        path: of the file.
        notes: labelled.Notes, for a row count that is not true.

    Attributes:
        columns: the names of the columns.

    Raises:
        DataError: the file cannot be read, or does not begin as such a table does.
    """

    def __init__(self, path, notes):
        self._path, self._notes = path, notes
        lines = self._lines()
        first, self.columns = next(lines, [""]), next(lines, [])
        lines.close()
        if len(first) != 1 or not first[0].isdecimal() or len(first[0]) > 12:
            raise DataError(path, "line 1", f"expected the number of rows, got {shown(' '.join(first))}")
        self._count = int(first[0])

    def column(self, name):
        """Returns the position of a column; raises DataError where there is none."""
        if name not in self.columns:
            what = f"expected a column {name}, got {shown(' '.join(self.columns))}"
            raise DataError(self._path, "line 2", what)
        return self.columns.index(name)

    def rows(self):
        """Yields (place for messages, fields) of each row; notes a fault where they are not as many as line 1 says."""
        count = 0
        for line, fields in enumerate(self._lines(), start=1):
            if line > 2 and fields:
                count += 1
                yield f"line {line}", fields
        if count != self._count:
            what = f"says that there are {self._count} rows, and there are {count}: expected the whole table"
            self._notes.faults.append(DataError(self._path, "line 1", what))

    def _lines(self):
        with open_export(self._path) as file:
            number = 0
            while data := file.readline(_LONGEST):
                number += 1
                try:
                    text = data.decode("utf-8")
                except UnicodeDecodeError as error:
                    what = "is no text in UTF-8: expected a table of DeepFashion"
                    raise DataError(self._path, f"line {number}", what) from error
                if len(data) == _LONGEST:
                    what = f"has more than {_LONGEST:,} bytes: expected a table of DeepFashion"
                    raise DataError(self._path, f"line {number}", what)
                yield text.split()
