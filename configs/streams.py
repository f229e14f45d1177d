"""stdin, stdout and stderr of a program that was started without them, or whose reader has left."""

import os
import select
import sys


def open_closed():
    """Gives the program a stdin, stdout and stderr where it was started without one, as daemons are."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # It gets the lowest free number, the stream's own, or C code would print into what is opened next.
            opened = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(opened, True)  # as streams are: processes that this one starts have them, too
            setattr(sys, name, open(opened, "r" if number == 0 else "w"))  # noqa: SIM115 (for all of the program)


def drop_abandoned():
    """Points stdout and stderr elsewhere where their readers have left; returns whether one had.

    Python writes what they still hold when it ends, and would complain.
    """
    abandoned = [stream for stream in (sys.stdout, sys.stderr) if _is_abandoned(stream)]
    for stream in abandoned:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(abandoned)


def _is_abandoned(stream):
    """Returns whether a stream is a pipe or a socket that nobody reads any more."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # no file behind it
        return False
