"""The FashionAI folder layout: splits, their CSV, and the photos that its rows name.

DATA_DIR/train_0/Annotations/annotations.csv     train_0/Images/<category>/<hash>.jpg
DATA_DIR/test_0/test.csv                         test_0/Images/<category>/<hash>.jpg
"""

import functools
import os
import re

from base import files
from base.errors import DataError, UsageError
from preprocessing.data.annotations import shown

_KINDS = ("train", "test")


def list_splits(data_dir, names=None):
    """Returns the paths of the splits of a data set, which are all train splits or all test splits.

    Args:
        data_dir: the folder of the data set.
        names: the splits to take; None for every `train_*`.

    Raises:
        DataError: no such folder or split.
        UsageError: train and test splits together.
    """
    try:
        there = sorted(
            name for name in files.names(data_dir) if _kind(name) and files.is_dir(os.path.join(data_dir, name))
        )
    except OSError as error:
        what = f"cannot be read ({error.strerror}): expected a folder with train_0, test_0, …"
        raise DataError(data_dir, None, what) from error
    if names is None:
        names = [name for name in there if _kind(name) == "train"]
    if not names:
        what = f"has no train split (it has {', '.join(there) or 'none'}): expected train_0; --splits names others"
        raise DataError(data_dir, None, what)
    for name in names:
        if name not in there:
            what = f"has no split {shown(name)}: expected one of {', '.join(there) or 'none'}"
            raise DataError(data_dir, None, what)
    if len({_kind(name) for name in names}) > 1:
        raise UsageError(f"--splits={','.join(names)}: train and test splits: expected one call for either kind")
    return [os.path.join(data_dir, name) for name in names]


def _kind(name):
    match = re.fullmatch(r"(train|test)(_.+)?", name)
    return match and match[1]


def is_labelled(split):
    """Returns whether a split is for training: its photos come with keypoints."""
    return _kind(os.path.basename(os.path.normpath(split))) == "train"


def find_csv(split):
    """Returns the path of a split's CSV: the one in `Annotations/` of a train split, `test.csv` of a test split.

    Raises:
        DataError: there is none, or more than one.
    """
    if is_labelled(split):
        folder = os.path.join(split, "Annotations")
        names = files.names(folder) if files.is_dir(folder) else []
        found = sorted(name for name in names if name.endswith((".csv", ".csv.gz")) and not name.startswith("."))
        found = [os.path.join(folder, name) for name in found]
    else:
        folder = split
        found = [
            path
            for path in (os.path.join(split, "test.csv"), os.path.join(split, "test.csv.gz"))
            if files.is_file(path)
        ]
    if len(found) == 1:
        return found[0]
    if not found:
        wanted = "one CSV file" if is_labelled(split) else "test.csv"
        raise DataError(folder, None, f"has no CSV: expected {wanted}")
    names = ", ".join(os.path.basename(path) for path in found)
    raise DataError(folder, None, f"has {len(found)} CSV files ({names}): expected one")


def photo_path(split, image_id):
    """Returns the path of a photo, and what is wrong with where it leads: None, or a text.

    A link may not lead out of the split: a CSV from elsewhere shall not copy a machine's own files into records.
    """
    path = os.path.join(split, image_id)
    place = os.path.realpath(path) if os.path.islink(path) else _real_folder(os.path.dirname(path)) + os.sep
    if not place.startswith(_real_folder(split) + os.sep):
        return path, "is a link that leads out of its split: expected a photo inside it"
    return path, None


@functools.lru_cache(maxsize=1024)
def _real_folder(path):
    return os.path.realpath(path)
