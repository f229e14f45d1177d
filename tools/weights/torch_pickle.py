"""Reads the tensors of a PyTorch `.pth` file without PyTorch, and without running what the file says.

A `.pth` file is a pickle, and a pickle is a program: it may call anything. Here it can call nothing but the few
functions below, which note what a tensor looks like; its numbers are then read as plain bytes. Both forms are read:
the zip archive (PyTorch 1.6 and later) and the sequence of pickles before it.
"""

import io
import os
import struct
import zipfile
from typing import NamedTuple

import numpy as np

from tools.weights import bounded, unpickling

_MAGIC = 0x1950A86A20F9469CFC6C  # what the older form begins with
_FLOATS = {"DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BFloat16Storage": bounded.BFLOAT16}
_INTEGERS = {"LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1"}
_STORAGES = {**_FLOATS, **_INTEGERS, "ByteStorage": "<u1", "BoolStorage": "?"}
_MOST_AT_ONCE = 1 << 22  # bytes of a single read; a zip archive's list of its entries, which takes 13 times its size


class _Storage(NamedTuple):
    """A run of numbers in the file, which tensors are views of."""

    key: str
    dtype: str
    length: int

    @property
    def num_bytes(self):
        return self.length * bounded.itemsize(self.dtype)


class _Tensor(NamedTuple):
    """A tensor as the pickle describes it: where it begins in its storage, and its shape and strides in elements."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def _rebuild_tensor(storage, offset, shape, strides, *_):
    if not isinstance(storage, _Storage):
        raise TypeError("a tensor has no storage")
    bounded.check_shape(shape, storage.length)
    bounded.check_shape(strides, float("inf"))
    if len(shape) != len(strides) or not bounded.is_count(offset):
        raise ValueError("a tensor's shape and strides are not of whole numbers, one for each dimension")
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides))
    if 0 not in shape and last >= storage.length:
        raise ValueError("a tensor reaches beyond its numbers")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _size(lengths=()):
    bounded.check_shape(lengths, float("inf"))
    return tuple(lengths)


def _rebuild_parameter(tensor, *_):
    return tensor


def _dict(pairs=()):
    """An OrderedDict: Python 2 gives its items as a list of lists of two."""
    if not all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs):
        raise TypeError("an OrderedDict is not of pairs")
    unpickling.check_keys([key for key, _ in pairs])
    return dict(pairs)


_FUNCTIONS = {
    ("collections", "OrderedDict"): _dict,
    ("torch", "Size"): _size,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    **{("torch", name): dtype for name, dtype in _STORAGES.items()},
}


class _Storages(dict):
    """{key: _Storage} of what a pickle refers to."""

    def __call__(self, pid):
        kind, dtype, key, _, length = pid[:5]
        known = kind == "storage" and isinstance(dtype, str) and dtype in _STORAGES.values()
        if not (known and isinstance(key, str) and bounded.is_count(length)):
            raise ValueError("it refers to what is no storage of numbers")
        storage = _Storage(key, dtype, length)
        if self.setdefault(key, storage) != storage:
            raise ValueError("its tensors differ about a storage")
        return storage


def _unpickle(data, storages=None):
    return unpickling.load(data, _FUNCTIONS, _Storages() if storages is None else storages)


def read(path):
    """Reads the tensors of a state dict, or of one inside a checkpoint (`state_dict`, `model`).

    Args:
      path: a `.pth` or `.pt` file, as `torch.save` writes it.

    Returns:
      {name: float32 array} of its tensors of floats (the others count training steps); arrays may share their numbers.

    Raises:
      DataError: it is no such file, it is broken, or it holds more than tensors.
    """
    with bounded.refusing(path, "state dict of PyTorch"), _Careful(io.FileIO(path)) as file:
        tensors, numbers = _read_archive(file) if zipfile.is_zipfile(file) else _read_sequence(file)
        return {name: _array(tensor, numbers[tensor.storage.key]) for name, tensor in tensors.items()}


class _Careful(io.BufferedReader):
    """A file that refuses to read much at once: `zipfile` reads the list of a zip archive's entries whole."""

    @property
    def size(self):
        return os.fstat(self.fileno()).st_size

    def read(self, size=-1):
        left = self.size - self.tell()
        if (left if size is None or size < 0 else min(size, left)) > _MOST_AT_ONCE:
            raise ValueError("its list of entries is too large")
        return super().read(size)


def _read_archive(file):
    """Returns the tensors of floats by name, and {storage's key: its numbers}."""
    with zipfile.ZipFile(file) as archive:
        pickled = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        if pickled is None:
            raise ValueError("it has no data.pkl")
        folder = pickled[: -len("data.pkl")]
        entry = _entry(archive, f"{folder}byteorder") if f"{folder}byteorder" in archive.namelist() else None
        if entry and (entry.file_size != len("little") or archive.read(entry) != b"little"):
            raise ValueError("its numbers are big-endian")
        entry = _entry(archive, pickled)
        if entry.file_size > unpickling.MOST_BYTES:
            raise ValueError(f"its pickle has {entry.file_size} bytes, expected at most {unpickling.MOST_BYTES}")
        tensors = _state_dict(_unpickle(io.BytesIO(archive.read(entry))))
        storages = {tensor.storage for tensor in tensors.values()}
        if sum(storage.num_bytes for storage in storages) > file.size:
            raise ValueError("its storages are larger than the file")
        return tensors, {storage.key: _read_entry(archive, folder, storage) for storage in storages}


def _entry(archive, name):
    """Returns the ZipInfo of an entry that is as large as it says: PyTorch compresses nothing."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise ValueError(f"its entry {bounded.cut(name)} is compressed")
    return entry


def _read_entry(archive, folder, storage):
    entry = _entry(archive, f"{folder}data/{storage.key}")
    if entry.file_size != storage.num_bytes:
        raise ValueError(f"a storage has {entry.file_size} bytes, expected {storage.num_bytes}")
    with archive.open(entry) as file:
        numbers = bounded.read_floats(file, storage.dtype, storage.length)
        file.read(1)  # the end, where the checksum is compared
    return numbers


def _read_sequence(file):
    """Reads the older form: pickles of magic number, version, system, object and keys, then each storage's bytes."""
    file.seek(0)
    head = io.BytesIO(file.read(unpickling.MOST_BYTES))
    if _unpickle(head) != _MAGIC:
        raise ValueError("it does not begin as one")
    _unpickle(head)  # the version
    if _unpickle(head).get("little_endian") is not True:
        raise ValueError("its numbers are big-endian")
    storages = _Storages()
    tensors = _state_dict(_unpickle(head, storages))
    needed = {tensor.storage.key for tensor in tensors.values()}
    numbers = {}
    keys = _unpickle(head)
    file.seek(head.tell())
    for key in keys:
        storage = storages[key]
        (length,) = struct.unpack("<q", file.read(8))
        if length != storage.length or storage.num_bytes > file.size - file.tell():
            raise ValueError(f"a storage of {storage.length} numbers has {length}, or ends beyond the file")
        if key in needed:
            numbers[key] = bounded.read_floats(file, storage.dtype, length)
        else:
            file.seek(storage.num_bytes, os.SEEK_CUR)
    return tensors, numbers


def _state_dict(described):
    """Returns the tensors of floats by name, of a state dict that may lie inside a checkpoint."""
    for key in ("state_dict", "model"):
        if isinstance(described, dict) and isinstance(described.get(key), dict):
            described = described[key]
    if not isinstance(described, dict):
        raise ValueError("it holds no dict of tensors")
    tensors = {name: value for name, value in described.items() if isinstance(value, _Tensor)}
    if not tensors:
        raise ValueError("it holds no tensors by name")
    return {
        bounded.check_name(name): tensor for name, tensor in tensors.items() if tensor.storage.dtype in _FLOATS.values()
    }


def _array(tensor, numbers):
    """Returns the float32 view of a storage's numbers that a tensor is; numpy checks that it lies within them."""
    size = numbers.itemsize
    steps = [stride * size for stride in tensor.strides]
    return np.ndarray(tensor.shape, np.float32, buffer=numbers, offset=tensor.offset * size, strides=steps)
