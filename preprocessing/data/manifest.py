"""The manifest beside the shards, and the check that nothing of a folder of TFRecords is lost.

A file that ends between two records, or a shard that is missing, reads as if all were well; only a count tells. So the
conversion writes `manifest.json`: whether it is complete, each shard's records, bytes and checksum, and the schema of
the records. The folders of the 2018 reference have none: they are counted, and their schema is FashionAI's.
"""

import contextlib
import hashlib
import json
import os
import re

from base import checked_json
from base import late_tensorflow as tf
from base import schema as schemas
from base.errors import DataError, DataErrors
from base.files import atomic_write
from preprocessing.data import annotations, photos, records

NAME = "manifest.json"
_VERSION = 1
MOST_BYTES = 8_000_000


def read(data_dir):
    """Returns the manifest of a folder of records, None where there is none.

    Returns:
        {complete: bool; labelled: bool; shards: {file name: {records, bytes, sha256, …}}; schema: Schema, FashionAI's
        where the manifest has none}.

    Raises:
        DataError: it is there but cannot be read, is of a newer version, or says what no conversion writes.
    """
    path = os.path.join(data_dir, NAME)
    try:
        manifest = checked_json.loads(checked_json.read_text(path, MOST_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(path, None, f"cannot be read ({error}): {records.CONVERT_AGAIN}") from error
    if not isinstance(manifest, dict) or manifest.get("version") != _VERSION:
        raise DataError(path, None, f"is no manifest of version {_VERSION}: {records.CONVERT_AGAIN}")
    key = _wrong_key(manifest, _KINDS) or next(filter(None, map(wrong_shard, manifest["shards"].items())), None)
    if key:
        raise DataError(path, key, f"is not what a conversion writes there: {records.CONVERT_AGAIN}")
    try:
        schema = schemas.of_json(manifest["schema"], "schema") if "schema" in manifest else schemas.default()
    except checked_json.Unexpected as error:
        raise DataError(path, error.key, error.what) from error
    return {**manifest, "schema": schema}


def schema_of(data_dir):
    """Returns the Schema of a folder of records; raises as `read` does."""
    manifest = read(data_dir)
    return manifest["schema"] if manifest else schemas.default()


def _is_count(value):
    return type(value) is int and 0 <= value < 1 << 63


def _is_digest(value):
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_list_of_lines(value):
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


_KINDS = {
    "version": lambda value: type(value) is int,
    "complete": lambda value: isinstance(value, bool),
    "labelled": lambda value: isinstance(value, bool),
    "shards": lambda value: isinstance(value, dict),
}
_KINDS_OF_SHARD = {"records": _is_count, "bytes": _is_count, "sha256": _is_digest}
_OPTIONAL_KINDS_OF_SHARD = {"rows": _is_digest, "photos": _is_digest, "skipped": _is_list_of_lines}


def _wrong_key(content, kinds):
    """Returns the first of the keys that a dict lacks, or whose value is of another kind; None where all are right."""
    return next((key for key, fits in kinds.items() if key not in content or not fits(content[key])), None)


def wrong_shard(item):
    """Returns where a shard's name and what is noted of it are wrong, or None."""
    name, noted = item
    if records.category_of(name) is None or os.path.basename(name) != name:
        return f"shards, {annotations.shown(name)}"
    if not isinstance(noted, dict):
        return f"shards, {name}"
    optional = {key: fits for key, fits in _OPTIONAL_KINDS_OF_SHARD.items() if key in noted}
    key = _wrong_key(noted, {**_KINDS_OF_SHARD, **optional})
    return key and f"shards, {name}, {key}"


def write(data_dir, labelled, shards, complete, schema=None):
    """Writes the manifest, whole or not at all; `shards` and `schema` as `read` returns them."""
    manifest = {
        "version": _VERSION,
        "complete": complete,
        "labelled": labelled,
        "schema": (schema or schemas.default()).to_json(),
        "shards": dict(sorted(shards.items())),
    }
    with atomic_write(os.path.join(data_dir, NAME), encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")


def checksum(path):
    """Returns the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def verify(data_dir, categories, checksums=False):
    """Checks labelled records before a training: nothing missing, cut or of another kind.

    Args:
        data_dir: the folder of the records.
        categories: names of the records' schema.
        checksums: whether to read every byte, instead of sizes and first records only.

    Returns:
        {category: (training records, validation records)}.

    Raises:
        DataError, DataErrors: what is wrong, a line a fault.
    """
    manifest = read(data_dir)
    if manifest and not manifest["complete"]:
        what = "says that the conversion was stopped: the same tools/convert_tfrecords.py command goes on"
        raise DataError(os.path.join(data_dir, NAME), "complete", what)
    if manifest and not manifest["labelled"]:
        raise DataError(data_dir, None, "holds test records, without keypoints: expected records of a train split")
    schema = manifest["schema"] if manifest else schemas.default()
    counts, faults = {}, []
    for category in categories:
        shards = [records.list_shards(data_dir, category, validation) for validation in (False, True)]
        known = _known_shards(manifest, category)
        paths = sorted({*shards[0], *shards[1], *(os.path.join(data_dir, name) for name in known)})
        wrong = [fault for fault in (_fault_of(path, manifest, checksums, schema) for path in paths) if fault]
        faults += wrong
        if not wrong:
            counts[category] = tuple(sum(_count(path, known) for path in half) for half in shards)
    if faults:
        raise DataErrors(faults)
    return counts


def _known_shards(manifest, category):
    shards = manifest["shards"] if manifest else {}
    return {name: shard for name, shard in shards.items() if records.category_of(name) == category}


def _count(path, known):
    shard = known.get(os.path.basename(path))
    return shard["records"] if shard else records.count_records([path])


def _fault_of(path, manifest, checksums, schema):
    """Returns the DataError of a shard, or None."""
    try:
        if manifest:
            _compare(path, manifest["shards"], checksums)
        else:
            records.count_records([path])
        for number, example in enumerate(records.read_examples(path, schema)):
            if "image/keypoint/v" not in example.features.feature:
                return DataError(path, f"record {number + 1}", "has no keypoints: it was made from a test split")
            if not checksums:
                break
    except DataError as error:
        return error
    return None


def _compare(path, shards, checksums):
    shard = shards.get(os.path.basename(path))
    if shard is None:
        raise DataError(path, None, f"is not in {NAME}: another conversion left it; remove it or convert again")
    try:
        size = os.path.getsize(path)
    except FileNotFoundError as error:
        raise DataError(path, None, f"is missing, {NAME} lists it: {records.CONVERT_AGAIN}") from error
    if size != shard["bytes"]:
        what = f"has {size} bytes where {NAME} says {shard['bytes']}: {records.CONVERT_AGAIN}"
        raise DataError(path, None, what)
    count = records.count_records([path])
    if count != shard["records"]:
        what = f"has {count} records where {NAME} says {shard['records']}: {records.CONVERT_AGAIN}"
        raise DataError(path, None, what)
    if checksums and checksum(path) != shard["sha256"]:
        raise DataError(path, None, f"has another checksum than {NAME} says: {records.CONVERT_AGAIN}")


@contextlib.contextmanager
def naming_damage(data_dir, category):
    """Turns a reader's error within the block into a DataError that names the shard and the record.

    TensorFlow's graph says that a record is damaged, but not in which file; so every shard of the category is read.
    An error that the records are not to blame for is passed on.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        shards = [path for validation in (False, True) for path in records.list_shards(data_dir, category, validation)]
        fault = find_fault(shards, schema_of(data_dir))
        if fault is None:
            raise
        raise fault from error


def find_fault(shards, schema=None):
    """Reads every record of the shards, photos too, and returns the DataError of the first bad one, or None."""
    return next(filter(None, (_first_fault(shard, schema) for shard in shards)), None)


def _first_fault(path, schema):
    try:
        for number, example in enumerate(records.read_examples(path, schema), start=1):
            wrong = _wrong_photo(example.features.feature)
            if wrong:
                return DataError(path, f"record {number}, image/encoded", wrong)
    except DataError as error:
        return error
    return None


def _wrong_photo(feature):
    size = [feature[f"image/{side}"].int64_list.value[0] for side in ("width", "height")]
    try:
        photo = photos.check(feature["image/encoded"].bytes_list.value[0])
    except photos.BadPhoto as error:
        return str(error)
    if sorted(photo.size) != sorted(size):  # records of others may have an EXIF orientation, which exchanges the two
        return "has {}x{} pixels where image/width and image/height say {}x{}".format(*photo.size, *size)
    return None
