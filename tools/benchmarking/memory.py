"""The memory of this process."""

import resource
import sys


def peak_mib():
    """Returns the most memory that this process has held at a time, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024))  # macOS counts bytes, Linux KiB
