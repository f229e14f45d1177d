"""The shards of a conversion, a file each: photos are read and checked some way ahead, examples written in order."""

import collections
import concurrent.futures
import contextlib
import hashlib
import importlib
import itertools
import json
import os

import numpy as np

from base import files, stderr
from base import late_tensorflow as tf
from base import schema as schemas
from base.errors import one_line
from preprocessing.data import boxes, manifest
from preprocessing.data.conversion_plan import name_in_data
from preprocessing.data.row_examples import process

_CHUNK = 8  # photos handed to a thread at a time
_CHUNKS_PER_READER = 4  # handed out before the first of them is written: they wait in memory


def written(shards, folder, skip_bad, on_photo, on_remark):
    """Yields what `write_shard` returns of each shard, which this process writes."""
    rows = [row for shard in shards for row in shard.rows]
    with contextlib.closing(outcomes(rows, on_photo, on_remark)) as found:
        for shard in shards:
            yield write_shard(shard, folder, itertools.islice(found, len(shard.rows)), skip_bad)


def fingerprint(shard):
    """Returns a text that differs for a shard of other rows; their photos are not looked at."""
    digest = hashlib.sha256()
    schema = shard.rows[0].schema
    if schema != schemas.default():  # what FashionAI's digest has always been stays
        digest.update(json.dumps(schema.to_json(), sort_keys=True).encode())
    for row in shard.rows:
        digest.update(f"{name_in_data(row)} {row.category} {boxes.to_text(row.box)}".encode())
        if row.points is not None:
            digest.update(row.points.astype(np.float64).tobytes() + row.visibility.tobytes())
    return digest.hexdigest()


def combined(digests):
    """Returns one text for the digests of a shard's photos."""
    whole = hashlib.sha256()
    for digest in digests:
        whole.update(bytes([len(digest)]) + digest)
    return whole.hexdigest()


def outcomes(rows, on_photo, on_remark):
    """Yields the Outcome of each row, in their order, as threads read and check the photos some way ahead."""
    importlib.import_module("tensorflow")  # here: in a thread, its import would hold other threads' complaints back
    starts = collections.deque(range(0, len(rows), _CHUNK))
    waiting = collections.deque()
    readers = files.readers()
    with concurrent.futures.ThreadPoolExecutor(readers) as threads:
        try:
            while starts or waiting:
                while starts and len(waiting) < _CHUNKS_PER_READER * readers:
                    start = starts.popleft()
                    waiting.append(threads.submit(_process_all, rows[start : start + _CHUNK]))
                for outcome in waiting.popleft().result():
                    on_photo()
                    if outcome.remark:
                        with stderr.LOCK:
                            on_remark(outcome.remark)
                    yield outcome
        finally:
            threads.shutdown(cancel_futures=True)


def _process_all(rows):
    return [process(row) for row in rows]


class _Faulty(Exception):
    """Ends the writing of a shard that is not to be."""


def write_shard(shard, folder, outcomes, skip_bad):
    """Writes one file from the outcomes of its rows; returns what the manifest says of it, and its faults.

    A shard with faults is written where `skip_bad` says so; else there is no note of it, and nothing is written.
    """
    path = os.path.join(folder, shard.name)
    faults, lengths, digests = [], [], []
    try:
        with files.atomic_path(path) as temporary:
            with tf.io.TFRecordWriter(temporary) as writer:
                for outcome in outcomes:
                    faults += outcome.faults
                    digests.append(outcome.digest)
                    if outcome.example is not None:
                        writer.write(outcome.example)
                        lengths.append(len(outcome.example))
            if faults and not skip_bad:
                raise _Faulty
            size, digest = os.path.getsize(temporary), manifest.checksum(temporary)
    except _Faulty:
        return None, faults
    except tf.errors.OpError as error:
        raise files.cannot_write(path, OSError(0, error.message.split("; ")[-1])) from error
    noted = {"records": len(lengths), "bytes": size, "sha256": digest}
    lines = [one_line(str(fault)) for fault in faults]
    return {**noted, "rows": fingerprint(shard), "photos": combined(digests), "skipped": lines}, faults
