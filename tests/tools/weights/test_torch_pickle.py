"""The reading of `.pth` files: what PyTorch wrote, and what an attacker might."""

import collections
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import DataError
from tools.weights import torch_pickle

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("name", ["zipped.pth", "sequence.pth"])
def test_reads_what_pytorch_wrote(name):
    tensors = torch_pickle.read(str(DATA / name))
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(tensors["whole"], base)
    np.testing.assert_array_equal(tensors["view"], base[1:3, ::2])
    np.testing.assert_array_equal(tensors["turned"], base.T)
    np.testing.assert_array_equal(tensors["parameter"], [0.5, -1.5])
    np.testing.assert_array_equal(tensors["half"], [1.5, 2.5])
    np.testing.assert_array_equal(tensors["double"], np.float32([[0.1]]))
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float32)}
    assert "counter" not in tensors


class Shell:
    """Unpickled by the usual unpickler, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_runs_nothing_of_what_a_file_says(tmp_path, zipped):
    hostile = pickle.dumps({"state_dict": Shell(tmp_path / "ran")}, protocol=2)
    path = tmp_path / "hostile.pth"
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", hostile)
    else:
        path.write_bytes(hostile)
    with pytest.raises(DataError, match="mkdir"):
        torch_pickle.read(str(path))
    assert not (tmp_path / "ran").exists()


class Tensor:
    """Pickled as PyTorch pickles a tensor, with whatever offset, shape and strides."""

    def __init__(self, *layout):
        self.layout = layout

    def __reduce__(self):
        return _rebuild_tensor_v2, (Storage(), *self.layout, False, collections.OrderedDict())


class Storage:
    pass


def _rebuild_tensor_v2(*_):
    raise AssertionError("only its name is used")


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return ("storage", FloatStorage, "0", "cpu", 6) if isinstance(value, Storage) else None


class FloatStorage:
    pass


FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
_rebuild_tensor_v2.__module__ = "torch._utils"


@pytest.mark.parametrize(
    ("layout", "what"),
    [
        ((0, (2, 4), (4, 1)), "beyond"),
        ((5, (2,), (1,)), "beyond"),
        ((-1, (2,), (1,)), "whole numbers"),
        ((0, (2,), (-1,)), "whole numbers"),
        ((0, (10**12,), (0,)), "beyond"),
    ],
)
def test_tensors_stay_within_their_numbers(tmp_path, monkeypatch, layout, what):
    import sys
    import types

    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage, utils._rebuild_tensor_v2 = FloatStorage, _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("archive/data.pkl", "w") as file:
            Pickler(file, protocol=2).dump({"weight": Tensor(*layout)})
        archive.writestr("archive/data/0", np.arange(6, dtype="<f4").tobytes())
    with pytest.raises(DataError, match=what):
        torch_pickle.read(str(path))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_damaged_files_are_data_errors(tmp_path_factory, data):
    whole = (DATA / data.draw(st.sampled_from(["zipped.pth", "sequence.pth"]))).read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(st.sampled_from([whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]]))
    path = tmp_path_factory.mktemp("damaged") / "weights.pth"
    path.write_bytes(damaged)
    try:
        tensors = torch_pickle.read(str(path))
    except DataError:
        return
    assert all(isinstance(array, np.ndarray) for array in tensors.values())
