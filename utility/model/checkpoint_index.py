"""The check of a checkpoint's index before TensorFlow opens it, whose C++ ends the process at an index that lies.

The index is a table of leveldb's form: blocks of (key, value), the keys written as what they add to the one before;
its footer says where the block of the blocks' places is (tensorflow/tsl/lib/io/format.h). The value of the key "" is
a BundleHeaderProto, any other a BundleEntryProto (tensorflow/core/protobuf/tensor_bundle.proto). TensorFlow checks the
blocks' checksums itself.
"""

import glob
import math
import os

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import tensor_bundle_pb2

_FOOTER, _MAGIC, _TRAILER = 48, 0xDB4775248B80FB57, 5
_LARGEST = 1 << 28  # bytes: millions of variables


def check(prefix):
    """Checks that every variable which the index names lies within the checkpoint's data.

    Args:
        prefix: of the checkpoint.

    Raises:
        ValueError: it does not, or the index is damaged.
        OSError: a file cannot be read.
    """
    if os.path.getsize(f"{prefix}.index") > _LARGEST:
        raise ValueError(f"its index is larger than {_LARGEST} bytes")
    with open(f"{prefix}.index", "rb") as file:
        data = file.read()
    try:
        entries = list(_entries(data))
        if not entries or entries[0][0] != b"":
            raise ValueError("its index has no header")
        header = tensor_bundle_pb2.BundleHeaderProto.FromString(entries[0][1])
        sizes = _sizes(prefix, header.num_shards)
        for name, value in entries[1:]:
            _check_entry(name, tensor_bundle_pb2.BundleEntryProto.FromString(value), sizes)
    except (DecodeError, IndexError, OverflowError) as error:
        raise ValueError(f"its index is damaged: {error}") from error


def _sizes(prefix, num_shards):
    """Returns the size of each shard of the data."""
    names = sorted(glob.glob(f"{glob.escape(prefix)}.data-*"))
    if names != [f"{prefix}.data-{number:05d}-of-{num_shards:05d}" for number in range(len(names))]:
        raise ValueError("its data are not those that the index names")
    if len(names) != num_shards:
        raise ValueError(f"it has {len(names)} of {num_shards} files of data")
    return [os.path.getsize(name) for name in names]


def _check_entry(name, entry, sizes):
    text = name.decode("utf-8")
    dimensions = [dimension.size for dimension in entry.shape.dim]
    if entry.slices or entry.shape.unknown_rank or len(dimensions) > 8 or min(dimensions, default=0) < 0:
        raise ValueError(f"{text!r} has no shape that a variable has")
    try:
        kind = tf.dtypes.as_dtype(entry.dtype)
    except TypeError as error:
        raise ValueError(f"{text!r} is of a kind that no variable has") from error
    is_number = kind.is_floating or kind.is_integer or kind.is_bool
    least = math.prod(dimensions) * (kind.size if is_number else 1)
    right = entry.size == least if is_number else kind == tf.string and entry.size >= least
    if not (right and 0 <= entry.shard_id < len(sizes) and 0 <= entry.offset <= sizes[entry.shard_id] - entry.size):
        raise ValueError(f"{text!r} does not lie within the data")


def _entries(data):
    """Yields (key, value) of a table."""
    footer = data[-_FOOTER:]
    if len(footer) < _FOOTER or int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise ValueError("its index is cut or is none")
    _, _, place = _handle(footer, 0)
    offset, size, _ = _handle(footer, place)
    for _, value in _block(data, offset, size):
        offset, size, _ = _handle(value, 0)
        yield from _block(data, offset, size)


def _handle(data, place):
    offset, place = _varint(data, place)
    size, place = _varint(data, place)
    return offset, size, place


def _block(data, offset, size):
    """Yields (key, value) of a block."""
    block = data[offset : offset + size]
    if offset + size + _TRAILER > len(data) - _FOOTER or size < 4 or data[offset + size] != 0:
        raise ValueError("its index has a block that is cut or packed")
    end = size - 4 * (1 + int.from_bytes(block[-4:], "little"))
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        added, place = _varint(block, place)
        length, place = _varint(block, place)
        if shared > len(key) or place + added + length > end:
            raise ValueError("its index has an entry that is cut")
        key = key[:shared] + block[place : place + added]
        yield key, block[place + added : place + added + length]
        place += added + length
    if place != end:
        raise ValueError("its index has a block of another length")


def _varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > 63:
            raise ValueError("its index has a number that is too long")
