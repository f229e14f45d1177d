"""Folders under a name that TensorFlow's savers can take: they look files up by pattern, and `[`, `*`, `?` are one."""

import atexit
import functools
import os
import shutil
import tempfile

_PATTERN = frozenset("[]*?\\")


def plain(path):
    """Returns a path to the same file or folder whose folders are no pattern: through a link, where they are one.

    What a user reads names the path itself. The links go when the process ends.

    Args:
        path: of a folder, or a prefix such as FOLDER/model.ckpt-5, whose last part is no pattern.
    """
    if not _PATTERN & set(os.path.abspath(path)):
        return path
    if os.path.isdir(path):
        return _link(os.path.abspath(path))
    return os.path.join(_link(os.path.abspath(os.path.dirname(path))), os.path.basename(path))


@functools.cache
def _link(folder):
    place = tempfile.mkdtemp(prefix="model.")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    link = os.path.join(place, "folder")
    os.symlink(folder, link, target_is_directory=True)
    return link
