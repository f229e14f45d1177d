"""What the rooms log, as lines of a program: the message alone, on stderr.

The rooms log through `logging` and never print, so that whoever uses them as a library decides what becomes of it.
"""

import logging
import sys

_ROOMS = ("base", "net", "preprocessing", "utility", "tools")


def show():
    """Shows what the rooms log from INFO on; a second call changes nothing."""
    for room in _ROOMS:
        logger = logging.getLogger(room)
        logger.setLevel(logging.INFO)
        logger.propagate = False  # an application's own handlers would show it a second time
        if not any(isinstance(handler, _Lines) for handler in logger.handlers):
            logger.addHandler(_Lines())


class _Lines(logging.Handler):
    """Writes messages to what stderr is at the time."""

    def emit(self, record):
        # Errors come through, unlike those of logging's own handlers: whose reader has left wants the program to end.
        print(record.getMessage(), file=sys.stderr, flush=True)
