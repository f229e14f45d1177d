"""Reads the `.h5` files of Keras, as `model.save_weights` of Keras 2 writes them."""

import json
import os
import subprocess
import sys

from tools.weights import bounded, hdf5_layout

_PATIENCE = 120  # seconds of the clock, for a system that cannot bound those of the processor, or waits for a disk


def read(path):
    """Reads the weights of every layer that has any.

    Returns:
      {layer name: [float32 arrays, in the layer's order]}.

    Raises:
      DataError: it is no such file, it is broken, or its numbers do not lie in it.
    """
    with bounded.refusing(path, "HDF5 file of Keras weights"):
        layers = _layers(path)
        if not layers:
            raise ValueError("it holds no layer with weights")
        tensors = [tensor for of_layer in layers.values() for tensor in of_layer]
        arrays = iter(bounded.read_tensors(path, tensors))
        return {bounded.check_name(name): [next(arrays) for _ in of_layer] for name, of_layer in layers.items()}


def _layers(path):
    """Returns what `hdf5_layout.describe` returns, from a process of its own."""
    command = [sys.executable, hdf5_layout.__file__, path]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # whose stacks take addresses
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False, env=environment)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"the HDF5 library did not come to its end in {_PATIENCE} s") from error
    if done.returncode:
        raise ValueError(f"the HDF5 library was ended by signal {-done.returncode}: it crashed, or took too long")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["layers"]
