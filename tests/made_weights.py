"""Small files of weights of every kind, good ones and hostile ones, made without PyTorch and Keras."""

import io
import json
import pickle
import struct
import zipfile
from typing import Any, NamedTuple

import h5py
import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C


class Global(NamedTuple):
    """A function or type that a pickle names."""

    module: str
    name: str


class Call(NamedTuple):
    """A call of a function with arguments."""

    function: Global
    arguments: Any


class Stored(NamedTuple):
    """What a pickle refers to outside of it."""

    pid: Any


ORDERED = Global("collections", "OrderedDict")


def pickled(value):
    """Returns a pickle of protocol 2 of plain values and of the above, whether or not such functions exist."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value):
    if isinstance(value, Global):
        return f"c{value.module}\n{value.name}\n".encode()
    if isinstance(value, Call):
        return _opcodes(value.function) + _opcodes(value.arguments) + b"R"
    if isinstance(value, Stored):
        return _opcodes(value.pid) + b"Q"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_opcodes, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(_opcodes, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_opcodes(key) + _opcodes(item) for key, item in value.items()) + b"u"
    return pickle.dumps(value, protocol=2)[2:-1]


def tensor(key="0", length=6, offset=0, shape=(2, 3), strides=(3, 1), storage="FloatStorage"):
    """Returns what PyTorch writes for a tensor."""
    pid = ("storage", Global("torch", storage) if isinstance(storage, str) else storage, key, "cpu", length)
    arguments = (Stored(pid), offset, shape, strides, False, Call(ORDERED, ()))
    return Call(Global("torch._utils", "_rebuild_tensor_v2"), arguments)


def zipped(described, storages=None, compressed=None):
    """Returns the bytes of a `.pth` of today.

    Args:
        described: what its pickle holds, or the pickle.
        storages: {key: bytes}.
        compressed: the name of the only compressed entry.
    """
    storages = {"0": np.arange(6, dtype="<f4").tobytes()} if storages is None else storages
    data = described if isinstance(described, bytes) else pickled(described)
    file = io.BytesIO()
    entries = {
        "data.pkl": data,
        "byteorder": b"little",
        **{f"data/{key}": numbers for key, numbers in storages.items()},
    }
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            kind = zipfile.ZIP_DEFLATED if name == compressed else zipfile.ZIP_STORED
            archive.writestr(f"archive/{name}", content, kind)
    return file.getvalue()


def sequence(described, storages=None, lengths=None):
    """Returns the bytes of an older `.pth`. `lengths`: {key: length} that differ from the storages'."""
    storages = {"0": np.arange(6, dtype="<f4").tobytes()} if storages is None else storages
    pickles = (MAGIC, 1001, {"little_endian": True}, described, list(storages))
    parts = [value if isinstance(value, bytes) else pickled(value) for value in pickles]
    for key, numbers in storages.items():
        parts += [struct.pack("<q", (lengths or {}).get(key, len(numbers) // 4)), numbers]
    return b"".join(parts)


def safetensors(header, numbers=bytes(24)):
    """Returns the bytes of a `.safetensors`. `header`: what its JSON holds, or its bytes."""
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(data)) + data + numbers


def entry(dtype="F32", shape=(2, 3), data_offsets=(0, 24)):
    """Returns a tensor of a `.safetensors` header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": data_offsets}


def keras(fill=None, layers=("conv",), weights=("conv/kernel:0", "conv/bias:0"), **options):
    """Returns the bytes of a `.h5` as Keras writes it.

    Args:
        fill: a function(group of the layer `conv`) that makes its datasets; None for good ones.
        layers, weights: the attributes `layer_names` and `weight_names`; None leaves one out.
        options: of h5py.File.
    """
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as root:
        _attribute(root, "layer_names", layers)
        group = root.create_group("conv")
        _attribute(group, "weight_names", weights)
        if fill is None:
            group["conv/kernel:0"] = np.arange(6, dtype="<f4").reshape(2, 3)
            group["conv/bias:0"] = np.ones(3, "<f4")
        else:
            fill(group)
    return file.getvalue()


def _attribute(group, name, value):
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        value = [item.encode() for item in value]
    if value is not None:
        group.attrs[name] = value


def good():
    """Returns {name of a file: its bytes}: a small good file of each kind."""
    two = {"0": np.arange(6, dtype="<f4").tobytes(), "1": np.arange(3, dtype="<f2").tobytes()}
    described = Call(ORDERED, ([["a", tensor()], ["b", tensor("1", 3, 1, (2,), (1,), "HalfStorage")]],))
    header = {"__metadata__": {"format": "pt"}, "a": entry(), "b": entry("F16", (3,), (24, 30))}
    return {
        "zipped.pth": zipped({"state_dict": described}, two),
        "sequence.pth": sequence({"a": tensor(), "b": tensor(shape=(3,), strides=(2,))}),
        "plain.safetensors": safetensors(header, bytes(30)),
        "old.h5": keras(),
        "latest.h5": keras(libver="latest"),
    }
