"""How far a long work has come: a bar on a terminal, a plain line now and then in a log."""

import logging
import time

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10

_log = logging.getLogger(__name__)


class Progress:
    """Counts the steps of a work, within a `with` block; silent where nobody listens to this module's log."""

    def __init__(self, unit, total):
        self._unit, self._total, self._done = unit, total, 0
        is_heard = _log.isEnabledFor(logging.INFO)
        self._bar = tqdm(total=total, unit=f" {unit}", disable=None if is_heard else True, leave=False)
        self._last_line, self._done_then = time.monotonic(), 0

    def step(self):
        """Notes that one more of them is done."""
        self._done += 1
        self._bar.update()
        now = time.monotonic()
        if self._bar.disable and now > self._last_line + _SECONDS_BETWEEN_LINES:
            # By the pace since the last line: what an earlier run had done is counted within a moment.
            left = (self._total - self._done) * (now - self._last_line) / (self._done - self._done_then)
            _log.info("%d of %d %s, %.1f minutes left", self._done, self._total, self._unit, left / 60)
            self._last_line, self._done_then = now, self._done

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()
