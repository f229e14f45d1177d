"""Which photos are held out together, and what a folder of their predictions belongs to."""

import collections
import glob
import hashlib
import json
import os

from base.errors import DataError
from base.files import atomic_write, remove
from preprocessing.data import annotations
from preprocessing.data.conversion_plan import name_in_data

_WORK = "work.json"  # what the folder's predictions were made of


def deal(rows, count):
    """Returns the number of the fold, from 0 on, of each row.

    Every category is shared out evenly, and all garments of a photo are in one fold. A photo's fold depends on the
    names of the photos alone, not on their order.

    Args:
        rows: a list of conversion_plan.Row.
        count: of the folds.

    Raises:
        DataError: there are fewer photos than folds.
    """
    names = [annotations.plain_id(name_in_data(row)) for row in rows]
    categories = collections.defaultdict(set)
    for name, row in zip(names, rows):
        categories[name].add(row.category)
    if len(categories) < count:
        what = f"has {len(categories)} photos: expected one for each fold at least, {count}"
        raise DataError(rows[0].csv if rows else "the data", None, what)
    dealt = sorted(categories, key=lambda name: (sorted(categories[name]), hashlib.sha256(name.encode()).digest()))
    fold = {name: number % count for number, name in enumerate(dealt)}
    return [fold[name] for name in names]


def claim(folder, work):
    """Notes in a folder, made when missing, what its predictions are made of; the same work goes on there.

    Where a former work has not come to a checkpoint of its first training, what it left is removed.

    Args:
        folder: path.
        work: a dict of JSON values.

    Raises:
        DataError: the folder holds predictions of another work, or cannot be read or written.
    """
    path = os.path.join(folder, _WORK)
    work = json.loads(json.dumps(work))
    former = _read(path)
    changed = sorted(name for name in {*work, *former} if work.get(name) != former.get(name))
    if changed and _is_begun(folder):
        what = f"the predictions in this folder are of other {', '.join(changed)}"
        raise DataError(path, None, f"{what}: expected the same; remove it, or name another by --output_dir")
    if changed:
        for left_over in glob.glob(os.path.join(glob.escape(folder), "fold_*")):
            remove(left_over)
        with atomic_write(path, encoding="utf-8") as file:
            json.dump(work, file, indent=1, sort_keys=True)


def _read(path):
    if not os.path.lexists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file))
    except (OSError, ValueError, TypeError) as error:
        what = f"cannot be read ({error}): expected what an earlier run wrote; --output_dir names another folder"
        raise DataError(path, None, what) from error


def _is_begun(folder):
    results = ("found.csv", os.path.join("models", "*", "checkpoint"))
    return any(glob.glob(os.path.join(glob.escape(folder), "fold_*", name)) for name in results)


def digest(rows):
    """Returns a text that differs for other annotations."""
    content = hashlib.sha256()
    for row in rows:
        points = None if row.points is None else (row.points.tolist(), row.visibility.tolist())
        content.update(repr((name_in_data(row), row.category, row.box, points)).encode())
    return content.hexdigest()
