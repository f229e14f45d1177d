"""The files that tools/predict.py is to predict, and what its results are called."""

import collections
import itertools
import os

from base import files
from base.errors import DataError, UsageError
from base.remote import places
from configs import paths

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
VIDEO_ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")


def is_video(path):
    """Returns whether a file is a video, by its ending."""
    return path.lower().endswith(VIDEO_ENDINGS)


def list_files(image):
    """Returns the paths that --image stands for, folders and lists opened.

    Raises:
        UsageError: a name is empty.
        DataError: there is no such file, a folder without photos, or a list that is no text.
    """
    found = []
    if not all(paths.listed(image)):
        raise UsageError(f"--image={image} names an empty file: expected one, or several with commas between")
    for path in paths.listed(image):
        if files.is_dir(path):
            names = sorted(name for name in files.names(path) if name.lower().endswith(PHOTO_ENDINGS + VIDEO_ENDINGS))
            if not names:
                raise DataError(path, None, f"has no photo: expected files ending in {', '.join(PHOTO_ENDINGS)}")
            found += [os.path.join(path, name) for name in names]
        elif path.lower().endswith(".txt") and files.is_file(path):
            found += _read_list(path)
        elif files.is_file(path):
            found.append(path)
        else:
            raise DataError(path, None, "is missing: expected a photo, a video, a folder or a .txt list")
    return found


def _read_list(path):
    try:
        with open(files.local(path), encoding="utf-8-sig") as file:  # editors of Windows begin a file with a mark
            found = [line.strip() for line in file if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, None, f"cannot be read ({error}): expected a list in UTF-8, one file per line") from error
    if not found:
        raise DataError(path, None, "is empty: expected a list, one file per line")
    return found


def output_names(photos):
    """Returns a name for each file's results: its own without the ending, with it where two would be the same."""
    stems = [os.path.splitext(os.path.basename(path))[0] for path in photos]
    counts = collections.Counter(stems)
    names = [stem if counts[stem] == 1 else os.path.basename(path) for stem, path in zip(stems, photos)]
    taken = set()
    for index, name in enumerate(names):
        numbered = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        names[index] = next(free for free in numbered if free not in taken and (free == name or free not in names))
        taken.add(names[index])
    return names


def check_outputs(photos, outputs):
    """Raises UsageError where a result would take the place of a file that is to be predicted."""
    given = {_place(path) for path in photos}
    for output in outputs:
        for ending in (".json", ".png", ".mp4"):
            if _place(output + ending) in given:
                what = f"--output_dir: the drawn {output + ending} would overwrite the file that it is made from"
                raise UsageError(f"{what}; expected another folder")


def check_folder(image, output_dir):
    """Raises UsageError where the same command would take the pictures that it has drawn for photos."""
    for path in paths.listed(image):
        if files.is_dir(path) and _is_same(path, output_dir):
            what = f"--output_dir={output_dir} is the folder of the photos, among which the drawn pictures would count"
            raise UsageError(f"{what}; expected another folder")


def photos_below(image, output_dir=None):
    """Returns {path: name} of the photos that --image stands for, also those in the subfolders of its folders.

    A name is the path below the folder that was given, or that of a file as it was given; `/` between folders.

    Args:
        image: as for `list_files`.
        output_dir: a folder that is passed over, because it holds drawn pictures; None for none.

    Raises:
        UsageError, DataError: as `list_files`, but a folder may have no photo of its own; there is no photo at all.
    """
    found = {}
    for path in paths.listed(image):
        if files.is_dir(path):
            for folder, below, names in files.walk(path):
                if output_dir is not None:
                    below[:] = [name for name in below if not _is_same(os.path.join(folder, name), output_dir)]
                for name in filter(_is_photo, names):
                    file = os.path.join(folder, name)
                    found[file] = os.path.relpath(file, path).replace(os.sep, "/")
        else:
            found.update({file: file.replace(os.sep, "/") for file in list_files(path) if not is_video(file)})
    if not found:
        raise DataError(image, None, f"has no photo: expected files ending in {', '.join(PHOTO_ENDINGS)}")
    return found


def _is_photo(name):
    return name.lower().endswith(PHOTO_ENDINGS)


def _is_same(one, other):
    return _place(one) == _place(other)


def _place(path):
    return places.shown(os.path.realpath(path))
