"""The results of a long prediction while it runs: a file to which each batch is appended: nothing is done twice.

A line a photo, in the order of the work, behind a line that says which work it is. A process may be killed at any time,
and a power cut may leave zeros in the place of lines: the first batch that is not whole, and what follows, are dropped
when the work goes on, so every batch is computed whole.
"""

import contextlib
import json
import os

from base.files import cannot_write


def beside(output):
    """Returns the path of the file for the work whose result shall be `output`: `.<name>.partial` beside it."""
    return os.path.join(os.path.dirname(os.path.abspath(output)), f".{os.path.basename(output)}.partial")


def _is_whole(line):
    try:
        return line.endswith(b"\n") and isinstance(json.loads(line), list)
    except ValueError:
        return False


class Journal:
    """The rows of the work done so far.

    Args:
        path: the file.
        work: a dict of JSON values: another work does not go on with these rows, but starts anew.
        batch_sizes: the number of rows of each batch of the work, in order.

    Attributes:
        batches: how many batches are done.

    Raises:
        DataError: the file cannot be written.
    """

    def __init__(self, path, work, batch_sizes):
        self._path = path
        self._head = json.dumps({"work": work}, sort_keys=True) + "\n"
        self.batches, length = self._whole_batches(batch_sizes)
        self._file = None
        try:
            self._file = open(path, "r+b" if length else "wb")  # noqa: SIM115 (closed by leave and remove)
            self._file.truncate(length)
            self._file.seek(length)
            if not length:
                self._append(self._head)
        except OSError as error:
            if self._file:
                self.leave()
            raise cannot_write(path, error) from error

    def _whole_batches(self, batch_sizes):
        """Returns how many batches the file holds, and the length in bytes of what is to keep."""
        if not os.path.exists(self._path):
            return 0, 0
        with open(self._path, "rb") as file:
            if file.readline() != self._head.encode():
                return 0, 0
            batches, length = 0, file.tell()
            for size in batch_sizes:
                if not all(_is_whole(file.readline()) for _ in range(size)):
                    break
                batches, length = batches + 1, file.tell()
        return batches, length

    def _append(self, text):
        self._file.write(text.encode())
        self._file.flush()

    def add(self, rows):
        """Appends the rows of one batch, JSON values."""
        try:
            self._append("".join(json.dumps(row) + "\n" for row in rows))
        except OSError as error:
            raise cannot_write(self._path, error) from error
        self.batches += 1

    def rows(self):
        """Yields the rows, in the order of the work."""
        with open(self._path, encoding="utf-8") as file:
            next(file)
            for line in file:
                yield json.loads(line)

    def leave(self):
        """Closes the file: the same work can go on with it; without a batch there is nothing to go on with."""
        with contextlib.suppress(OSError):  # of the rows that a full disk did not take, of which `add` has told
            self._file.close()
        if not self.batches:
            os.remove(self._path)

    def remove(self):
        """Removes the file: the work is done."""
        self._file.close()
        os.remove(self._path)
