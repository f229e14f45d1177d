"""Reads the tensors of a PyTorch `.pth` file without PyTorch, and without running what the file says.

A `.pth` file is a pickle, and a pickle is a program: it may call anything. Here it can call nothing but the few
functions below, which note what a tensor looks like; its numbers are then read as plain bytes. Both forms are read:
the zip archive (PyTorch 1.6 and later) and the sequence of pickles before it.
"""

import collections
import io
import math
import pickle
import struct
import zipfile
from typing import NamedTuple

import numpy as np

from configs.errors import DataError

_MAGIC = 0x1950A86A20F9469CFC6C  # what the older form begins with
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


class _Storage(NamedTuple):
    """A run of numbers in the file, which tensors are views of."""

    key: str
    dtype: str
    length: int


class _Tensor(NamedTuple):
    """A tensor as the pickle describes it: where it begins in its storage, and its shape and strides in elements."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def _rebuild_tensor(storage, offset, shape, strides, *_):
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor, *_):
    return tensor


_FUNCTIONS = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
}


class _Unpickler(pickle.Unpickler):
    """Knows no function but the above; tensors come out as `_Tensor`."""

    def find_class(self, module, name):
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) in _FUNCTIONS:
            return _FUNCTIONS[module, name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no tensor needs")

    def persistent_load(self, pid):
        kind, dtype, key, _, length = pid[:5]
        if kind != "storage" or dtype not in _STORAGES.values() or not isinstance(length, int):
            raise pickle.UnpicklingError(f"it refers to an unknown {kind!r}")
        return _Storage(str(key), dtype, length)


def read(path):
    """Reads the tensors of a state dict, or of one inside a checkpoint (`state_dict`, `model`).

    Args:
      path: a `.pth` or `.pt` file, as `torch.save` writes it.

    Returns:
      {name: float32 array} of its tensors of floats (the others count training steps).

    Raises:
      DataError: it is no such file, it is broken, or it holds more than tensors.
    """
    try:
        described, data = _read_archive(path) if zipfile.is_zipfile(path) else _read_sequence(path)
        arrays = {name: _array(tensor, data) for name, tensor in _state_dict(described).items()}
        return {name: array.astype(np.float32) for name, array in arrays.items() if array.dtype.kind == "f"}
    except OSError as error:
        raise DataError(path, None, f"cannot be read: {error.strerror}") from error
    except DataError:
        raise
    except Exception as error:  # a hostile or cut pickle can end in anything
        raise DataError(path, None, f"is no state dict of PyTorch that can be read safely: {error}") from error


def _read_archive(path):
    with zipfile.ZipFile(path) as archive:
        pickled = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        if pickled is None:
            raise ValueError("it has no data.pkl")
        folder = pickled[: -len("data.pkl")]
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("its numbers are big-endian")
        described = _Unpickler(io.BytesIO(archive.read(pickled))).load()
        keys = {tensor.storage.key for tensor in _state_dict(described).values()}
        return described, {key: archive.read(f"{folder}data/{key}") for key in keys}


def _read_sequence(path):
    """Reads the older form: pickles of magic number, version, system, object and keys, then each storage's bytes."""
    with open(path, "rb") as file:
        if _Unpickler(file).load() != _MAGIC:
            raise ValueError("it does not begin as one")
        _Unpickler(file).load()  # the version
        if not _Unpickler(file).load().get("little_endian"):
            raise ValueError("its numbers are big-endian")
        described = _Unpickler(file).load()
        keys = _Unpickler(file).load()
        sizes = {
            tensor.storage.key: np.dtype(tensor.storage.dtype).itemsize for tensor in _state_dict(described).values()
        }
        data = {}
        for key in keys:
            (length,) = struct.unpack("<q", file.read(8))
            if key not in sizes:
                raise ValueError(f"storage {key} belongs to no tensor")
            data[key] = file.read(length * sizes[key])
    return described, data


def _state_dict(described):
    """Returns {name: _Tensor} of a state dict that may lie inside a checkpoint."""
    for key in ("state_dict", "model"):
        if isinstance(described, dict) and isinstance(described.get(key), dict):
            described = described[key]
    if not isinstance(described, dict):
        raise ValueError("it holds no dict of tensors")
    tensors = {name: value for name, value in described.items() if isinstance(value, _Tensor)}
    if not tensors:
        raise ValueError("it holds no tensors by name")
    return tensors


def _array(tensor, data):
    """Returns the array that a tensor describes, checked to lie within its storage."""
    storage, offset, shape, strides = tensor
    numbers = np.frombuffer(data[storage.key], storage.dtype)
    if not all(isinstance(number, int) and number >= 0 for number in (offset, *shape, *strides)):
        raise ValueError("a tensor's shape is not of whole numbers")
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides))
    size = math.prod(shape)
    if len(shape) != len(strides) or size > len(numbers) or (size and last >= len(numbers)):
        raise ValueError("a tensor reaches beyond its numbers")
    steps = [stride * numbers.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps).copy()
