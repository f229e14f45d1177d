"""Whether a file is what a store says that it has sent: the store's checksum is in the tag of the object, or is not."""

import base64
import hashlib
import os
import re

_BLOCK = 1 << 20
_MOST_PARTS = 10_000
# In which clients upload large objects, MiB: S3's tag of one is made of the parts' checksums.
_PART_SIZES = (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 500, 512, 1024)


def md5(path):
    """Returns the MD5 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return _md5(file).hexdigest()


def _md5(file, most=None):
    digest, left = hashlib.md5(usedforsecurity=False), most
    while block := file.read(_BLOCK if left is None else min(_BLOCK, left)):
        digest.update(block)
        left = left and left - len(block)
        if left == 0:
            break
    return digest


def fits(path, tag):
    """Returns whether a file has the checksum that an object's tag holds; None where it holds none that is known.

    Args:
        path: the file.
        tag: S3's ETag (the MD5, or that of the parts' MD5s and their number), or GCS's md5Hash (base64).
    """
    tag = tag.strip('"')
    if re.fullmatch("[0-9a-f]{32}", tag):
        return md5(path) == tag
    if re.fullmatch("[A-Za-z0-9+/]{22}==", tag):
        return base64.b64encode(bytes.fromhex(md5(path))).decode() == tag
    if match := re.fullmatch(r"([0-9a-f]{32})-(\d{1,5})", tag):
        return _fits_parts(path, match[1], int(match[2]))
    return None


def _fits_parts(path, expected, count):
    """Returns True where some usual size of the parts gives the checksum; None else: the size may be another."""
    size = os.path.getsize(path)
    for part in (mebibytes << 20 for mebibytes in _PART_SIZES):
        if 0 < count <= _MOST_PARTS and -(-size // part) == count:
            with open(path, "rb") as file:
                whole = hashlib.md5(usedforsecurity=False)
                for _ in range(count):
                    whole.update(_md5(file, part).digest())
            if whole.hexdigest() == expected:
                return True
    return None
