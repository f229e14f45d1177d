"""Photos and their CSV into TFRecords: the writing of a plan, which can be stopped at any time and goes on from there.

The same plan gives the same bytes. Shards are written into `PENDING`, a folder within the output folder, each whole or
not at all, and noted in its manifest; when all are good they take their places. So faults, a kill or a full disk leave
what the output folder held, and what is pending is not done twice.
"""

import collections
import concurrent.futures
import contextlib
import hashlib
import importlib
import itertools
import json
import os
import shutil
import time
from typing import NamedTuple

import numpy as np

from base import files, machine, skipped, stderr
from base import late_tensorflow as tf
from base import schema as schemas
from base.errors import DataError, DataErrors, one_line
from base.schema import ALL
from preprocessing.data import boxes, manifest, records
from preprocessing.data.conversion_plan import name_in_data
from preprocessing.data.row_examples import digest_of_photo, process

PENDING = ".pending"  # in the output folder: the shards of a conversion that is not done
_CHUNK = 8  # photos handed to a thread at a time
_CHUNKS_PER_CORE = 4  # handed out before the first of them is written: they wait in memory
_SECONDS_BETWEEN_NOTES = 1  # in the manifest, of the shards that are done
_MOST_BYTES_OF_LINES = manifest.MOST_BYTES // 2  # of rows left out, in the manifest


def convert(
    shards,
    output_dir,
    labelled,
    skip_bad,
    faults=(),
    on_photo=lambda: None,
    on_remark=lambda line: None,
    schema=None,
):
    """Writes the shards into a folder that no other process writes to, then the manifest that says it is complete.

    Args:
        shards: the plan.
        output_dir: made when missing; what an earlier conversion left there and this one would not is removed.
        labelled: whether the rows have keypoints; a folder that holds the other kind is refused.
        skip_bad: leave faulty rows out, and list them in `skipped.txt`.
        faults: the DataErrors that are known already.
        on_photo: called after each photo.
        on_remark: called with a line for each photo that was stored anew.
        schema: the Schema of the rows; FashionAI's where not given.

    Returns:
        The number of records in the folder, and the lines of the rows left out.

    Raises:
        DataErrors: rows are faulty and `skip_bad` is not set; the records in the folder stay as they were.
        DataError: the folder cannot be written, is in use, or holds what is not to be replaced.
    """
    with files.exclusive_folder(output_dir):
        pending_dir = os.path.join(output_dir, PENDING)
        earlier = _earlier(output_dir, labelled)
        if earlier is None:
            manifest.write(output_dir, labelled, {}, complete=False, schema=schema)
        done = _done_shards(shards, {output_dir: earlier, pending_dir: _pending(pending_dir)}, skip_bad)
        rest = [shard for shard in shards if shard.name not in done]
        if faults and not skip_bad:
            rows = [row for shard in rest for row in shard.rows]
            found = [fault for outcome in _outcomes(rows, on_photo, on_remark) for fault in outcome.faults]
        else:
            found = _write_shards(rest, pending_dir, labelled, skip_bad, done, on_photo, on_remark, schema)
        wrong = [] if skip_bad else sorted([*faults, *found], key=_place)
        if not wrong and not any(shard.noted["records"] for shard in done.values()):
            wrong = [DataError(output_dir, None, "would hold no record: every row is faulty")]
        if wrong:
            raise DataErrors(wrong)
        return _finish(output_dir, pending_dir, labelled, done, faults, schema)


class _Done(NamedTuple):
    """A shard that is written: the folder that it lies in, and what the manifest there says of it."""

    folder: str
    noted: dict


def _write_shards(shards, folder, labelled, skip_bad, done, on_photo, on_remark, schema):
    """Writes the shards, noted in the folder's manifest and in `done`; returns the faults."""
    faults, next_note = [], 0
    rows = [row for shard in shards for row in shard.rows]
    with contextlib.closing(_outcomes(rows, on_photo, on_remark)) as outcomes:
        for number, shard in enumerate(shards, start=1):
            noted, wrong = _write_shard(shard, folder, itertools.islice(outcomes, len(shard.rows)), skip_bad)
            faults += wrong
            if noted:
                done[shard.name] = _Done(folder, noted)
            if time.monotonic() >= next_note or number == len(shards):
                own = {name: shard.noted for name, shard in done.items() if shard.folder == folder}
                manifest.write(folder, labelled, _notes_that_fit(own), complete=False, schema=schema)
                next_note = time.monotonic() + _SECONDS_BETWEEN_NOTES
    return faults


def _done_shards(shards, manifests, skip_bad):
    """Returns {shard name: _Done} of the shards that an earlier conversion wrote, in one of the folders, as wanted."""

    def find(shard):
        for folder, earlier in manifests.items():
            noted = earlier and earlier["shards"].get(shard.name)
            if noted and _is_done(shard, folder, noted, skip_bad):
                return _Done(folder, noted)
        return None

    with concurrent.futures.ThreadPoolExecutor(machine.cores()) as threads:
        found = threads.map(find, shards)
    return {shard.name: done for shard, done in zip(shards, found) if done}


def _pending(pending_dir):
    """Returns the manifest of what an earlier conversion did not bring to its end; None where it says nothing."""
    try:
        return manifest.read(pending_dir)
    except DataError:  # then its shards are written anew
        return None


def _earlier(output_dir, labelled):
    """Returns the manifest of an earlier conversion, None where there was none; refuses a folder that is not ours."""
    there = [path for validation in (False, True) for path in records.list_shards(output_dir, ALL, validation)]
    try:
        earlier = manifest.read(output_dir)
    except DataError:  # which tells the user that the conversion writes it anew
        return None
    if earlier is None and there:
        what = "holds TFRecords of another program (they have no manifest): expected an empty folder"
        raise DataError(output_dir, None, what)
    if earlier and earlier["labelled"] != labelled and there:
        kinds = ("test records", "training records")
        what = f"holds {kinds[earlier['labelled']]}: expected another folder for {kinds[labelled]}"
        raise DataError(output_dir, None, what)
    return earlier


def _is_done(shard, folder, noted, skip_bad):
    """Returns whether a note is of this very shard, and neither its file nor its photos changed since."""
    if noted.get("rows") != _fingerprint(shard) or (noted.get("skipped") and not skip_bad):
        return False
    try:
        if manifest.checksum(os.path.join(folder, shard.name)) != noted["sha256"]:
            return False
    except OSError:
        return False
    return _combined(map(digest_of_photo, shard.rows)) == noted.get("photos")


def _fingerprint(shard):
    digest = hashlib.sha256()
    schema = shard.rows[0].schema
    if schema != schemas.default():  # what FashionAI's digest has always been stays
        digest.update(json.dumps(schema.to_json(), sort_keys=True).encode())
    for row in shard.rows:
        digest.update(f"{name_in_data(row)} {row.category} {boxes.to_text(row.box)}".encode())
        if row.points is not None:
            digest.update(row.points.astype(np.float64).tobytes() + row.visibility.tobytes())
    return digest.hexdigest()


def _combined(digests):
    combined = hashlib.sha256()
    for digest in digests:
        combined.update(bytes([len(digest)]) + digest)
    return combined.hexdigest()


def _outcomes(rows, on_photo, on_remark):
    """Yields the Outcome of each row, in their order, as threads read and check the photos some way ahead."""
    importlib.import_module("tensorflow")  # here: in a thread, its import would hold other threads' complaints back
    starts = collections.deque(range(0, len(rows), _CHUNK))
    waiting = collections.deque()
    cores = machine.cores()
    with concurrent.futures.ThreadPoolExecutor(cores) as threads:
        try:
            while starts or waiting:
                while starts and len(waiting) < _CHUNKS_PER_CORE * cores:
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


def _write_shard(shard, folder, outcomes, skip_bad):
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
    return {**noted, "rows": _fingerprint(shard), "photos": _combined(digests), "skipped": lines}, faults


def _finish(output_dir, pending_dir, labelled, done, faults, schema):
    """Puts the pending shards into their places, and removes what is not of this conversion.

    Where this is stopped, the same call finds each shard in one of the two folders.
    """
    notes = {name: shard.noted for name, shard in done.items()}
    manifest.write(output_dir, labelled, _notes_that_fit(notes), complete=False, schema=schema)
    try:
        for name, shard in done.items():
            if shard.folder == pending_dir:
                os.replace(os.path.join(pending_dir, name), os.path.join(output_dir, name))
        for path in _others(output_dir, done):
            os.remove(path)
        shutil.rmtree(pending_dir, ignore_errors=True)
    except OSError as error:
        raise files.cannot_write(output_dir, error) from error
    left_out = [str(fault) for fault in faults] + [line for noted in notes.values() for line in noted["skipped"]]
    if left_out:
        skipped.write(output_dir, left_out)
    manifest.write(output_dir, labelled, _notes_that_fit(notes), complete=True, schema=schema)
    return sum(noted["records"] for noted in notes.values()), left_out


def _notes_that_fit(notes):
    """Returns the notes of shards with no more lines of rows left out than the manifest has room for.

    A shard without its lines gets no fingerprint either: the next conversion writes it anew, and finds the lines again.
    """
    fitting, length = {}, 0
    for name, noted in notes.items():
        length += len(json.dumps(noted["skipped"])) if noted.get("skipped") else 0
        dropped = ("rows", "photos", "skipped") if noted.get("skipped") and length > _MOST_BYTES_OF_LINES else ()
        fitting[name] = {key: value for key, value in noted.items() if key not in dropped}
    return fitting


def _others(output_dir, done):
    """Returns the paths of shards that are not of this conversion, and of the list of an earlier one."""
    paths = [path for validation in (False, True) for path in records.list_shards(output_dir, ALL, validation)]
    paths = [path for path in paths if os.path.basename(path) not in done]
    former = os.path.join(output_dir, skipped.NAME)
    return [*paths, former] if os.path.lexists(former) else paths


def _place(fault):
    return fault.file, int(fault.where.split(",")[0].split()[1])
