"""The record format: the 2018 reference's files read as their annotations say, and ours have the same features."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from fashionai import CATEGORIES, KEYPOINTS, reference_ids

from base.errors import DataError
from preprocessing.data import annotations, records

JPEG = tf.io.encode_jpeg(np.zeros([40, 56, 3], np.uint8)).numpy()


def numbered(category):
    """Returns points and visibility [24] that tell every keypoint, axis and state apart."""
    present = np.array(reference_ids(category)) >= 0
    points = np.stack([np.arange(24) + 100, np.arange(24) + 200], axis=1)
    visibility = np.where(present, np.arange(24) % 2, -1)
    return np.where(present[:, None], points, -1), visibility


def reference_example(category):
    """Returns an example as the reference's converter makes it, with its keypoints in another order."""
    points, visibility = numbered(category)
    order = np.random.RandomState(1).permutation(24)
    columns = {
        "x": points[:, 0],
        "y": points[:, 1],
        "v": visibility,
        "gid": np.arange(24),
        "id": reference_ids(category),
    }
    integers = {f"image/keypoint/{name}": np.array(values)[order].tolist() for name, values in columns.items()}
    integers.update({"image/height": [40], "image/width": [56], "image/channels": [3]})
    integers["image/classid"] = [CATEGORIES.index(category)]
    texts = {"image/encoded": JPEG, "image/filename": b"Images/x.jpg", "image/format": b"JPEG"}
    feature = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=value)) for name, value in integers.items()}
    feature.update(
        {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[text])) for name, text in texts.items()}
    )
    return tf.train.Example(features=tf.train.Features(feature=feature))


@pytest.mark.parametrize("category", CATEGORIES)
def test_parse_orders_by_gid(category):
    example = records.parse(reference_example(category).SerializeToString())
    points, visibility = numbered(category)
    assert example["points"].numpy().tolist() == points.tolist()
    assert example["visibility"].numpy().tolist() == visibility.tolist()
    assert example["image_size"].numpy().tolist() == [56, 40]
    assert int(example["category"]) == CATEGORIES.index(category)
    assert example["image_id"].numpy() == b"Images/x.jpg"
    assert example["encoded"].numpy() == JPEG


def test_gid_twice_is_an_error():
    example = reference_example("skirt")
    example.features.feature["image/keypoint/gid"].int64_list.value[0] = 5
    example.features.feature["image/keypoint/gid"].int64_list.value[1] = 5
    with pytest.raises(tf.errors.InvalidArgumentError):
        records.parse(example.SerializeToString())


@pytest.mark.parametrize("category", CATEGORIES)
def test_serialise_writes_what_the_reference_writes(category):
    ours = records.serialise("Images/x.jpg", JPEG, (56, 40), category, *numbered(category))
    ours = tf.train.Example.FromString(ours).features.feature
    theirs = reference_example(category).features.feature
    assert set(ours) == set(theirs)
    order = list(theirs["image/keypoint/gid"].int64_list.value)
    for name, feature in theirs.items():
        if "keypoint" in name:
            by_gid = dict(zip(order, feature.int64_list.value))
            assert list(ours[name].int64_list.value) == [by_gid[index] for index in range(24)], name
        else:
            assert ours[name] == feature, name


def test_test_examples_have_no_keypoints():
    serialised = records.serialise("Images/x.jpg", JPEG, (56, 40), "skirt")
    assert not [name for name in tf.train.Example.FromString(serialised).features.feature if "keypoint" in name]
    assert set(records.parse(serialised, labelled=False)) == {"encoded", "image_id", "image_size", "box", "category"}
    with pytest.raises(tf.errors.InvalidArgumentError):
        records.parse(serialised)


@pytest.fixture(scope="module")
def reference_records(tmp_path_factory):
    """train/ and test/ of records that the 2018 reference wrote, with their CSVs; else a stand-in of the same shape."""
    if "FASHION_DATA" in os.environ:
        return Path(os.environ["FASHION_DATA"]) / "reference_records"
    folder = tmp_path_factory.mktemp("reference")
    for split in ("train", "test"):
        (folder / split).mkdir()
        for category in CATEGORIES:
            example = reference_example(category)
            feature = example.features.feature
            feature["image/filename"].bytes_list.value[0] = f"Images/{category}/a.jpg".encode()
            for name in [name for name in feature if "keypoint" in name and split == "test"]:
                del feature[name]
            with tf.io.TFRecordWriter(str(folder / split / f"{category}_0000.tfrecord")) as writer:
                writer.write(example.SerializeToString())
    ids = [f"Images/{category}/a.jpg" for category in CATEGORIES]
    points, visibility = zip(*map(numbered, CATEGORIES))
    annotations.write(folder / "train/annotations.csv", ids, CATEGORIES, np.array(points), np.array(visibility))
    lines = ["image_id,image_category", *map(",".join, zip(ids, CATEGORIES))]
    (folder / "test/test.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_records_of_the_reference_carry_their_annotations(reference_records):
    table = annotations.read(reference_records / "train" / "annotations.csv")
    number_of = {image_id: number for number, image_id in enumerate(table.image_ids)}
    shards = records.list_shards(reference_records / "train", "all")
    seen = set()
    for example in tf.data.TFRecordDataset(shards).map(records.parse).as_numpy_iterator():
        image_id = example["image_id"].decode()
        number = number_of[image_id]
        seen.add(image_id)
        assert example["points"].tolist() == table.points[number].tolist()
        assert example["visibility"].tolist() == table.visibility[number].tolist()
        assert CATEGORIES[example["category"]] == table.categories[number]
        height, width = tf.io.decode_jpeg(example["encoded"], channels=3).shape[:2]
        assert example["image_size"].tolist() == [width, height]
    assert seen == set(table.image_ids)
    assert records.count_records(shards) == len(table)
    assert records.is_labelled(shards[0])


def test_test_records_of_the_reference(reference_records):
    table = annotations.read_images(reference_records / "test" / "test.csv")
    for category in CATEGORIES:
        shards = records.list_shards(reference_records / "test", category)
        dataset = tf.data.TFRecordDataset(shards).map(lambda serialised: records.parse(serialised, labelled=False))
        ids = {example["image_id"].decode() for example in dataset.as_numpy_iterator()}
        assert ids == {name for name, own in zip(table.image_ids, table.categories) if own == category}
        assert not records.is_labelled(shards[0])


def test_shards_are_listed_by_category_kind_and_number(tmp_path):
    names = ["skirt_0010.tfrecord", "skirt_0009.tfrecord", "skirt_0000_val.tfrecord", "dress_0000.tfrecord"]
    for name in [*names, "notes.txt", "skirt.tfrecord", ".skirt_0001.tfrecord.x.tmp"]:
        (tmp_path / name).touch()

    def listed(*arguments):
        return [os.path.basename(path) for path in records.list_shards(tmp_path, *arguments)]

    assert listed("skirt") == ["skirt_0009.tfrecord", "skirt_0010.tfrecord"]
    assert listed("skirt", True) == ["skirt_0000_val.tfrecord"]
    assert listed("all") == ["dress_0000.tfrecord", "skirt_0009.tfrecord", "skirt_0010.tfrecord"]
    assert listed("blouse") == []
    assert records.shard_name("skirt", 9) == "skirt_0009.tfrecord"
    assert records.shard_name("skirt", 0, validation=True) == "skirt_0000_val.tfrecord"


def test_count_reads_the_lengths_as_the_format_has_them(tmp_path):
    path = tmp_path / "skirt_0000.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for length in (0, 1, 5000):
            writer.write(b"x" * length)
    data = path.read_bytes()
    assert struct.unpack("<Q", data[:8]) == (0,)
    assert records.count_records([path, path]) == 6
    for end in range(1, 40):
        path.write_bytes(data[:end])
        if end in (16, 33):  # between two records: only the manifest can tell
            assert records.count_records([path]) == (1 if end == 16 else 2)
        else:
            with pytest.raises(DataError, match="cut short"):
                records.count_records([path])


def test_plain_tensorflow_reads_the_same_points(photos, records_folder):
    """What the records hold, read without this project: the CSV's own numbers, and JPEGs of the recorded size."""
    lines = [line.split(",") for line in next((photos / "train_0/Annotations").glob("*.csv")).read_text().splitlines()]
    header, cells = lines[0], {line[0]: line for line in lines[1:]}
    specification = {f"image/keypoint/{name}": tf.io.FixedLenFeature([24], tf.int64) for name in ("x", "y", "v")}
    specification.update({f"image/{name}": tf.io.FixedLenFeature([], tf.int64) for name in ("height", "width")})
    specification.update({f"image/{name}": tf.io.FixedLenFeature([], tf.string) for name in ("filename", "encoded")})
    files = sorted(map(str, records_folder.glob("*.tfrecord")))
    dataset = tf.data.TFRecordDataset(files).map(lambda record: tf.io.parse_single_example(record, specification))
    seen = []
    for example in dataset.as_numpy_iterator():
        image_id = example["image/filename"].decode()
        seen.append(image_id)
        columns = [example[f"image/keypoint/{name}"] for name in ("x", "y", "v")]
        written = ["_".join(map(str, cell)) for cell in zip(*columns)]
        assert written == [cells[image_id][header.index(name)] for name in KEYPOINTS]
        decoded = tf.io.decode_jpeg(example["image/encoded"], channels=3)
        assert decoded.shape == [example["image/height"], example["image/width"], 3]
        assert example["image/encoded"] == (photos / "train_0" / image_id).read_bytes()
    assert sorted(seen) == sorted(cells)


@pytest.fixture
def records_folder(request):
    return request.getfixturevalue("records")
