"""The formats of labels: a file each, named as the format is (`--label_format=<name>`).

A format's file has

    read(path, schema, notes) -> yields a `labelled.Garment` for each garment of the labels at `path`, a file or a
        folder, as it reads them. What is wrong with a part goes into `notes.faults`, what is passed over is counted
        there; it raises DataError where nothing can be read. It is called twice: see `split`.
    is_like(path, text) -> whether labels look like this format, for those who do not name it. `text` is a file's
        beginning, None for a folder.
    SCHEMA -> the name of the schema of a data set that has its own; other formats have none.
    FLAGS -> those of tools/import_labels.py that only some formats have a use for, this one among them: `category`
        where labels may name none, `partition` where they name several. Formats without either have none.
"""

import os

from base import listing
from base.errors import DataError
from preprocessing.labelling import labelled

FORMATS = listing.modules(__path__)


def load(name):
    """Returns the module of a format, by one of FORMATS.

    Raises:
        DataError: its file has an error.
    """
    return listing.load(__name__, name, "is_like", "read")


def guess(path):
    """Returns the module of the format that labels look like.

    Raises:
        DataError: the labels cannot be read, or look like none or like several.
    """
    text = None if os.path.isdir(path) else labelled.head(path).lstrip()
    like = [name for name in FORMATS if load(name).is_like(path, text)]
    if len(like) == 1:
        return load(like[0])
    if like:
        raise DataError(path, None, f"may be of {' or '.join(like)}: expected --label_format with one of them")
    what = "has no file of labels" if text is None else "is of no known format"
    raise DataError(path, None, f"{what}: expected an export of {', '.join(FORMATS)}")
