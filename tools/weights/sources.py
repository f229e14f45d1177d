"""Reads the files in which people have ImageNet weights, each kind into numpy arrays by name."""

import os

import h5py
import numpy as np

from configs.errors import DataError
from tools.weights import torch_pickle

TORCH, KERAS = "torch", "keras"
_READERS = {
    ".pth": (TORCH, torch_pickle.read),
    ".pt": (TORCH, torch_pickle.read),
    ".safetensors": (TORCH, lambda path: _read_safetensors(path)),
    ".h5": (KERAS, lambda path: _read_keras(path)),
}


def read(path):
    """Reads a file of weights by its ending: `.pth`, `.pt`, `.safetensors` (PyTorch's names) or `.h5` (Keras').

    Returns:
      (TORCH, {tensor name: array}) or (KERAS, {layer name: [arrays, in the layer's order]}); only floating numbers:
      PyTorch's counters of batches are left out.

    Raises:
      DataError: the file is missing, broken, or of another kind.
    """
    ending = os.path.splitext(path)[1]
    if ending not in _READERS:
        raise DataError(path, None, f"ends in {ending!r}: one of {', '.join(_READERS)} would be right")
    if not os.path.isfile(path):
        raise DataError(path, None, "is no file: a file of weights is needed")
    style, reader = _READERS[ending]
    return style, reader(path)


def _read_safetensors(path):
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        what = "needs the package safetensors: `pip install safetensors`, or this project's extra `pretrained`"
        raise DataError(path, None, what) from error
    try:
        arrays = load_file(path)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise DataError(path, None, f"is no safetensors file that can be read: {error}") from error
    return {name: array.astype(np.float32) for name, array in arrays.items() if array.dtype.kind == "f"}


def _read_keras(path):
    """Reads what `model.save_weights` of Keras 2 writes: a group a layer, with the order of its arrays."""
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            return {
                _text(layer): [np.asarray(root[layer][_text(name)]) for name in root[layer].attrs["weight_names"]]
                for layer in root.attrs["layer_names"]
                if len(root[layer].attrs["weight_names"])
            }
    except (OSError, KeyError, ValueError) as error:
        raise DataError(path, None, f"is no HDF5 file of Keras weights that can be read: {error}") from error


def _text(name):
    return name.decode() if isinstance(name, bytes) else str(name)
