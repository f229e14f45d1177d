"""Reads `.safetensors` files: the length of a JSON header, the header, and the numbers that it describes.

https://github.com/huggingface/safetensors#format
"""

import json
import os

from tools.weights import bounded

_MOST_HEADER = 1 << 21  # bytes: the header of a ResNet-152 has 100 kB
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": bounded.BFLOAT16}


def read(path):
    """Reads the tensors of floats.

    Returns:
      {tensor name: float32 array}; what is of other numbers is left out, as PyTorch's counters of batches are.

    Raises:
      DataError: it is no such file, or it is broken.
    """
    with bounded.refusing(path, "safetensors file"):
        entries, start = _header(path)
        floats = {bounded.check_name(name): entry for name, entry in entries.items() if entry["dtype"] in _FLOATS}
        if not floats:
            raise ValueError(f"it holds no tensors of {', '.join(_FLOATS)}")
        arrays = bounded.read_tensors(path, [_tensor(entry, start) for entry in floats.values()])
        return dict(zip(floats, arrays))


def _header(path):
    """Returns {tensor name: its description} and the offset of the numbers."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_MOST_HEADER, os.fstat(file.fileno()).st_size - 8):
            raise ValueError(f"its header has {length} bytes, expected at most {_MOST_HEADER} and within the file")
        entries = json.loads(file.read(length))
    if not isinstance(entries, dict):
        raise ValueError("its header is no JSON object")
    entries.pop("__metadata__", None)
    if not all(isinstance(entry, dict) and isinstance(entry.get("dtype"), str) for entry in entries.values()):
        raise ValueError("its header describes what is no tensor")
    return entries, 8 + length


def _tensor(entry, start):
    dtype, shape = _FLOATS[entry["dtype"]], entry["shape"]
    first, last = entry["data_offsets"]
    if not (bounded.is_count(first) and bounded.is_count(last)):
        raise ValueError("expected offsets that are whole numbers, got another")
    if bounded.check_shape(shape, 1 << 62) * bounded.itemsize(dtype) != last - first:
        raise ValueError("a tensor's shape does not fit its numbers")
    return dtype, start + first, shape
