"""The files of labelled photos, found by the paths that an export has for them."""

import collections
import os
import re
import unicodedata

from base.errors import DataError


class PhotoFiles:
    """The files of a folder and its subfolders, and the photos of an export that are to be found among them.

    Args:
        images: the folder.
        named: the likeliest name of each photo of the export, each once.

    Raises:
        DataError: the folder has no file.
    """

    def __init__(self, images, named):
        self._images = os.path.abspath(images)
        self._paths = {}
        for folder, _, names in sorted(os.walk(self._images)):
            for name in names:
                self._paths.setdefault(name, []).append(os.path.join(folder, name))
        if not self._paths:
            raise DataError(images, None, "has no file: expected the folder of the labelled photos")
        self._alike = collections.defaultdict(list)
        for name in self._paths:
            self._alike[_plain(name)].append(name)
        self._num_named = collections.Counter(map(_file_name, named))

    def relative(self, path):
        """Returns a path that `find` returned as it is below the folder, with `/` between folders."""
        return os.path.relpath(path, self._images).replace(os.sep, "/")

    def find(self, garment):
        """Returns the path of the file of a garment's photo.

        Among files of one name the folders decide: those of the photo's path that the export and the disk agree on.
        The folders of a photo whose name is the only one on both sides may differ: an export knows another machine's.

        Raises:
            DataError: there is no such file, or there are several.
        """
        found = []
        for name in garment.names:
            file = _file_name(name)
            similar = [file] if file in self._paths else self._alike.get(_plain(file), [])
            found = [path for one in similar for path in self._paths[one]]
            if len(found) > 1 or (found and self._num_named[_file_name(garment.photo)] > 1):
                found = self._of_the_folders(name, found)
            if found:
                break
        if len(found) != 1:
            what = f"was found {len(found)} times: expected one photo of that name below --images"
            raise DataError(garment.file, garment.where, f"{_file_name(garment.photo)} {what}")
        return found[0]

    def _of_the_folders(self, name, paths):
        """Returns the paths that share the most folders with `name`, where all that can be shared are."""
        wanted = [part for part in _composed(name).split("/") if part][:-1]
        shared = {}
        for path in paths:
            folders = _composed(os.path.dirname(path)).split(os.sep)
            count = len(os.path.commonprefix([wanted[::-1], folders[::-1]]))
            below = _composed(os.path.relpath(os.path.dirname(path), self._images)).split(os.sep)
            if count >= min(len(wanted), 0 if below == ["."] else len(below)):
                shared[path] = count, below == wanted or (below == ["."] and not wanted)
        best = max(shared.values(), default=None)
        return [path for path, value in shared.items() if value == best]


def _file_name(name):
    return name.rsplit("/", 1)[-1]


def _plain(name):
    """Returns what is the same for a file and its copies elsewhere.

    Label Studio keeps an upload without spaces and with few other signs; macOS writes letters and their accents apart.
    """
    return re.sub(r"[^-\w.]", "", _composed(name).strip().replace(" ", "_"))


def _composed(name):
    return unicodedata.normalize("NFC", name)
