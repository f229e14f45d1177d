"""Records with a good checksum and any payload, manifests of any content: one line each, in bounded time and memory."""

import json
import struct

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from fashionai import CATEGORIES
from fuzzing import bounded_memory, cases, mutated, one_line_errors  # noqa: F401 (a fixture)
from hypothesis import strategies as st

from base.errors import DataError
from preprocessing.data import manifest, records
from tools.browsing import entries
from utility.prediction import photo_source

JPEG = tf.io.encode_jpeg(np.full([40, 56, 3], 90, np.uint8)).numpy()
POINTS = np.arange(48).reshape(24, 2)
WHOLE = records.serialise("Images/skirt/a.jpg", JPEG, (56, 40), "skirt", POINTS, np.zeros(24, np.int64))
TEST = records.serialise("Images/skirt/a.jpg", JPEG, (56, 40), "skirt")
NAMES = sorted(tf.train.Example.FromString(WHOLE).features.feature)
TEXTS = st.text(max_size=5).map(lambda text: text.encode())
HUGE = st.one_of(st.integers(-2, 30), st.integers(-(2**63), 2**63 - 1))


def write(path, *payloads):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in payloads:
            writer.write(payload)


def read_everywhere(folder):
    """Reads the records as training, browsing and prediction do before they use them."""
    shard = str(folder / "skirt_0000.tfrecord")
    with one_line_errors(folder, DataError):
        for example in records.read_examples(shard):
            assert example.features.feature["image/encoded"].bytes_list.value
    with one_line_errors(folder):
        manifest.verify(folder, ["skirt"], checksums=True)
    fault = manifest.find_fault([shard])
    assert fault is None or len(fault.lines()) == 1
    with one_line_errors(folder, DataError):
        for entry in entries.from_records(str(folder), 32)[0:9]:
            assert entry.thumbnail or entry.faults
    with one_line_errors(folder, DataError):
        for photo in photo_source.find(str(folder)).iterate("skirt", 0):
            assert photo.image_id
            assert photo.read().ndim == 3


@st.composite
def examples(draw):
    """Examples with some features exchanged for others of our names, of any kind and length."""
    example = tf.train.Example.FromString(draw(st.sampled_from([WHOLE, TEST])))
    kinds = {
        "bytes_list": st.lists(st.one_of(st.binary(max_size=9), st.just(JPEG), TEXTS), max_size=3),
        "int64_list": st.one_of(st.lists(HUGE, max_size=2), st.lists(HUGE, min_size=24, max_size=24)),
        "float_list": st.lists(st.floats(width=32), max_size=2),
    }
    for name in draw(st.sets(st.sampled_from([*NAMES, "other"]), min_size=1, max_size=2)):
        feature = example.features.feature[name]
        feature.Clear()
        kind = draw(st.sampled_from(sorted(kinds)))
        getattr(feature, kind).value.extend(draw(kinds[kind]))
    return example.SerializeToString()


PAYLOADS = st.one_of(st.binary(max_size=60), examples(), mutated(WHOLE))


@cases(0.4)
@hypothesis.given(st.lists(PAYLOADS, min_size=1, max_size=2))
@hypothesis.example([b"hello"])
@hypothesis.example([WHOLE, b"hello"])
def test_any_payload(tmp_path_factory, payloads):
    folder = tmp_path_factory.mktemp("foreign")
    write(folder / "skirt_0000.tfrecord", *payloads)
    read_everywhere(folder)


def checksum(data):
    """Returns the checksum of the TFRecord format: the CRC-32C, turned and shifted."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    value ^= 0xFFFFFFFF
    return struct.pack("<I", (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


@pytest.mark.parametrize("length", [101, 2**31, 2**33, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("whole", [0, 1])
def test_a_length_that_the_file_does_not_have(tmp_path, length, whole):
    path = tmp_path / "skirt_0000.tfrecord"
    write(path, *[WHOLE] * whole)
    header = struct.pack("<Q", length)
    assert whole == 0 or path.read_bytes()[8:12] == checksum(path.read_bytes()[:8])
    path.write_bytes(path.read_bytes() + header + checksum(header) + b"x" * 100)
    read_everywhere(tmp_path)
    fault = manifest.find_fault([str(path)])
    assert f"record {whole + 1}: is cut short" in str(fault)


PROGRAMS = {
    "tools/browse.py": ("--records={0}", "--output={0}/page.html"),
    "train_hg.py": ("--data_dir={0}", "--model_dir={0}/models", "--model_to_train=skirt"),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("payload", [b"hello", b"", b"\xff" * 40])
def test_the_programs_name_a_foreign_record(program, tmp_path, capfd, name, payload):
    write(tmp_path / "skirt_0000.tfrecord", payload)
    assert program(name, *(word.format(tmp_path) for word in PROGRAMS[name])) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert f"{tmp_path}/skirt_0000.tfrecord: record 1: " in line


ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), HUGE, st.floats(), st.text(max_size=5), st.just(10**30), st.just(-1)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manifest")
    path = folder / "skirt_0000.tfrecord"
    write(path, WHOLE, WHOLE)
    noted = {"records": 2, "bytes": path.stat().st_size, "sha256": manifest.checksum(path)}
    manifest.write(
        folder, True, {path.name: {**noted, "rows": "0" * 64, "photos": "1" * 64, "skipped": ["a line"]}}, True
    )
    return folder


def read_manifest(folder):
    """Reads it as every program does; what is accepted is what the shards bear out."""
    path = folder / manifest.NAME
    with one_line_errors(folder):
        manifest.read(folder)
        counts = manifest.verify(folder, CATEGORIES)
        assert counts["skirt"] == (2, 0)
    path.unlink()


KEYS = [("version",), ("complete",), ("labelled",), ("shards",), ("shards", 0)]
KEYS += [("shards", 0, key) for key in ("records", "bytes", "sha256", "rows", "photos", "skipped")]
NAUGHTY = [
    "\0",
    "\ud800",
    "\x1b[31m_0000.tfrecord",
    "../skirt_0000.tfrecord",
    "skirt_0000.tfrecord\n",
    "a/skirt_0001.tfrecord",
]


@cases(1)
@hypothesis.given(st.sampled_from(KEYS), st.one_of(ANY_JSON, st.sampled_from(NAUGHTY)), st.booleans())
def test_any_value_in_any_key_of_a_manifest(folder, key, value, removed):
    former = (folder / manifest.NAME).read_bytes()
    content = json.loads(former)
    place = content
    for part in key[:-1]:
        place = place[part] if part else place[next(iter(place))]
    last = key[-1] or next(iter(place))
    if removed:
        del place[last]
    else:
        place[last] = value
    (folder / manifest.NAME).write_bytes(json.dumps(content).encode())
    read_manifest(folder)
    (folder / manifest.NAME).write_bytes(former)


@cases(0.5)
@hypothesis.given(st.one_of(st.text(max_size=5), st.sampled_from(NAUGHTY)))
def test_any_name_of_a_shard(folder, name):
    former = (folder / manifest.NAME).read_bytes()
    content = json.loads(former)
    content["shards"][name] = content["shards"]["skirt_0000.tfrecord"]
    (folder / manifest.NAME).write_bytes(json.dumps(content).encode())
    read_manifest(folder)
    (folder / manifest.NAME).write_bytes(former)


@cases(1)
@hypothesis.given(st.data())
def test_any_bytes_of_a_manifest(folder, choose):
    former = (folder / manifest.NAME).read_bytes()
    (folder / manifest.NAME).write_bytes(choose.draw(st.one_of(st.binary(max_size=50), mutated(former))))
    read_manifest(folder)
    (folder / manifest.NAME).write_bytes(former)


BOMBS = {
    "nested lists": b"[" * 50_000,
    "nested objects": b'{"shards":' * 50_000,
    "many objects": b"[" + b"{}," * 2_600_000 + b"{}]",
    "a long string": b'"' + b"x" * 40_000_000,
    "a long number": b"1" * 100_000,
    "NaN": b"NaN",
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_manifest_that_is_a_bomb(folder, content):
    former = (folder / manifest.NAME).read_bytes()
    (folder / manifest.NAME).write_bytes(content)
    with pytest.raises(DataError) as caught:
        manifest.read(folder)
    (folder / manifest.NAME).write_bytes(former)
    (line,) = caught.value.lines()
    assert line.startswith(f"{folder}/manifest.json: ")
    assert len(line) < 500
