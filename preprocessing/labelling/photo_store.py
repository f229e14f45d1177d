"""The photos of a split that is being made: each is checked, and stored under its hash as the published data are."""

import contextlib
import dataclasses
import hashlib
import os
from typing import Optional

from base.errors import DataError
from preprocessing.data import photos

SEVERAL = "several"  # the folder of photos of several garments, which may be of different categories


@dataclasses.dataclass
class _Known:
    """A photo that a garment asked for: its file, its size, and its image_id as soon as it is stored."""

    path: str
    size: tuple[int, int]
    image_id: Optional[str] = None


class PhotoStore:
    """The photos in a split's folder.

    Args:
        folder: of the split.
        files: the photo_files.PhotoFiles to find them in.
        links: whether photos that are kept as they are become links to their files; else copies.
    """

    def __init__(self, folder, files, links):
        self._folder, self._files, self._links = folder, files, links
        self._known: dict[str, Optional[_Known]] = {}  # None: of a photo that cannot be used, which was said
        self._first_names: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        self._last = (None, None)  # the path and the Photo that was read last: a photo's garments mostly come together

    @property
    def count(self):
        """How many photos are stored."""
        return len(self._first_names)

    @property
    def names(self):
        """The stored photos, [(image_id, path below the folder of the photos)], as they came."""
        return list(self._paths.items())

    def size(self, garment):
        """Returns (width, height) of a garment's photo; None where it cannot be used, which an earlier error said.

        Raises:
            DataError: the photo is missing, damaged, or of another size than the one that was labelled.
        """
        if garment.photo not in self._known:
            self._known[garment.photo] = None
            path = self._files.find(garment)
            self._known[garment.photo] = _Known(path, self._read(path).size)
        known = self._known[garment.photo]
        if known and garment.size and known.size != garment.size:
            what = "{} has {}x{} pixels, its labels are for {}x{}: expected the photo that was labelled"
            name = garment.photo.rsplit("/", 1)[-1]
            raise DataError(garment.file, garment.where, what.format(name, *known.size, *garment.size))
        return known and known.size

    def store(self, garment, folder):
        """Stores the photo of a garment, of which `size` was asked; returns its image_id.

        Args:
            garment: a labelled.Garment.
            folder: the folder of the photo below `Images`, a category or SEVERAL.

        Raises:
            DataError: it is the same photo, byte for byte, as one of another name.
        """
        known = self._known[garment.photo]
        if known.image_id is None:
            photo = self._read(known.path)
            digest = hashlib.md5(photo.encoded).hexdigest()
            other = self._first_names.setdefault(digest, garment.photo)
            if other != garment.photo:
                what = f"{garment.photo} is the photo {other}, byte for byte: expected each photo once"
                raise DataError(garment.file, garment.where, what)
            image_id = f"Images/{folder}/{digest}.jpg"
            self._write(image_id, known.path, photo)
            known.image_id = image_id
            self._paths[image_id] = self._files.relative(known.path)
        return known.image_id

    def _read(self, path):
        if self._last[0] != path:
            self._last = (path, photos.read(path))
        return self._last[1]

    def _write(self, image_id, source, photo):
        target = os.path.join(self._folder, image_id)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if self._links and photo.remark is None and _link(os.path.realpath(source), target):
            return
        with open(target, "wb") as file:
            file.write(photo.encoded)


def _link(source, target):
    """Makes a hard link; returns whether it could: not to another file system.

    A symbolic one would lead out of the split, which the programs that read a data set refuse.
    """
    with contextlib.suppress(OSError, NotImplementedError):
        os.link(source, target)
        return True
    return False
