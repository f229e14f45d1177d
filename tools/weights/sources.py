"""Reads the files in which people have ImageNet weights, each kind into numpy arrays by name."""

import os

from base.errors import DataError
from tools.weights import keras_hdf5, safetensors_file, torch_pickle

TORCH, KERAS = "torch", "keras"
_READERS = {
    ".pth": (TORCH, torch_pickle.read),
    ".pt": (TORCH, torch_pickle.read),
    ".safetensors": (TORCH, safetensors_file.read),
    ".h5": (KERAS, keras_hdf5.read),
}


def read(path):
    """Reads a file of weights by its ending: `.pth`, `.pt`, `.safetensors` (PyTorch's names) or `.h5` (Keras').

    Returns:
      (TORCH, {tensor name: array}) or (KERAS, {layer name: [arrays, in the layer's order]}); only floating numbers, as
      float32: PyTorch's counters of batches are left out.

    Raises:
      DataError: the file is missing, broken, or of another kind.
    """
    ending = os.path.splitext(path)[1]
    if ending not in _READERS:
        raise DataError(path, None, f"ends in {ending!r}: expected one of {', '.join(_READERS)}")
    if not os.path.isfile(path):
        raise DataError(path, None, "is no file: expected a file of weights")
    style, reader = _READERS[ending]
    return style, reader(path)
