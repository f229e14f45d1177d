"""What a flag names that takes a file or folder, or several with commas between."""

import os

from base.errors import UsageError


def listed(text):
    """Returns the paths that a flag names; a name with a comma is one where there is such a file or folder."""
    return [text] if os.path.exists(text) else text.split(",")


def check_not_of_data(name, path, data_dir):
    """Refuses an output in the place of a photo or a table of a data set.

    Args:
        name: of the flag.
        path: its value.
        data_dir: the folder of the data set, or of one of its splits.

    Raises:
        UsageError: it is one.
    """
    place, root = os.path.realpath(path), os.path.realpath(data_dir)
    if os.path.isfile(place) and place.startswith(root + os.sep):
        folders = os.path.relpath(place, root).split(os.sep)[:-1]
        if "Images" in folders or place.endswith((".csv", ".csv.gz")):
            raise UsageError(f"--{name}={path} is a file of the data set: expected another")
