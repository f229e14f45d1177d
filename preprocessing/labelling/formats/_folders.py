"""What the formats share that are folders of files."""

import glob
import os

from base.errors import DataError
from preprocessing.labelling.labelled import head


def files(folder, pattern):
    """Returns the paths of the files below a folder whose names fit a pattern, in alphabetical order."""
    return sorted(glob.glob(os.path.join(glob.escape(folder), "**", pattern), recursive=True))


def of_labels(path, pattern, expected):
    """Returns the files of labels: those below a folder that fit a pattern, or the one file that was named.

    Raises:
        DataError: the folder has none.
    """
    found = files(path, pattern) if os.path.isdir(path) else [path]
    if not found:
        raise DataError(path, None, f"has no {pattern[1:]} file: expected {expected}")
    return found


def first_head(folder, pattern):
    """Returns the beginning of the first such file; an empty text where there is none."""
    found = files(folder, pattern)
    return head(found[0]) if found else ""
