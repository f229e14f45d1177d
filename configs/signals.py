"""Ctrl-C and SIGTERM as exceptions, and the exit codes that shells know them by."""

import signal
import sys
import threading

INTERRUPTED, TERMINATED = 130, 143


class Signals:
    """Lets Ctrl-C and SIGTERM end the program as exceptions do, so that temporary files go and locks are released.

    Attributes:
        exit_code: that of the signal that came; None before.
    """

    def __init__(self):
        self.exit_code = None

    def handle(self):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._interrupt)
            signal.signal(signal.SIGTERM, self._terminate)

    def _interrupt(self, *_):
        self.exit_code = INTERRUPTED
        raise KeyboardInterrupt

    def _terminate(self, *_):
        self.exit_code = TERMINATED
        sys.exit(TERMINATED)
