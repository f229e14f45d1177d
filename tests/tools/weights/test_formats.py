"""Good files of weights, read as other programs read them."""

import io
import struct

import h5py
import hypothesis
import made_weights as made
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import strategies as st

from tools.weights import sources

SETTINGS = hypothesis.settings(max_examples=50, deadline=None, derandomize=True)
STORAGES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8"}
SLICES = st.tuples(st.integers(0, 2), st.integers(2, 6), st.integers(1, 3)).map(lambda parts: slice(*parts))


@st.composite
def views(draw):
    """Returns (numbers, a view of them as slices, turns and repetitions make one)."""
    shape = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    dtype = STORAGES[draw(st.sampled_from(sorted(STORAGES)))]
    numbers = np.random.default_rng(0).normal(size=shape).astype(dtype)
    view = numbers[tuple(draw(st.lists(SLICES, max_size=len(shape))))]
    return numbers.ravel(), view.transpose(draw(st.permutations(range(view.ndim))))


@pytest.mark.parametrize("write", [made.zipped, made.sequence])
@SETTINGS
@hypothesis.given(view=views())
def test_views_of_pytorch_are_numpys(tmp_path_factory, write, view):
    numbers, expected = view
    offset = (expected.__array_interface__["data"][0] - numbers.__array_interface__["data"][0]) // numbers.itemsize
    strides = tuple(stride // numbers.itemsize for stride in expected.strides)
    (storage,) = (name for name, dtype in STORAGES.items() if dtype == numbers.dtype.str)
    offset = offset if expected.size else 0
    described = {"a": made.tensor("0", numbers.size, offset, expected.shape, strides, storage)}
    path = tmp_path_factory.getbasetemp() / "view.pth"
    lengths = {"lengths": {"0": numbers.size}} if write is made.sequence else {}
    path.write_bytes(write(described, {"0": numbers.tobytes()}, **lengths))
    _, arrays = sources.read(str(path))
    np.testing.assert_array_equal(arrays["a"], expected.astype(np.float32))


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f4", "<f8", ">f8"])
def test_datasets_are_h5pys(tmp_path, dtype, libver):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 5)).astype(dtype)

    def fill(group):
        group["conv/kernel:0"] = kernel
        group["conv/bias:0"] = kernel[0, 0, 0]

    path = tmp_path / "a.h5"
    path.write_bytes(made.keras(fill, libver=libver))
    _, layers = sources.read(str(path))
    with h5py.File(path) as file:
        for array, name in zip(layers["conv"], file["conv"].attrs["weight_names"]):
            np.testing.assert_array_equal(array, file["conv"][name][:].astype(np.float32))


def test_a_whole_model_of_keras(tmp_path):
    """`model.save` puts the layers into a group; a file may have a user block before its own beginning."""
    file = io.BytesIO()
    with h5py.File(file, "w", userblock_size=512) as root, h5py.File(io.BytesIO(made.keras())) as weights:
        weights.copy("/", root, "model_weights")
    (tmp_path / "a.h5").write_bytes(file.getvalue())
    _, layers = sources.read(str(tmp_path / "a.h5"))
    np.testing.assert_array_equal(layers["conv"][0], [[0, 1, 2], [3, 4, 5]])


def test_tensors_are_those_of_the_library_safetensors(tmp_path):
    random = np.random.default_rng(0)
    arrays = {dtype: random.normal(size=(2, 3, 4)).astype(dtype) for dtype in ("float16", "float32", "float64")}
    arrays |= {"empty": np.zeros((0, 3), np.float32), "number": np.array(7, np.float32), "counter": np.array([5])}
    path = tmp_path / "a.safetensors"
    safetensors.numpy.save_file(arrays, path, metadata={"format": "pt"})
    _, read = sources.read(str(path))
    assert set(read) == set(arrays) - {"counter"}
    for name, array in read.items():
        np.testing.assert_array_equal(array, np.asarray(arrays[name], np.float32))


def test_bfloat16_is_the_upper_half_of_a_float(tmp_path):
    numbers = np.float32([1, -2.5, 3e38, 1e-38])
    halves = b"".join(struct.pack("<f", number)[2:] for number in numbers)
    expected = (numbers.view(np.uint32) >> 16 << 16).view(np.float32)
    (tmp_path / "a.safetensors").write_bytes(made.safetensors({"a": made.entry("BF16", (4,), (0, 8))}, halves))
    tensor = made.tensor(length=4, shape=(4,), strides=(1,), storage="BFloat16Storage")
    (tmp_path / "a.pth").write_bytes(made.zipped({"a": tensor}, {"0": halves}))
    for name in ("a.safetensors", "a.pth"):
        np.testing.assert_array_equal(sources.read(str(tmp_path / name))[1]["a"], expected)
