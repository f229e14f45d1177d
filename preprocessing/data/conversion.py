"""Photos and their CSV into TFRecords: the writing of a plan, which can be stopped at any time and goes on from there.

The same plan gives the same bytes. Shards are written into `PENDING`, a folder within the output folder, each whole or
not at all, and noted in its manifest; when all are good they take their places. So faults, a kill or a full disk leave
what the output folder held, and what is pending is not done twice.
"""

import concurrent.futures
import contextlib
import json
import os
import shutil
import time
from typing import NamedTuple

from base import files, machine, skipped
from base.errors import DataError, DataErrors
from base.schema import ALL
from preprocessing.data import manifest, records, shard_writing
from preprocessing.data.row_examples import digest_of_photo

PENDING = ".pending"  # in the output folder: the shards of a conversion that is not done
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
    written=None,
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
        written: another engine's `shard_writing.written`; None for this process.

    Returns:
        The number of records in the folder, and the lines of the rows left out.

    Raises:
        DataErrors: rows are faulty and `skip_bad` is not set; the records in the folder stay as they were.
        DataError: the folder cannot be written, is in use, or holds what is not to be replaced.
    """
    with files.exclusive_folder(output_dir):
        pending_dir = os.path.join(output_dir, PENDING)
        earlier = earlier_manifest(output_dir, labelled)
        if earlier is None:
            manifest.write(output_dir, labelled, {}, complete=False, schema=schema)
        places = {output_dir: earlier, pending_dir: pending_manifest(pending_dir)}
        how = labelled, skip_bad, faults, on_photo, on_remark, schema, written
        done = make(shards, places, pending_dir, *how)
        check_not_empty(output_dir, done)
        return finish(output_dir, pending_dir, labelled, done, faults, schema)


def make(shards, places, folder, labelled, skip_bad, faults, on_photo, on_remark, schema, written):
    """Returns {shard name: Done} of all shards; those that lie in none of the places are written.

    Args:
        places: {folder: what its manifest says}.
        folder: to write into, one of the places.
        shards, labelled, skip_bad, faults, on_photo, on_remark, schema, written: as for `convert`.

    Raises:
        DataErrors: rows are faulty and `skip_bad` is not set.
    """
    done = done_shards(shards, places, skip_bad)
    rest = [shard for shard in shards if shard.name not in done]
    if faults and not skip_bad:
        rows = [row for shard in rest for row in shard.rows]
        found = [fault for outcome in shard_writing.outcomes(rows, on_photo, on_remark) for fault in outcome.faults]
    else:
        results = (written or shard_writing.written)(rest, folder, skip_bad, on_photo, on_remark)
        found = write_shards(rest, folder, labelled, done, results, schema)
    refuse([*faults, *found], skip_bad)
    return done


def refuse(faults, skip_bad):
    """Raises the faults, DataErrors in the order of their rows, unless they are to be left out."""
    if faults and not skip_bad:
        raise DataErrors(sorted(faults, key=_place))


def check_not_empty(output_dir, done):
    """Raises DataErrors where no shard that is done has a record."""
    if not any(shard.noted["records"] for shard in done.values()):
        raise DataErrors([DataError(output_dir, None, "would hold no record: every row is faulty")])


class Done(NamedTuple):
    """A shard that is written: the folder that it lies in, and what the manifest there says of it."""

    folder: str
    noted: dict


def write_shards(shards, folder, labelled, done, results, schema):
    """Notes the results, (note, faults) of each shard, in the folder's manifest and in `done`; returns the faults."""
    faults, next_note = [], 0
    with contextlib.closing(results):
        for number, (shard, (noted, wrong)) in enumerate(zip(shards, results), start=1):
            faults += wrong
            if noted:
                done[shard.name] = Done(folder, noted)
            if time.monotonic() >= next_note or number == len(shards):
                own = {name: shard.noted for name, shard in done.items() if shard.folder == folder}
                manifest.write(folder, labelled, _notes_that_fit(own), complete=False, schema=schema)
                next_note = time.monotonic() + _SECONDS_BETWEEN_NOTES
    return faults


def done_shards(shards, manifests, skip_bad):
    """Returns {shard name: Done} of the shards that an earlier conversion wrote, in one of the folders, as wanted."""

    def find(shard):
        for folder, earlier in manifests.items():
            noted = earlier and earlier["shards"].get(shard.name)
            if noted and _is_done(shard, folder, noted, skip_bad):
                return Done(folder, noted)
        return None

    with concurrent.futures.ThreadPoolExecutor(machine.cores()) as threads:
        found = threads.map(find, shards)
    return {shard.name: done for shard, done in zip(shards, found) if done}


def pending_manifest(pending_dir):
    """Returns the manifest of what an earlier conversion did not bring to its end; None where it says nothing."""
    try:
        return manifest.read(pending_dir)
    except DataError:  # then its shards are written anew
        return None


def earlier_manifest(output_dir, labelled):
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
    if noted.get("rows") != shard_writing.fingerprint(shard) or (noted.get("skipped") and not skip_bad):
        return False
    try:
        if manifest.checksum(os.path.join(folder, shard.name)) != noted["sha256"]:
            return False
    except OSError:
        return False
    return shard_writing.combined(map(digest_of_photo, shard.rows)) == noted.get("photos")


def finish(output_dir, pending_dir, labelled, done, faults, schema):
    """Puts the pending shards into their places, and removes what is not of this conversion.

    Where this is stopped, the same call finds each shard in one of the two folders.
    """
    notes = {name: shard.noted for name, shard in done.items()}
    manifest.write(output_dir, labelled, _notes_that_fit(notes), complete=False, schema=schema)
    files.send(output_dir)
    try:
        for name, shard in done.items():
            if shard.folder != output_dir:
                os.replace(os.path.join(shard.folder, name), os.path.join(output_dir, name))
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
