"""Folders under a name that TensorFlow's savers can take: they look files up by pattern, and `[`, `*`, `?` are one."""

import atexit
import functools
import glob
import os
import shutil
import tempfile

_PATTERN = frozenset("[]*?\\")


def plain(path):
    """Returns a path to the same folder or checkpoint that is no pattern: through links, where it is one.

    What a user reads names the path itself. The links go when the process ends.

    Args:
        path: of a folder, or a checkpoint's prefix such as FOLDER/model.ckpt-5.
    """
    path = os.fspath(path)
    if not _PATTERN & set(os.path.abspath(path)):
        return path
    if os.path.isdir(path):
        return _link(os.path.abspath(path))
    folder, name = os.path.split(os.path.abspath(path))
    if _PATTERN & set(name):
        return _link_checkpoint(os.path.join(folder, name))
    return os.path.join(_link(folder), name)


@functools.cache
def _link(folder):
    link = os.path.join(_new_folder(), "folder")
    os.symlink(folder, link, target_is_directory=True)
    return link


def _link_checkpoint(prefix):
    link = os.path.join(_new_folder(), "model.ckpt")
    for file in glob.glob(f"{glob.escape(prefix)}.*"):
        os.symlink(file, link + file[len(prefix) :])
    return link


def _new_folder():
    folder = tempfile.mkdtemp(prefix="model.")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
