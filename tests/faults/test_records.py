"""Faults of TFRecords: what a training says of them before it starts, and of a damaged byte while it reads."""

import json
import shutil

import pytest
import tensorflow as tf
from made_trainings import SMALL_HOURGLASS

from base.errors import DataError, DataErrors
from preprocessing.data import manifest, records

SHARD = "skirt_0000.tfrecord"


def content(make, file=SHARD):
    return lambda folder: (folder / file).write_bytes(make((folder / file).read_bytes()))


def without_manifest(damage):
    """Returns a damage to records like those of the 2018 reference, which have no manifest."""

    def both(folder):
        (folder / manifest.NAME).unlink()
        damage(folder)

    return both


def examples_changed(change):
    """Returns a damage that changes every tf.train.Example of a shard."""

    def damage(folder):
        shard = str(folder / SHARD)
        changed = []
        for example in records.read_examples(shard):
            change(example.features.feature)
            changed.append(example.SerializeToString())
        with tf.io.TFRecordWriter(shard) as writer:
            for serialised in changed:
                writer.write(serialised)

    return damage


def unfinished(folder):
    noted = manifest.read(folder)
    manifest.write(folder, True, noted["shards"], complete=False)


def flip(data):
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 4
    return bytes(damaged)


def version_of_the_future(folder):
    noted = json.loads((folder / manifest.NAME).read_text())
    (folder / manifest.NAME).write_text(json.dumps({**noted, "version": 99}))


def copy_dresses(folder):
    shutil.copy(folder / "dress_0000.tfrecord", folder / SHARD)


def nothing_left(folder):
    for path in folder.glob("skirt_*"):
        path.unlink()


FAULTS = {  # name: (damage, what the one line must name)
    "no folder": (shutil.rmtree, ["records", "No such file"]),
    "shard missing": (lambda folder: (folder / SHARD).unlink(), [SHARD, "is missing", "manifest.json"]),
    "shard empty": (content(lambda _: b""), [SHARD, "0 bytes"]),
    "shard cut": (content(lambda old: old[: len(old) // 2]), [SHARD, "bytes where manifest.json says"]),
    "another shard": (
        lambda f: shutil.copy(f / SHARD, f / "skirt_0007.tfrecord"),
        ["skirt_0007", "another conversion"],
    ),
    "conversion stopped": (unfinished, ["manifest.json", "complete", "goes on"]),
    "manifest cut": (content(lambda old: old[:50], manifest.NAME), ["manifest.json", "cannot be read"]),
    "manifest a list": (content(lambda _: b"[]", manifest.NAME), ["manifest.json", "no manifest of version 1"]),
    "manifest of the future": (version_of_the_future, ["manifest.json", "version 1"]),
    "no shard, no manifest": (without_manifest(nothing_left), ["records", "no training records of skirt"]),
    "empty, no manifest": (without_manifest(content(lambda _: b"")), ["records", "no training records of skirt"]),
    "cut, no manifest": (without_manifest(content(lambda old: old[: len(old) // 2])), [SHARD, "record", "cut short"]),
    "first record damaged": (content(lambda old: old[:40] + b"?" + old[41:]), [SHARD, "record 1", "is damaged"]),
    "no TFRecord at all": (without_manifest(content(lambda _: b"text\n" * 99)), [SHARD, "record 1"]),
    "another category's": (without_manifest(copy_dresses), [SHARD, "record 1", "image/classid [1]", "skirt is [3]"]),
    "other features": (
        without_manifest(examples_changed(lambda feature: feature.pop("image/encoded"))),
        [SHARD, "record 1", "lacks the features image/encoded"],
    ),
    "some keypoints": (
        without_manifest(examples_changed(lambda feature: feature.pop("image/keypoint/gid"))),
        [SHARD, "record 1", "lacks the features image/keypoint/gid"],
    ),
    "test records": (
        without_manifest(examples_changed(lambda f: [f.pop(name) for name in list(f) if "keypoint" in name])),
        [SHARD, "record 1", "no keypoints"],
    ),
}


@pytest.fixture
def folder(records, tmp_path):
    """A copy of the records' skirts and dresses that a test may damage."""
    copy = tmp_path / "records"
    copy.mkdir()
    noted = manifest.read(records)
    kept = {name: shard for name, shard in noted["shards"].items() if name.startswith(("skirt", "dress"))}
    for name in kept:
        shutil.copy(records / name, copy / name)
    manifest.write(copy, True, kept, complete=True)
    return copy


@pytest.mark.parametrize("name", FAULTS)
def test_training_refuses(name, folder, program, tmp_path, capfd):
    damage, expected = FAULTS[name]
    damage(folder)
    code = program("train_hg.py", f"--data_dir={folder}", f"--model_dir={tmp_path / 'models'}", *SMALL_HOURGLASS)
    lines = capfd.readouterr().err.splitlines()
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("train_hg.py: ")
    assert all(text in lines[0] for text in expected), lines
    assert not (tmp_path / "models").exists()


def test_counts_agree_with_and_without_a_manifest(folder):
    with_manifest = manifest.verify(folder, ["skirt", "dress"], checksums=True)
    (folder / manifest.NAME).unlink()
    assert manifest.verify(folder, ["skirt", "dress"]) == with_manifest
    assert all(training > validation > 0 for training, validation in with_manifest.values())


def test_records_without_validation_are_accepted(folder):
    (folder / manifest.NAME).unlink()
    (folder / "skirt_0000_val.tfrecord").write_bytes(b"")
    (folder / "dress_0000_val.tfrecord").unlink()
    counts = manifest.verify(folder, ["skirt", "dress"])
    assert [validation for _, validation in counts.values()] == [0, 0]


def test_a_flipped_byte_shows_in_the_checksums_only(folder):
    content(flip)(folder)
    manifest.verify(folder, ["skirt"])
    with pytest.raises(DataErrors) as caught:
        manifest.verify(folder, ["skirt", "dress"], checksums=True)
    assert len(caught.value.lines()) == 1
    assert SHARD in caught.value.lines()[0]


@pytest.mark.parametrize("labelled", [True, False])
def test_a_flipped_byte_is_named_while_reading(folder, labelled):
    content(flip)(folder)
    with pytest.raises(DataError, match=r"skirt_0000.tfrecord: record \d+: is damaged"):
        read_in_a_graph(folder, labelled)


def read_in_a_graph(folder, labelled):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session, manifest.naming_damage(folder, "skirt"):
        shards = records.list_shards(folder, "skirt")
        dataset = tf.data.TFRecordDataset(shards).map(lambda record: records.parse(record, labelled))
        example = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
        while True:
            session.run(example)


def no_photo(feature):
    feature["image/encoded"].bytes_list.value[0] = b"no photo"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (examples_changed(no_photo), "skirt_0000.tfrecord: record 1, image/encoded: is no image"),
        (lambda folder: None, "jpeg::Uncompress failed"),  # not the records' fault: the error passes
    ],
)
def test_errors_of_the_graph_are_explained_by_the_records_or_pass(folder, damage, message):
    damage(folder)
    errors = (DataError, tf.errors.InvalidArgumentError)
    with pytest.raises(errors, match=message), manifest.naming_damage(folder, "skirt"):
        raise tf.errors.InvalidArgumentError(None, None, "jpeg::Uncompress failed")
