"""Hostile files of weights: one line, exit code 1, bounded memory and time, and never the end of the process.

`pytest --hypothesis-profile=thorough tests/tools/weights/test_hostile_weights.py` searches a hundred times longer.
"""

import json
import select
import struct
import subprocess
import sys
from pathlib import Path

import fuzzing
import h5py
import hypothesis
import made_weights as made
import numpy as np
import pytest
from hypothesis import strategies as st

HERE = Path(__file__).parent
SECONDS = 10  # of the processor
MEMORY = 300_000_000  # and twice the file's size


def cases(share):
    """Returns the settings of a test with a share of the profile's cases, the same in every run."""
    return hypothesis.settings(
        max_examples=max(1, int(share * hypothesis.settings.default.max_examples)),
        deadline=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


class Reader:
    """A process that reads files of weights; a new one takes over where one has ended or has taken too much."""

    def __init__(self, *options):
        self._options, self._process, self._largest = options, None, 0

    def read(self, path):
        """Returns what `reader_process.py` answers for a file, checked to have kept the bounds."""
        if self._process is None:
            command = [sys.executable, str(HERE / "reader_process.py"), *self._options]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self._process.stdin.write(f"{path}\n")
            self._process.stdin.flush()
            assert select.select([self._process.stdout], [], [], 250)[0], "no answer"
            line = self._process.stdout.readline()
            assert line, f"the process ended with {self._process.wait()}"
            answer = json.loads(line)
            assert answer["seconds"] < SECONDS
            self._largest = max(self._largest, path.stat().st_size)  # the memory, too, is the most until now
            assert answer["memory"] < 2 * self._largest + MEMORY
            if "error" in answer:
                (text,) = answer["error"]
                assert text.startswith(f"{path}: ")
                assert len(text) < 1000
            return answer
        except BaseException:
            self.close()
            raise

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def reader():
    """Forks for each HDF5 file; `test_the_hdf5_library_runs_apart` starts a process for it, as the program does."""
    reader = Reader("--fork")
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


def nested(depth):
    """Returns a pickle of a dict with a key whose hash takes 2^depth: a tuple of two tuples of two …, all the same."""
    return b"\x80\x02}(" + b")" + b"q\x00h\x00\x86" * depth + b"K\x01u."


def many(item, count, rest=b""):
    return b"\x80\x02" + item * count + rest + b"."


def hostile_pickles():
    """Yields (name, pickle) of what takes memory, time or the process with a few bytes."""
    yield "dimensions_100", made.pickled({"a": made.tensor(shape=(1,) * 100, strides=(1,) * 100)})
    yield "dimensions_9", made.pickled({"a": made.tensor(shape=(1,) * 9, strides=(1,) * 9)})
    yield "memo", b"\x80\x02}r" + struct.pack("<I", 1 << 27) + b"."
    yield "hash", nested(200)
    yield "repr_of_a_key", made.pickled({"a": made.tensor(key=("x",))})
    yield (
        "copied_list",
        b"\x80\x02](" + b"N" * 900_000 + b"eq\x00" + b"ctorch\nSize\nq\x01" + b"h\x01h\x00\x85R" * 100_000 + b".",
    )
    yield "stack", many(b"}", 2_000_000)
    yield "deep", many(b"]", 1_000_000, b"a" * 999_999)
    yield "huge_storage", made.pickled({"a": made.tensor(length=1 << 40, shape=(1 << 40,), strides=(1,))})
    yield "huge_number", made.pickled({"a": made.tensor(offset=1 << 2000)})
    yield "long_name", made.pickled({"a" * 500_000: made.tensor()})
    yield "empty", b""
    yield "no_end", b"\x80\x02}"
    yield "below_a_mark", b"\x80\x02(0."
    yield "popped_twice", b"\x80\x02a."


def hostile_files():
    """Yields (name, bytes) of a hostile file of each kind."""
    for name, data in hostile_pickles():
        yield f"{name}.pth", made.zipped(data)
        yield f"{name}_sequence.pth", made.sequence(data)
    zeros, long = bytes(100_000_000), made.tensor(length=25_000_000, shape=(25_000_000,), strides=(1,))
    yield "compressed_numbers.pth", made.zipped({"a": long}, {"0": zeros}, compressed="data/0")
    nones = b"\x80\x02" + b"N" * 100_000_000 + b"."
    yield "compressed_pickle.pth", made.zipped(nones, compressed="data.pkl")
    yield "large_pickle.pth", made.zipped(nones[:3_000_000])
    yield "many_entries.pth", made.zipped({"a": made.tensor()}, {f"{number:060000}": b"" for number in range(100)})
    yield "negative_length.pth", made.sequence({"a": made.tensor()}, lengths={"0": -1})
    yield "long_length.pth", made.sequence({"a": made.tensor(length=1 << 50)}, lengths={"0": 1 << 50})
    yield from hostile_safetensors()
    yield from hostile_keras()


def hostile_safetensors():
    for dtype in ("F8_E4M3", "F4", "nonsense", "I64"):
        yield f"{dtype}.safetensors", made.safetensors({"a": made.entry(dtype, (24,))})
    yield "header.safetensors", struct.pack("<Q", 1 << 40) + b"{}"
    yield "deep.safetensors", made.safetensors(b"[" * 1_000_000)
    yield "wide.safetensors", made.safetensors(b"[" + b"[]," * 600_000 + b"[]]")
    yield "number.safetensors", made.safetensors(b'{"a": ' + b"9" * 1_000_000 + b"}")
    yield "cut.safetensors", b"\x02"
    overlapping = {str(number): made.entry("F64", (1_000_000,), (0, 8_000_000)) for number in range(1000)}
    yield "overlapping.safetensors", made.safetensors(overlapping, bytes(8_000_000))
    yield "behind.safetensors", made.safetensors({"a": made.entry(data_offsets=(24, 48))})
    yield "dimensions.safetensors", made.safetensors({"a": made.entry(shape=[1] * 100, data_offsets=(0, 4))})


def hostile_keras():
    kernel = "conv/kernel:0"

    def keras(fill, weights=(kernel,), **options):
        return made.keras(fill, weights=weights, **options)

    secret = HERE / "test_hostile_weights.py"  # any file of the machine
    yield (
        "external_storage.h5",
        keras(lambda group: group.create_dataset(kernel, (3,), "<f4", external=[(str(secret), 0, 12)])),
    )
    yield "external_link.h5", keras(lambda group: group.__setitem__(kernel, h5py.ExternalLink("other.h5", "/secret")))
    yield "external_group.h5", keras(lambda group: group.__setitem__("conv", h5py.ExternalLink("other.h5", "/")))
    yield "soft_link.h5", keras(lambda group: group.__setitem__(kernel, h5py.SoftLink("/conv/conv/other")))
    yield "own_link.h5", keras(lambda group: group.__setitem__(kernel, h5py.SoftLink(f"/conv/{kernel}")))
    layout = h5py.VirtualLayout((3,), "<f4")
    layout[:] = h5py.VirtualSource("other.h5", "secret", (3,), "<f4")
    yield "virtual.h5", keras(lambda group: group.create_virtual_dataset(kernel, layout), libver="latest")
    yield "never_written.h5", keras(lambda group: group.create_dataset(kernel, (1 << 50,), "<f4"))
    yield (
        "bomb.h5",
        keras(
            lambda group: group.create_dataset(kernel, (100_000_000,), "<f4", chunks=(10_000_000,), compression="gzip")
        ),
    )
    for name, value in (
        ("number", 3),
        ("empty", []),
        ("text", "conv"),
        ("none", None),
        ("floats", [1.0]),
        ("up", [".."]),
    ):
        yield f"layer_names_{name}.h5", made.keras(layers=value)
        yield f"weight_names_{name}.h5", made.keras(weights=value)
    yield "group_for_dataset.h5", made.keras(weights=["conv"])
    yield "dataset_for_group.h5", made.keras(layers=["conv/conv/kernel:0"])
    yield "integers.h5", keras(lambda group: group.__setitem__(kernel, np.arange(3)))
    yield "strings.h5", keras(lambda group: group.__setitem__(kernel, ["a", "b"]))


@pytest.fixture(scope="module")
def hostile(folder):
    """{name: path}; beside them an `other.h5` that some of them refer to."""
    with h5py.File(folder / "other.h5", "w") as file:
        file["secret"] = np.float32([1, 2, 3])
        file["kernel:0"] = np.float32([1, 2, 3])
    paths = {}
    for name, data in hostile_files():
        paths[name] = folder / name
        paths[name].write_bytes(data)
    return paths


def test_hostile_files_are_refused_within_bounds(reader, hostile):
    read = {name for name, path in hostile.items() if "error" not in reader.read(path)}
    assert not read


@pytest.mark.parametrize(
    "name",
    [
        "dimensions_100.pth",
        "memo_sequence.pth",
        "compressed_numbers.pth",
        "F8_E4M3.safetensors",
        "external_storage.h5",
        "own_link.h5",
        "layer_names_number.h5",
        "weight_names_number.h5",
    ],
)
def test_the_program_refuses_them_in_one_line(program, hostile, tmp_path, capfd, name):
    assert program("tools/import_weights.py", f"--weights={hostile[name]}", f"--output_dir={tmp_path / 'out'}") == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"import_weights.py: {hostile[name]}: ")
    assert not (tmp_path / "out").exists()


def test_the_hdf5_library_runs_apart(hostile, folder):
    """As the program runs it, without the fork: it refuses, and reads."""
    reader = Reader()
    assert "hard link" in reader.read(hostile["external_link.h5"])["error"][0]
    (folder / "good.h5").write_bytes(made.keras())
    assert reader.read(folder / "good.h5")["shapes"] == {"conv": [[2, 3], [3]]}
    reader.close()


def test_a_library_that_does_not_return_or_ends_is_one_line(tmp_path, monkeypatch):
    from base.errors import DataError
    from tools.weights import hdf5_layout, keras_hdf5

    path = tmp_path / "a.h5"
    path.write_bytes(made.keras())
    for program, what in (("while True: pass", "did not come to its end"), ("import os; os.abort()", "signal 6")):
        (tmp_path / "program.py").write_text(program)
        monkeypatch.setattr(hdf5_layout, "__file__", str(tmp_path / "program.py"))
        monkeypatch.setattr(keras_hdf5, "_PATIENCE", 1)
        with pytest.raises(DataError, match=what):
            keras_hdf5.read(str(path))


# --- bytes


def damages(data):
    """Returns a strategy of damaged copies of bytes, up to four damages each."""
    place = st.integers(0, max(0, len(data) - 1))
    kind = st.sampled_from(["overwrite", "overwrite", "overwrite", "cut", "insert", "delete", "repeat"])
    noise = st.one_of(
        st.binary(min_size=1, max_size=1),
        st.binary(min_size=1, max_size=9),
        st.sampled_from([b"\xff" * 8, bytes(8), b"\0\0\0\0\0\1\0\0", b"\xff\xff\xff\x7f"]),
        place.map(lambda number: number.to_bytes(8, "little")),
    )

    def apply(changes):
        damaged = data
        for kind, start, length, new in changes:
            damaged = fuzzing.damage(damaged, kind, start, start + length, new)
        return damaged

    return st.lists(st.tuples(kind, place, st.integers(1, 64), noise), min_size=1, max_size=4).map(apply)


def check(reader, path, data):
    """Reads a file of any bytes; what is read of it is at most what it holds."""
    path.write_bytes(data)
    shapes = reader.read(path).get("shapes", {})
    for of_name in shapes.values():
        for shape in of_name:
            assert len(shape) <= 8
            assert 2 * np.prod(shape, dtype=float) <= len(data)


@pytest.mark.parametrize("name", made.good())
def test_good_files_are_read(reader, folder, name):
    path = folder / name
    path.write_bytes(made.good()[name])
    assert len(reader.read(path)["shapes"]) == (1 if name.endswith("h5") else 2)


@cases(1.5)
@hypothesis.given(choose=st.data())
def test_damaged_bytes(reader, folder, choose):
    name = choose.draw(st.sampled_from(sorted(made.good())))
    check(reader, folder / f"damaged_{name}", choose.draw(damages(made.good()[name])))


# --- fields

NUMBERS = st.one_of(
    st.integers(-2, 8),
    st.sampled_from([2**31, 2**32, 2**61, 2**62, 2**63, 2**64, -(2**63), 2**2000]),
    st.integers(),
)
ODD = st.one_of(
    NUMBERS, st.none(), st.booleans(), st.floats(), st.text(max_size=5), st.just(()), st.just([]), st.just({})
)
SHAPES = st.one_of(
    st.lists(NUMBERS, max_size=4).map(tuple), st.lists(ODD, max_size=40).map(tuple), st.lists(NUMBERS, max_size=3), ODD
)
STORAGES = st.one_of(
    st.sampled_from(["FloatStorage", "HalfStorage", "DoubleStorage", "BFloat16Storage", "LongStorage", "NoStorage"]),
    st.sampled_from(["FloatStorage"]).map(lambda name: made.Global("torch._utils", name)),
    ODD.filter(lambda value: not isinstance(value, str)),
)
TENSORS = st.builds(
    made.tensor,
    key=st.one_of(st.just("0"), ODD),
    length=st.one_of(st.integers(0, 8), NUMBERS, ODD),
    offset=st.one_of(st.just(0), NUMBERS, ODD),
    shape=SHAPES,
    strides=SHAPES,
    storage=STORAGES,
)
PICKLED = st.recursive(
    st.one_of(TENSORS, TENSORS, ODD),
    lambda children: st.one_of(
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers(0, 3)), children, max_size=3),
        st.lists(children, max_size=3),
        st.lists(st.tuples(st.text(max_size=3), children), max_size=3).map(
            lambda pairs: made.Call(made.ORDERED, (pairs,))
        ),
        st.tuples(children).map(lambda items: made.Call(made.Global("torch", "Size"), items)),
        st.tuples(children).map(lambda items: made.Call(made.Global("torch._utils", "_rebuild_parameter"), items)),
        children.map(made.Stored),
    ),
    max_leaves=5,
)


@cases(1)
@hypothesis.given(
    st.one_of(TENSORS.map(lambda tensor: {"a": tensor}), PICKLED), st.sampled_from([made.zipped, made.sequence])
)
def test_fields_of_pickles(reader, folder, described, write):
    check(reader, folder / "fields.pth", write(described))


OFFSETS = st.one_of(st.just((0, 24)), st.tuples(NUMBERS, NUMBERS), ODD)
ENTRIES = st.one_of(
    st.builds(
        made.entry,
        dtype=st.one_of(st.sampled_from(["F16", "F32", "F64", "BF16", "F8_E4M3", "I8", "C64", "BOOL"]), ODD),
        shape=SHAPES,
        data_offsets=OFFSETS,
    ),
    st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets"]), ODD),
    ODD,
)
HEADERS = st.one_of(st.dictionaries(st.one_of(st.text(max_size=5), st.just("__metadata__")), ENTRIES, max_size=3), ODD)


@cases(2)
@hypothesis.given(HEADERS)
def test_fields_of_safetensors(reader, folder, header):
    check(reader, folder / "fields.safetensors", made.safetensors(header))


ATTRIBUTES = st.one_of(
    st.lists(st.sampled_from(["conv", "conv/kernel:0", "conv/bias:0", "", ".", "..", "/", "/conv", "ü"]), max_size=3),
    st.lists(st.one_of(st.integers(-5, 5), st.floats()), max_size=3),
    st.integers(-5, 5),
    st.just(h5py.Empty("f4")),
    st.just(np.zeros([2, 2], "S3")),
    st.just(np.array([h5py.Reference()], h5py.ref_dtype)),
    st.text("ab/.", max_size=5),
    st.none(),
)
DATASETS = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["<f2", ">f4", "<f8", "<i4", "S3", "<c8", "V5", h5py.string_dtype(), h5py.ref_dtype]),
        "shape": st.one_of(st.lists(st.integers(0, 5), max_size=10).map(tuple), st.just((1 << 50,))),
        "maxshape": st.sampled_from([None, None, "chunked"]),
    }
)


@cases(0.4)
@hypothesis.given(ATTRIBUTES, ATTRIBUTES, DATASETS)
def test_fields_of_keras(reader, folder, layers, weights, dataset):
    maxshape = dataset["shape"] if dataset["maxshape"] and dataset["shape"] else None

    def fill(group):
        group.create_dataset("conv/kernel:0", **{**dataset, "maxshape": maxshape})
        group["conv/bias:0"] = np.ones(3, "<f4")

    check(reader, folder / "fields.h5", made.keras(fill, layers, weights))
