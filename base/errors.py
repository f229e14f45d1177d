"""The errors that a user sees as one line each, and the exit code that each stands for."""

import contextlib
import sys

from base.wording import counted


def one_line(text):
    """Returns a text as it can be printed: on one line, control characters (a terminal would obey them) as escapes."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in " ".join(text.split())
    )


class ProgramError(Exception):
    """An error that is reported as lines on stderr, without a traceback."""

    exit_code = 1

    def lines(self):
        """Returns the lines to print, each without the program's name."""
        return [one_line(str(self))]


class DataError(ProgramError):
    """The data, a model or the machine is wrong (exit code 1).

    Args:
        file: the file or folder at fault, as the user named it.
        where: the row, column or key within it, e.g. `line 3, column cuff_left_in`; None for the whole file.
        what: what is wrong, and what was expected.
    """

    def __init__(self, file, where, what):
        self.file, self.where, self.what = str(file), where, what
        super().__init__(self.file, where, what)  # as it was called, so that it travels between processes

    def __str__(self):
        return ": ".join(str(part) for part in (self.file, self.where, self.what) if part is not None)


class DataErrors(ProgramError):
    """Several faults found by one check: a line each, the first `limit` of them, then the count."""

    limit = 20

    def __init__(self, errors):
        self.errors = list(errors)
        super().__init__(f"{len(self.errors)} faults")

    def lines(self):
        shown = [line for error in self.errors[: self.limit] for line in error.lines()]
        hidden = len(self.errors) - len(shown)
        return shown + ([f"… and {counted(hidden, 'more fault')}, {len(self.errors)} in all"] if hidden else [])


class UsageError(ProgramError):
    """The command line is wrong (exit code 2)."""

    exit_code = 2


def complain(program, *lines):
    """Prints what is wrong on stderr, a line each."""
    with contextlib.suppress(OSError):  # nobody may be reading
        for line in lines:
            print(f"{program}: {line}", file=sys.stderr)


@contextlib.contextmanager
def noting(faults):
    """Appends the DataError of the block, or each of its DataErrors, to the list `faults`, and goes on behind it."""
    try:
        yield
    except DataErrors as error:
        faults += error.errors
    except DataError as error:
        faults.append(error)
