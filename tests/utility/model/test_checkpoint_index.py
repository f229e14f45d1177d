"""Checkpoints damaged by chance, or changed on purpose under right checksums: refused, never a native crash."""

import os
import random
import resource

import numpy as np
import pytest
import tensorflow as tf

from base.errors import DataError
from utility.model import checkpoint_index, checkpoints

VALUES = {
    "a/kernel": np.ones([3, 3, 3, 8], np.float32),
    "a/scalar": np.float64(2),
    "b/flag": np.array([True, False]),
    "b/half": np.ones([2], np.float16),
    "empty": np.zeros([0, 4], np.float32),
    "global_step": np.int64(5),
}


@pytest.fixture
def whole(tmp_path):
    """The prefix of a checkpoint, and the contents of its index and its data."""
    prefix = str(tmp_path / "model [1].ckpt-5")
    checkpoints.write(prefix, {**VALUES, **{f"layer_{number:03}/kernel": np.ones([2]) for number in range(300)}})
    return prefix, *(bytearray(open(prefix + end, "rb").read()) for end in (".index", ".data-00000-of-00001"))


def write(prefix, index, data):
    for end, content in ((".index", index), (".data-00000-of-00001", data)):
        with open(prefix + end, "wb") as file:
            file.write(content)


def checksum(block, folder):
    """Returns TensorFlow's checksum of some bytes, which ends a file of records that holds them."""
    path = os.path.join(folder, "record")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(bytes(block))
    with open(path, "rb") as file:
        return file.read()[-4:]


def blocks(index):
    """Returns the offset and the size of each block of an index."""
    footer = bytes(index[-48:])
    _, _, place = checkpoint_index._handle(footer, 0)
    offset, size, _ = checkpoint_index._handle(footer, place)
    inner = [checkpoint_index._handle(value, 0)[:2] for _, value in checkpoint_index._block(bytes(index), offset, size)]
    return [*inner, (offset, size)]


def is_refused(prefix):
    """Tries a checkpoint; returns whether it was refused, in one line."""
    try:
        checkpoints.check(prefix)
        checkpoints.read_step(prefix)
    except DataError as error:
        (line,) = error.lines()
        assert line.startswith(f"{prefix}: cannot be restored (")
        assert "Graph execution" not in line
        return True
    return False


def test_what_tensorflow_writes_is_whole(whole):
    prefix = whole[0]
    checkpoint_index.check(prefix)
    reader = checkpoints.open_reader(prefix)
    for name, value in VALUES.items():
        np.testing.assert_array_equal(reader.get_tensor(name), value)


@pytest.mark.parametrize("kind", ["flip", "cut", "insert", "other bytes", "index of right checksums"])
def test_no_damage_ends_the_process(whole, tmp_path, kind):
    prefix, index, data = whole
    chance, refused = random.Random(kind), 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(150):
        files = [bytearray(index), bytearray(data)]
        target = files[0] if kind == "index of right checksums" else chance.choice(files)
        place = chance.randrange(len(target))
        if kind == "flip":
            target[place] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del target[place:]
        elif kind == "insert":
            target[place:place] = chance.randbytes(chance.randrange(1, 50))
        elif kind == "other bytes":
            target[:] = chance.randbytes(chance.randrange(300))
        else:
            offset, size = chance.choice(blocks(index))
            for _ in range(chance.choice([1, 1, 2, 4])):
                target[offset + chance.randrange(size)] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
            end = offset + size + 1
            target[end : end + 4] = checksum(target[offset:end], tmp_path)
        write(prefix, *files)
        refused += is_refused(prefix)
    assert refused > 100 or kind == "index of right checksums"  # where a changed name is as good as another
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300_000  # kB


def test_a_huge_shape_is_not_allocated(whole, tmp_path):
    prefix, index, _ = whole
    dimension = b"\x12\x02\x08\x03" * 3 + b"\x12\x02\x08\x08"  # of a/kernel: dim { size: 3 }, three times, and 8
    place = index.index(dimension)
    index[place + 3] = 127
    offset, size = next((offset, size) for offset, size in blocks(index) if offset <= place < offset + size)
    end = offset + size + 1
    index[end : end + 4] = checksum(index[offset:end], tmp_path)
    write(prefix, index, whole[2])
    with pytest.raises(DataError, match="'a/kernel' does not lie within the data"):
        checkpoints.open_reader(prefix)
