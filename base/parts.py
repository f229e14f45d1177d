"""A long work in parts, to be run anywhere in any order: which pieces are whose, and where what is done waits.

The parts of a result lie in a folder beside it, `.<name>.parts`, or in it, where it is a folder: all who work on it see
the same disk. A part has its name, `2-of-7`, when it is whole.
"""

import itertools
import os
import re
from typing import NamedTuple

from base.errors import DataError, UsageError
from base.wording import counted

_NAME = re.compile(r"(\d+)-of-(\d+)")
MOST = 100_000  # parts of a work


class Part(NamedTuple):
    """Part `number`, from 1, of `of` parts."""

    number: int
    of: int

    def __str__(self):
        return f"{self.number}/{self.of}"


def shares(of, sizes):
    """Returns for each of `of` parts the range of its pieces, of a work in pieces of these sizes.

    Each piece is one part's, and parts are neighbours, so that the pieces of part 1, 2, … are those of the whole in its
    order. Their sums are as equal as the pieces allow; where there are fewer pieces than parts, some are empty.
    """
    total, passed = sum(sizes), 0
    counts = [0] * of
    for size in sizes:
        counts[passed * of // total] += 1
        passed += size
    ends = list(itertools.accumulate(counts))
    return [range(end - count, end) for count, end in zip(counts, ends)]


def parse(text):
    """Returns the Part that `I/N` names; raises UsageError where it names none."""
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    part = Part(int(match[1]), int(match[2])) if match else None
    if part is None or not 1 <= part.number <= part.of <= MOST:
        expected = f"expected I/N, the number of a part from 1 to N and the number of all parts, {MOST} at most"
        raise UsageError(f"--shard={text}: {expected}")
    return part


def folder_beside(output):
    """Returns the folder of the parts of a file."""
    return os.path.join(os.path.dirname(os.path.abspath(output)), f".{os.path.basename(output)}.parts")


def folder_in(output_dir):
    """Returns the folder of the parts of a folder."""
    return os.path.join(output_dir, ".parts")


def place(folder, part):
    """Returns the path of a part in the folder of all."""
    return os.path.join(folder, f"{part.number}-of-{part.of}")


def complete(folder):
    """Returns all Parts of the one division that lies in a folder, in order.

    Raises:
        DataError: there is none, one is missing, there are parts of several divisions, or what is no part.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        names = []
    found = {}
    for name in names:
        match = _NAME.fullmatch(name)
        part = Part(*map(int, match.groups())) if match else None
        if part is None or not 1 <= part.number <= part.of <= MOST or place(folder, part) != os.path.join(folder, name):
            raise DataError(os.path.join(folder, name), None, "is no part: expected names such as 2-of-7 and no others")
        found.setdefault(part.of, []).append(part)
    if not found:
        raise DataError(folder, None, "has no part: expected those of --shard=1/N to --shard=N/N, run before --merge")
    (of, own), *others = sorted(found.items())
    if others:
        other = others[0][1][0]
        what = f"is part {other}, and {place(folder, own[0])} is part {own[0]}: expected parts of one division, remove"
        raise DataError(place(folder, other), None, f"{what} the others")
    missing = sorted({Part(number, of) for number in range(1, of + 1)} - set(own))
    if missing:
        more = f", and {counted(len(missing) - 1, 'more part')}" if len(missing) > 1 else ""
        what = f"is missing{more}: expected --shard={missing[0]} to be done before --merge"
        raise DataError(place(folder, missing[0]), None, what)
    return sorted(own)


def _differences(made, wanted):
    """Returns the names of what is not the same in two dicts of JSON values, such as `photos` and `options.flip`."""
    names = []
    for key in sorted({*made, *wanted}):
        one, other = made.get(key), wanted.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            names += [f"{key}.{name}" for name in _differences(one, other)]
        elif one != other:
            names.append(key)
    return names


def foreign(path, made, wanted):
    """Returns the DataError of a part that is of another work; None where it is of the wanted one.

    Args:
        path: its.
        made, wanted: what says which work it is, dicts of JSON values.
    """
    if made == wanted:
        return None
    names = ", ".join(_differences(made, wanted))
    return DataError(path, None, f"was made with other {names}: expected a part of this very work; run it again")
