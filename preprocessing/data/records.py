"""The TFRecords: the features of an example, the names of the shards, reading and counting them.

The features are those of the 2018 reference, so that its files are readable here and ours there. Legend: K keypoints,
all that the schema has, in its order; points in the photo's pixels as the CSV has them.
"""

import os
import re
import struct

import numpy as np
from google.protobuf.message import DecodeError

from base import files
from base import late_tensorflow as tf
from base import schema as schemas
from base.errors import DataError
from base.schema import ALL, CATEGORY_PATTERN
from preprocessing.data import annotations, boxes, photos

_SHARD = re.compile(rf"(?P<category>{CATEGORY_PATTERN})_(?P<number>\d{{4,}})(?P<validation>_val)?\.tfrecord")
CONVERT_AGAIN = "tools/convert_tfrecords.py writes it anew"
_FARTHEST = 999_999  # a coordinate in pixels, as in the CSV

_TEXTS = ("image/encoded", "image/filename")
_NUMBERS = ("image/height", "image/width", "image/classid")
_BOX = "image/box"  # x0, y0, x1, y1 (`boxes`); an example of the whole photo has none
_KEYPOINT_FEATURES = tuple(f"image/keypoint/{name}" for name in ("x", "y", "v", "gid"))


def _specification(schema, labelled):
    """Returns {name: tf.io.FixedLenFeature} of what is read of an example."""
    text, number = (tf.io.FixedLenFeature([], kind) for kind in (tf.string, tf.int64))
    own = tf.io.FixedLenFeature([len(schema.keypoints)], tf.int64)
    of_image = {**dict.fromkeys(_TEXTS, text), **dict.fromkeys(_NUMBERS, number)}
    return {**of_image, **(dict.fromkeys(_KEYPOINT_FEATURES, own) if labelled else {})}


def serialise(image_id, encoded, size, category, points=None, visibility=None, schema=None, box=None):
    """Returns the bytes of one example.

    Args:
        image_id: `Images/<category>/<name>.jpg`.
        encoded: the photo's JPEG bytes.
        size: its (width, height).
        category: a name of the schema's.
        points: [K, 2] whole pixels; None for a test example, which has no keypoints.
        visibility: [K] in {-1, 0, 1}, with `points`.
        schema: the Schema; FashionAI's where not given.
        box: the garment's (x0, y0, x1, y1) in the photo; None for the whole photo.
    """
    schema = schema or schemas.default()
    example = tf.train.Example()
    feature = example.features.feature
    feature["image/encoded"].bytes_list.value.append(encoded)
    feature["image/filename"].bytes_list.value.append(image_id.encode())
    feature["image/format"].bytes_list.value.append(b"JPEG")
    feature["image/width"].int64_list.value.append(size[0])
    feature["image/height"].int64_list.value.append(size[1])
    feature["image/channels"].int64_list.value.append(3)
    feature["image/classid"].int64_list.value.append(schema.category_names.index(category))
    if box is not None:
        feature[_BOX].int64_list.value.extend(box)
    if points is not None:
        columns = zip(*np.asarray(points).tolist())
        for name, values in zip("xy", columns):
            feature[f"image/keypoint/{name}"].int64_list.value.extend(map(int, values))
        feature["image/keypoint/v"].int64_list.value.extend(np.asarray(visibility).tolist())
        feature["image/keypoint/id"].int64_list.value.extend(schema.record_ids(category))
        feature["image/keypoint/gid"].int64_list.value.extend(range(len(schema.keypoints)))
    return example.SerializeToString(deterministic=True)


def parse(serialised, labelled=True, schema=None):
    """Returns the tensors of one example, or of each of some.

    Args:
        serialised: string [...], of rank 0 or 1, records.
        labelled: whether they have keypoints; test examples have none.
        schema: the Schema; FashionAI's where not given.

    Returns:
        {encoded: string [...], the JPEG; image_id: string [...]; image_size: int32 [..., 2], width and height;
        box: int32 [..., 4], the garment's part of the photo, of (0, 0, width, height) where the example has no box;
        category: int32 [...], the index among the schema's categories; and where labelled points: int32 [..., K, 2];
        visibility: int32 [..., K] in {-1, 0, 1}}.
    """
    specification = _specification(schema or schemas.default(), labelled)
    box = tf.io.FixedLenFeature([4], tf.int64, default_value=[0] * 4)
    features = tf.io.parse_example(serialised, {**specification, _BOX: box})
    size = tf.stack([features["image/width"], features["image/height"]], -1)
    # The whole photo where there is no box: 0 to 0 holds no pixel.
    far_corner = tf.where(features[_BOX][..., 2:] > 0, features[_BOX][..., 2:], size)
    example = {
        "encoded": features["image/encoded"],
        "image_id": features["image/filename"],
        "image_size": tf.cast(size, tf.int32),
        "box": tf.cast(tf.concat([features[_BOX][..., :2], far_corner], -1), tf.int32),
        "category": tf.cast(features["image/classid"], tf.int32),
    }
    if labelled:
        columns = tf.stack([features[f"image/keypoint/{name}"] for name in "xyv"], axis=-1)  # [..., K, 3]
        columns = tf.cast(_in_order(columns, features["image/keypoint/gid"]), tf.int32)
        example["points"], example["visibility"] = columns[..., :2], columns[..., 2]
    return example


def _in_order(columns, gid):
    """Returns the rows of columns [..., K, 3] by keypoint: `gid` [..., K] says which keypoint a value belongs to."""
    keypoints = columns.shape[-2]
    gid = tf.reshape(gid, [-1, keypoints])
    first = keypoints * tf.range(tf.shape(gid, tf.int64)[0])
    # The op refuses a keypoint that is there twice.
    order = tf.math.invert_permutation(tf.reshape(gid + first[:, None], [-1]))
    ordered = tf.reshape(tf.gather(tf.reshape(columns, [-1, 3]), order), tf.shape(columns))
    return tf.ensure_shape(ordered, columns.shape)


def shard_name(category, number, validation=False):
    """Returns the file name of a category's shard, `<category>_0000.tfrecord` or `<category>_0000_val.tfrecord`."""
    return f"{category}_{number:04d}{'_val' if validation else ''}.tfrecord"


def category_of(shard):
    """Returns the category that a shard's file name says, or None where it is no shard's name."""
    match = _SHARD.fullmatch(os.path.basename(shard))
    return match and match["category"]


def list_shards(data_dir, category, validation=False):
    """Returns the paths of a category's shards (of every category for `all`), in order; an empty list if none.

    Raises:
        DataError: there is no such folder.
    """
    try:
        names = files.names(data_dir)
    except OSError as error:
        what = f"cannot be read ({error.strerror}): expected a folder of TFRecords"
        raise DataError(data_dir, None, what) from error
    matches = [match for match in map(_SHARD.fullmatch, names) if match]
    matches = [match for match in matches if bool(match["validation"]) == validation]
    matches = [match for match in matches if match["category"] == category or category == ALL]
    matches.sort(key=lambda match: (match["category"], int(match["number"])))
    return [os.path.join(data_dir, match[0]) for match in matches]


def count_records(shards):
    """Returns the number of records in the shards, from the lengths that stand before each (contents are not read).

    Raises:
        DataError: a shard cannot be read, or ends within a record.
    """
    return sum(_count_shard(shard) for shard in shards)


def _count_shard(shard):
    # A record: length (8 bytes), its checksum (4), the example, its checksum (4).
    count, position = 0, 0
    try:
        size = os.path.getsize(shard)
        with open(shard, "rb", buffering=0) as file:
            while position < size:
                file.seek(position)
                header = file.read(12)
                position += 16 + (struct.unpack("<Q", header[:8])[0] if len(header) == 12 else size)
                if position > size:
                    raise DataError(shard, f"record {count + 1}", f"is cut short: {CONVERT_AGAIN}")
                count += 1
    except OSError as error:
        raise DataError(shard, None, f"cannot be read ({error.strerror})") from error
    return count


def is_labelled(shard, schema=None):
    """Returns whether a shard's examples have keypoints, by its first one; None for an empty shard.

    Args:
        shard, schema: as for `read_examples`.

    Raises:
        DataError: the first record is damaged or no example of ours.
    """
    for example in read_examples(shard, schema):
        return "image/keypoint/v" in example.features.feature
    return None


def read_examples(shard, schema=None):
    """Yields the tf.train.Example of each record of a shard, checked: every feature is of its kind and within bounds.

    Args:
        shard: its path.
        schema: the Schema of its examples; FashionAI's where not given.

    Raises:
        DataError: a record is damaged or no example of ours; names the shard and the record.
    """
    _count_shard(shard)  # TensorFlow would believe a length that the file does not have, and reserve so much memory
    category, number = category_of(shard), 0
    try:
        for number, serialised in enumerate(tf.compat.v1.io.tf_record_iterator(str(shard)), start=1):
            example = tf.train.Example.FromString(serialised)
            wrong = _wrong_features(example.features.feature, category, schema or schemas.default())
            if wrong:
                raise DataError(shard, f"record {number}", wrong)
            yield example
    except tf.errors.DataLossError as error:
        what = f"is damaged (its checksum or its end is wrong): {CONVERT_AGAIN}"
        raise DataError(shard, f"record {number + 1}", what) from error
    except tf.errors.OpError as error:
        raise DataError(shard, None, f"cannot be read ({error.message})") from error
    except (DecodeError, ValueError) as error:
        raise DataError(shard, f"record {number}", "is no tf.train.Example") from error


def _wrong_features(feature, category, schema):
    """Returns what is wrong with the features of an example from a shard of `category`; None if nothing is."""
    wanted = _specification(schema, labelled=any(name in feature for name in _KEYPOINT_FEATURES))
    missing = [name for name in wanted if name not in feature]
    if missing:
        return f"lacks the features {', '.join(missing)}: {CONVERT_AGAIN}"
    values = {name: _values(feature[name], kind.dtype) for name, kind in wanted.items()}
    for name, kind in wanted.items():
        count = kind.shape[0] if kind.shape else 1
        if len(values[name]) != count:
            return f"has {len(values[name])} values of {kind.dtype.name} in {name}: expected {count}"
    class_id, names = values["image/classid"], schema.category_names
    if category in names and class_id != [names.index(category)]:
        return f"has image/classid {class_id} where {category} is [{names.index(category)}]"
    return _out_of_bounds(values, schema) or _wrong_box(feature, values)


def box_of(example):
    """Returns the box (x0, y0, x1, y1) of a tf.train.Example, None for the whole photo."""
    feature = example.features.feature
    return tuple(feature[_BOX].int64_list.value) if _BOX in feature else None


def _wrong_box(feature, values):
    if _BOX not in feature:
        return None
    box, size = tuple(feature[_BOX].int64_list.value), [*values["image/width"], *values["image/height"]]
    if len(box) != 4:
        return f"has {len(box)} values of int64 in {_BOX}: expected 4"
    wrong = boxes.outside(box, size)
    return wrong and f"has the {_BOX} {wrong}"


def _values(feature, dtype):
    return list(feature.bytes_list.value if dtype == tf.string else feature.int64_list.value)


def _out_of_bounds(values, schema):
    bounds = {
        "image/classid": (0, len(schema.categories) - 1),
        "image/width": (1, photos.MOST_PIXELS),
        "image/height": (1, photos.MOST_PIXELS),
        "image/keypoint/x": (-_FARTHEST, _FARTHEST),
        "image/keypoint/y": (-_FARTHEST, _FARTHEST),
        "image/keypoint/v": (-1, 1),
    }
    for name, (low, high) in bounds.items():
        for value in values.get(name, ()):
            if not low <= value <= high:
                return f"has {value} in {name}: expected {low} to {high}"
    numbers = list(range(len(schema.keypoints)))
    if sorted(values.get("image/keypoint/gid", numbers)) != numbers:
        return f"has image/keypoint/gid that do not number the keypoints: expected 0 to {numbers[-1]}, each once"
    image_id = values["image/filename"][0].decode(errors="replace")
    wrong = "is no UTF-8" if "\ufffd" in image_id else annotations.wrong_image_id(image_id)
    return wrong and f"has the image/filename {annotations.shown(image_id)}, which {wrong}"
