"""A JSON list that is written item by item, so that it need not fit in memory."""

import json


class JsonList:
    """A list in a text file, an item on each line.

    Args:
        file: open for text.
    """

    def __init__(self, file):
        self._file, self._before = file, "[\n"

    def add(self, item):
        """Writes one more item."""
        self._file.write(self._before + json.dumps(item, ensure_ascii=False, allow_nan=False))
        self._before = ",\n"

    def close(self):
        """Writes the end of the list; the file stays open."""
        self._file.write("[]" if self._before == "[\n" else "\n]")
