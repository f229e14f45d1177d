"""The results of a long prediction while it runs: a file to which each batch is appended: nothing is done twice.

A line a photo, in the order of the work, behind a line that says which work it is. A process may be killed at any time,
and a power cut may leave zeros in the place of lines: the first batch that is not whole, and what follows, are dropped
when the work goes on, so every batch is computed whole.
"""

import contextlib
import json
import os

from base import parts
from base.errors import DataError
from base.files import cannot_write


def beside(output):
    """Returns the path of the file for the work whose result shall be `output`: `.<name>.partial` beside it."""
    return os.path.join(os.path.dirname(os.path.abspath(output)), f".{os.path.basename(output)}.partial")


def _is_whole(line):
    try:
        return line.endswith(b"\n") and isinstance(json.loads(line), list)
    except (ValueError, RecursionError):
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
        """Returns an iterator of the rows, in the order of the work."""
        return rows(self._path)

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

    def finish(self, path):
        """Gives the file, all of whose rows are there, the name of a finished one."""
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._path, path)
        except OSError as error:
            raise cannot_write(path, error) from error


def check_finished(path, work, num_rows):
    """Checks that a file was finished by a Journal, and for a work.

    Args:
        path: the file.
        work: as for Journal.
        num_rows: of all batches.

    Raises:
        DataError: it is of another work, cannot be read, or has lost rows.
    """
    try:
        with open(path, "rb") as file:
            made = _work_of(file.readline())
            count = sum(map(_is_whole, file))
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror})") from error
    if made is None:
        raise DataError(path, "line 1", "does not say which work it is of: expected a part; run it again")
    wrong = parts.foreign(path, made, json.loads(json.dumps(work)))
    if wrong:
        raise wrong
    if count != num_rows:
        raise DataError(path, None, f"has {count} whole rows: expected {num_rows}; run the part again")


def is_finished(path, work, num_rows):
    """Returns whether `check_finished` finds nothing wrong."""
    try:
        check_finished(path, work, num_rows)
    except DataError:
        return False
    return True


def rows(path):
    """Yields the rows of a Journal's file, in the order of the work."""
    with open(path, encoding="utf-8") as file:
        next(file)
        for line in file:
            yield json.loads(line)


def _work_of(line):
    """Returns the work that the first line of a file says; None where it says none."""
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return head["work"] if isinstance(head, dict) and isinstance(head.get("work"), dict) else None
