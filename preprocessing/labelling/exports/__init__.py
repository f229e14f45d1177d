"""What is written for other tools: a file each, named as the format is (`--label_format=<name>`).

A format's file has

    IS_FOLDER: whether the output is a folder; else it is one file.
    FLAGS: those of tools/export_labels.py that only some formats have a use for, this one among them.
    write(export, output): writes an `exported.Export`, whole or not at all, with one photo at a time in memory. Raises
        DataError, DataErrors; OSError where the disk is full.
    interface(schema): returns the text that makes the tool show what `write` writes; only of tools that need one.
"""

from base import listing

FORMATS = listing.modules(__path__)


def load(name):
    """Returns the module of a format, by one of FORMATS.

    Raises:
        DataError: its file has an error.
    """
    return listing.load(__name__, name, "IS_FOLDER", "write")
