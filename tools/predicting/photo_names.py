"""Photos by the names that other programs have for them: paths below another folder, bare names, stems, numbers."""

import collections
import posixpath
import unicodedata


class PhotoNames:
    """The photos among which names are looked for.

    Args:
        photos: {path: name}, each name the path from the folder that was given, `/` between folders.
    """

    def __init__(self, photos: dict[str, str]) -> None:
        self._by_spelling: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
        for path, name in photos.items():
            name = _plain(name)
            for spelling in _spellings(posixpath.basename(name)):
                self._by_spelling[spelling].append((path, name))

    def find(self, name: str) -> list[str]:
        """Returns the paths of the photos that a name may stand for: one, if all is well.

        The name is that of a file, with or without its ending; of a number, also without its leading zeros. The folders
        before it must be those before the photo, as far as both are known.
        """
        name = _plain(name)
        folder, base = posixpath.split(name)
        found = self._by_spelling.get(base, [])
        exact = [path for path, own in found if own == name]
        return exact or [path for path, own in found if _agree(folder, posixpath.dirname(own))]


def _plain(name: str) -> str:
    """Returns the one spelling of a path; macOS writes letters and their accents apart."""
    return posixpath.normpath(unicodedata.normalize("NFC", name))


def _spellings(base: str) -> set[str]:
    stem = posixpath.splitext(base)[0]
    return {base, stem, *([str(int(stem))] if stem.isascii() and stem.isdigit() else [])}


def _agree(one: str, other: str) -> bool:
    """Returns whether the shorter of two folders is the end of the longer one."""
    short, long = sorted(([part for part in folder.split("/") if part] for folder in (one, other)), key=len)
    return not short or long[-len(short) :] == short
