"""The list of what --skip_bad left out: a line for each fault, in a file beside what was made of the rest."""

import os

from base.errors import one_line
from base.files import atomic_write
from base.remote import places

NAME = "skipped.txt"


def write(folder, faults):
    """Writes the faults, errors or texts, to the list in a folder; raises DataError where that cannot be."""
    with atomic_write(os.path.join(folder, NAME), encoding="utf-8") as file:
        file.write("".join(f"{one_line(places.shown(str(fault)))}\n" for fault in faults))
