"""What the formats share that are folders of files."""

import glob
import os

from preprocessing.labelling.labelled import head


def files(folder, pattern):
    """Returns the paths of the files below a folder whose names fit a pattern, in alphabetical order."""
    return sorted(glob.glob(os.path.join(glob.escape(folder), "**", pattern), recursive=True))


def first_head(folder, pattern):
    """Returns the beginning of the first such file; an empty text where there is none."""
    found = files(folder, pattern)
    return head(found[0]) if found else ""
