"""What the machine gives this process."""

import os


def cores():
    """Returns how many cores this process may use: those it is bound to where the system tells, else the machine's."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
