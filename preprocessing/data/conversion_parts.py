"""A conversion in parts: the shards of a plan, some of them here and some there, and all put into one folder.

Each part has a folder of its own under `.parts` in the output folder, with a manifest as `.pending` has while it is at
work, and `part.json` when it is whole: which conversion it is a part of, and the notes of its shards.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import os

from base import files, machine, parts
from base.errors import DataError
from preprocessing.data import conversion, manifest, shard_writing

_NAME = "part.json"


def identity(shards, options):
    """Returns a dict of JSON values that differs for another conversion.

    Args:
        shards: the plan of all.
        options: what the plan was made with, {name: value}.
    """
    digest = hashlib.sha256()
    for shard in shards:
        digest.update(f"{shard.name} {shard_writing.fingerprint(shard)} ".encode())
    return {"options": options, "rows": digest.hexdigest()}


def own_shards(shards, part):
    """Returns the shards of a Part, neighbours in the plan."""
    own = parts.shares(part.of, _sizes(shards))[part.number - 1]
    return shards[own.start : own.stop]


def convert_part(shards, part, output_dir, work, labelled, skip_bad, faults, on_photo, on_remark, schema, written=None):
    """Writes the shards of a Part into its folder, for `merge`.

    Args:
        shards: the plan of all.
        part: the Part.
        work: the `identity` of the conversion.
        output_dir, labelled, skip_bad, faults, on_photo, on_remark, schema, written: as for `conversion.convert`.

    Returns:
        The number of its records.

    Raises:
        DataErrors: rows are faulty and `skip_bad` is not set.
        DataError: the folder cannot be written, is in use, or holds what is not to be replaced.
    """
    folder = parts.place(parts.folder_in(output_dir), part)
    with files.exclusive_folder(folder):
        conversion.earlier_manifest(output_dir, labelled)
        places = {folder: _earlier(folder)}
        how = labelled, skip_bad, faults, on_photo, on_remark, schema, written
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, _NAME))
        done = conversion.make(own_shards(shards, part), places, folder, *how)
        notes = {name: shard.noted for name, shard in done.items()}
        with files.atomic_write(os.path.join(folder, _NAME), encoding="utf-8") as file:
            json.dump({"work": {**work, "part": str(part)}, "shards": notes}, file)
    return sum(noted["records"] for noted in notes.values())


def merge(shards, output_dir, work, labelled, skip_bad, faults, schema):
    """Puts the shards of all parts into the output folder, as `conversion.convert` does, and removes the parts.

    Where this is stopped, the same call goes on. Arguments are those of `convert_part`, and it returns what `convert`
    does.

    Raises:
        DataErrors: rows are faulty and `skip_bad` is not set.
        DataError: a part is missing, not finished, damaged, or of another conversion; or as for `convert`.
    """
    with files.exclusive_folder(output_dir):
        conversion.earlier_manifest(output_dir, labelled)
        folder = parts.folder_in(output_dir)
        found = parts.complete(folder)
        notes = {}
        for part in found:
            notes[part] = _notes(parts.place(folder, part), part, {**work, "part": str(part)})
        conversion.refuse(faults, skip_bad)
        wanted = [
            (shard, parts.place(folder, part), notes[part].get(shard.name))
            for part, own in zip(found, parts.shares(len(found), _sizes(shards)))
            for shard in shards[own.start : own.stop]
        ]
        with concurrent.futures.ThreadPoolExecutor(machine.cores()) as threads:
            done = dict(threads.map(lambda one: _done(*one, output_dir), wanted))
        conversion.check_not_empty(output_dir, done)
        pending_dir = os.path.join(output_dir, conversion.PENDING)
        result = conversion.finish(output_dir, pending_dir, labelled, done, faults, schema)
        files.remove_at_once(folder)
        return result


def _sizes(shards):
    return [len(shard.rows) for shard in shards]


def _earlier(folder):
    """Returns what an earlier call noted of a part's shards: when it was done, or while it was at work."""
    made = _read(folder)
    return made or conversion.pending_manifest(folder)


def _notes(folder, part, work):
    """Returns the notes of the shards of a part, {name: note}; raises DataError where it is not whole, or foreign."""
    made = _read(folder)
    if made is None:
        what = f"is not finished: expected --shard={part} to be done before --merge"
        raise DataError(folder, None, what)
    wrong = parts.foreign(folder, made["work"], json.loads(json.dumps(work)))
    if wrong:
        raise wrong
    return made["shards"]


def _read(folder):
    """Returns what `part.json` says; None where there is none, or it says nothing that `convert_part` writes."""
    try:
        with open(os.path.join(folder, _NAME), encoding="utf-8") as file:
            made = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    kinds = isinstance(made, dict) and all(isinstance(made.get(key), dict) for key in ("work", "shards"))
    return made if kinds and not any(map(manifest.wrong_shard, made["shards"].items())) else None


def _done(shard, folder, noted, output_dir):
    """Returns (name, Done) of a shard, which lies in its part, or where an earlier merge has put it."""
    if noted:
        for place in (folder, output_dir):
            with contextlib.suppress(OSError):
                if manifest.checksum(os.path.join(place, shard.name)) == noted["sha256"]:
                    return shard.name, conversion.Done(place, noted)
    what = "is missing, or not what was written: expected the part as it was made; run it again"
    raise DataError(os.path.join(folder, shard.name), None, what)
