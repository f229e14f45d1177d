"""What a flag names that takes a file or folder, or several with commas between."""

import os


def listed(text):
    """Returns the paths that a flag names; a name with a comma is one where there is such a file or folder."""
    return [text] if os.path.exists(text) else text.split(",")
