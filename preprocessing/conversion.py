"""Photos and their CSV into TFRecords: the writing of a plan, which can be stopped at any time and goes on from there.

The same plan gives the same bytes. Each shard is written whole or not at all, then noted in the manifest; a conversion
that was stopped keeps the shards that are noted there and as they should be.
"""

import collections
import concurrent.futures
import contextlib
import glob
import hashlib
import itertools
import os
import time
from typing import Any, NamedTuple

import tensorflow as tf

from configs.errors import DataError, DataErrors
from configs.keypoints import ALL, KEYPOINTS
from preprocessing import annotations, files, layout, machine, manifest, photos, records
from preprocessing.conversion_plan import name_in_data

SKIPPED = "skipped.txt"  # in the output folder: the rows that --skip_bad left out
_CHUNK = 8  # photos handed to a thread at a time
_CHUNKS_AHEAD = 8  # handed out before the first of them is written: they wait in memory
_SECONDS_BETWEEN_NOTES = 1  # in the manifest, of the shards that are done


class Outcome(NamedTuple):
    """What became of a row.

    Attributes:
        example: the bytes of its example; None if it is faulty.
        file_size: of its photo.
        faults: a list of DataError.
        remark: a line to be said, or None.
    """

    example: Any
    file_size: int
    faults: list
    remark: Any = None


def convert(shards, output_dir, labelled, skip_bad, faults=(), on_photo=lambda: None, on_remark=lambda line: None):
    """Writes the shards into a folder that no other process writes to, then the manifest that says it is complete.

    Args:
        shards: the plan.
        output_dir: made when missing; what an earlier conversion left there and this one would not is removed.
        labelled: whether the rows have keypoints; a folder that holds the other kind is refused.
        skip_bad: leave faulty rows out, and list them in `skipped.txt`.
        faults: the DataErrors that are known already.
        on_photo: called after each photo.
        on_remark: called with a line for each photo that was stored anew.

    Returns:
        The number of records in the folder, and the lines of the rows left out.

    Raises:
        DataErrors: rows are faulty and `skip_bad` is not set; then nothing that this call wrote stays.
        DataError: the folder cannot be written, is in use, or holds what is not to be replaced.
    """
    with contextlib.suppress(OSError):  # `exclusive_folder` says what is wrong with the folder
        os.makedirs(output_dir, exist_ok=True)
    with files.exclusive_folder(output_dir):
        earlier = _earlier_shards(output_dir, labelled)
        kept = {shard.name: earlier[shard.name] for shard in shards if _is_done(shard, output_dir, earlier, skip_bad)}
        manifest.write(output_dir, labelled, kept, complete=False)
        _remove_others(output_dir, kept)
        pending = [shard for shard in shards if shard.name not in kept]
        written, found = _write_shards(pending, output_dir, labelled, kept, on_photo, on_remark)
        wrong = [] if skip_bad else sorted([*faults, *found], key=_place)
        if not wrong and not any(noted["records"] for noted in {**kept, **written}.values()):
            wrong = [DataError(output_dir, None, "would hold no record: every row is faulty")]
        if wrong:
            _remove_others(output_dir, kept)
            manifest.write(output_dir, labelled, kept, complete=False)
            raise DataErrors(wrong)
        return _finish(output_dir, labelled, {**kept, **written}, faults)


def _write_shards(shards, output_dir, labelled, kept, on_photo, on_remark):
    """Writes the shards, noted in the manifest beside the kept ones; returns these notes, and the faults."""
    written, faults, next_note = {}, [], 0
    rows = [row for shard in shards for row in shard.rows]
    with contextlib.closing(_outcomes(rows, on_photo, on_remark)) as outcomes:
        for shard in shards:
            written[shard.name], wrong = _write_shard(shard, output_dir, itertools.islice(outcomes, len(shard.rows)))
            faults += wrong
            if time.monotonic() >= next_note:
                manifest.write(output_dir, labelled, {**kept, **written}, complete=False)
                next_note = time.monotonic() + _SECONDS_BETWEEN_NOTES
    return written, faults


def _earlier_shards(output_dir, labelled):
    """Returns what the manifest of an earlier conversion says of its shards; refuses a folder that is not ours."""
    earlier = manifest.read(output_dir)
    there = [path for validation in (False, True) for path in records.list_shards(output_dir, ALL, validation)]
    if earlier is None and there:
        what = "holds TFRecords of another program (they have no manifest): an empty folder would be right"
        raise DataError(output_dir, None, what)
    if earlier and earlier["labelled"] != labelled and there:
        kinds = ("test records", "training records")
        what = f"holds {kinds[earlier['labelled']]}: another folder for {kinds[labelled]} would be right"
        raise DataError(output_dir, None, what)
    return earlier["shards"] if earlier else {}


def _is_done(shard, output_dir, earlier, skip_bad):
    """Returns whether an earlier conversion wrote this very shard, and neither it nor its photos changed since."""
    noted, path = earlier.get(shard.name), os.path.join(output_dir, shard.name)
    if not noted or noted.get("rows") != _fingerprint(shard) or (noted.get("skipped") and not skip_bad):
        return False
    try:
        photo_bytes = sum(os.path.getsize(os.path.join(row.split, row.image_id)) for row in shard.rows)
        return photo_bytes == noted.get("photo_bytes") and manifest.checksum(path) == noted.get("sha256")
    except OSError:
        return False


def _fingerprint(shard):
    digest = hashlib.sha256()
    for row in shard.rows:
        digest.update(f"{name_in_data(row)} {row.category} ".encode())
        if row.points is not None:
            digest.update(row.points.tobytes() + row.visibility.tobytes())
    return digest.hexdigest()


def _remove_others(output_dir, kept):
    """Removes the shards that are not to be kept, and what a killed conversion was writing."""
    paths = [path for validation in (False, True) for path in records.list_shards(output_dir, ALL, validation)]
    paths = [path for path in paths if os.path.basename(path) not in kept]
    paths += glob.glob(os.path.join(glob.escape(output_dir), ".*.tmp"))
    paths += glob.glob(os.path.join(glob.escape(output_dir), SKIPPED))
    try:
        for path in paths:
            os.remove(path)
    except OSError as error:
        raise files.cannot_write(path, error) from error


def _outcomes(rows, on_photo, on_remark):
    """Yields the Outcome of each row, in their order, as threads read and check the photos some way ahead."""
    starts = collections.deque(range(0, len(rows), _CHUNK))
    waiting = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(machine.cores()) as threads:
        try:
            while starts or waiting:
                while starts and len(waiting) < _CHUNKS_AHEAD:
                    start = starts.popleft()
                    waiting.append(threads.submit(_process_all, rows[start : start + _CHUNK]))
                for outcome in waiting.popleft().result():
                    on_photo()
                    if outcome.remark:
                        on_remark(outcome.remark)
                    yield outcome
        finally:
            threads.shutdown(cancel_futures=True)


def _process_all(rows):
    return [_process(row) for row in rows]


def _process(row):
    path, wrong = layout.photo_path(row.split, row.image_id)
    if wrong:
        return _refuse(row, wrong)
    try:
        data = photos.read_bytes(path)
        photo = photos.check(data)
    except photos.BadPhoto as error:
        return _refuse(row, error)
    faults = _points_outside(row, photo.size) if row.points is not None else []
    remark = photo.remark and f"{row.csv}: line {row.line}: {row.image_id} {photo.remark}"
    encoded = records.serialise(row.image_id, photo.encoded, photo.size, row.category, row.points, row.visibility)
    return Outcome(None if faults else encoded, len(data), faults, remark)


def _refuse(row, wrong):
    return Outcome(None, 0, [row.fault("image_id", f"{annotations.shown(row.image_id)} {wrong}")])


def _points_outside(row, size):
    width, height = size
    faults = []
    for name, (x, y), state in zip(KEYPOINTS, row.points.tolist(), row.visibility.tolist()):
        if state >= 0 and not (0 <= x < width and 0 <= y < height):
            what = f"lies outside the photo, which has {width}x{height} pixels"
            right = f"0_0 to {width - 1}_{height - 1} would be right"
            faults.append(row.fault(name, f"{x:.0f}_{y:.0f} {what}: {right}"))
    return faults


def _write_shard(shard, output_dir, outcomes):
    """Writes one file from the outcomes of its rows; returns what the manifest says of it, and its faults."""
    path = os.path.join(output_dir, shard.name)
    faults, lengths, photo_bytes = [], [], 0
    try:
        with files.atomic_path(path) as temporary:
            with tf.io.TFRecordWriter(temporary) as writer:
                for outcome in outcomes:
                    faults += outcome.faults
                    photo_bytes += outcome.file_size
                    if outcome.example is not None:
                        writer.write(outcome.example)
                        lengths.append(len(outcome.example))
            size, digest = os.path.getsize(temporary), manifest.checksum(temporary)
    except tf.errors.OpError as error:
        raise files.cannot_write(path, OSError(0, error.message.split("; ")[-1])) from error
    noted = {"records": len(lengths), "bytes": size, "sha256": digest}
    sources = {"rows": _fingerprint(shard), "photo_bytes": photo_bytes, "skipped": [str(fault) for fault in faults]}
    return {**noted, **sources}, faults


def _finish(output_dir, labelled, done, faults):
    skipped = [str(fault) for fault in faults] + [line for noted in done.values() for line in noted["skipped"]]
    if skipped:
        with files.atomic_write(os.path.join(output_dir, SKIPPED), encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in skipped))
    manifest.write(output_dir, labelled, done, complete=True)
    return sum(noted["records"] for noted in done.values()), skipped


def _place(fault):
    return fault.file, int(fault.where.split(",")[0].split()[1])
