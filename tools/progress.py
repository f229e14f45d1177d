"""How far a long work has come: a bar on a terminal, a plain line now and then in a log."""

import sys
import time

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10


class Progress:
    """Counts the steps of a work on stderr, within a `with` block."""

    def __init__(self, unit, total):
        self._unit, self._total, self._done = unit, total, 0
        self._bar = tqdm(total=total, unit=f" {unit}", disable=None, leave=False)
        self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES

    def step(self):
        """Notes that one more of them is done."""
        self._done += 1
        self._bar.update()
        if self._bar.disable and time.monotonic() > self._next_line:
            self._next_line += _SECONDS_BETWEEN_LINES
            print(f"{self._done} of {self._total} {self._unit}", file=sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()
