"""Converts photos and their keypoints, in the FashionAI layout, into TFRecords: a set of shards for each category.

Every photo is decoded once, so a broken one is found here, not in the middle of a training; its bytes are copied. All
faults are listed, and what the output folder held stays as it was, unless --skip_bad leaves the faulty rows out. A
conversion that was stopped, or that found faults, goes on with the same command: good shards wait in `.pending` there.
--shard=I/N converts a part, anywhere; --merge makes the records of all parts. --engine=ray converts on a Ray cluster.
A CSV with a last column `box` (x0_y0_x1_y1, empty: the whole photo) may have several rows per photo.
`train_*` splits give training and validation records, `test_*` splits records without keypoints, in a folder of their
own.
"""

import contextlib
import importlib
import os

from base.errors import UsageError
from base.wording import counted
from configs import command_line, cross_checks


def main(flags):
    from base import schema as schemas
    from preprocessing.data import conversion_parts, conversion_plan, layout

    part = cross_checks.check_division(flags)
    if flags.splits is not None and (not flags.splits or "" in flags.splits):
        raise UsageError("--splits names an empty split: expected one such as train_0, several with commas between")
    if flags.splits is not None and len(set(flags.splits)) < len(flags.splits):
        raise UsageError(f"--splits={','.join(flags.splits)} names one of them twice")
    schema = schemas.load(flags.schema)
    splits = layout.list_splits(flags.data_dir, flags.splits)
    labelled = layout.is_labelled(splits[0])
    rows, faults = conversion_plan.read_rows(splits, schema)
    for line in conversion_plan.folder_warnings(rows):
        command_line.warn(line)
    plan = conversion_plan.make_plan(rows, labelled, flags.val_fraction, flags.seed)
    for line in conversion_plan.plan_warnings(plan):
        command_line.warn(line)
    importlib.import_module("tensorflow")  # before the progress, which would take its seconds for the first photo's
    options = {name: getattr(flags, name) for name in ("val_fraction", "seed", "skip_bad")}
    named = {"splits": [os.path.basename(split) for split in splits], "schema": schema.name}
    work = conversion_parts.identity(plan, {**options, **named}) if part or flags.merge else None
    _convert(flags, part, plan, work, (labelled, flags.skip_bad, faults), schema)


def _convert(flags, part, plan, work, how, schema):
    """Converts the plan, or a part of it, or puts its parts together, and says what is there then."""
    from base import skipped
    from preprocessing.data import conversion, conversion_parts

    folder = flags.output_dir
    if part:
        with _steps(flags, conversion_parts.own_shards(plan, part)) as (written, step):
            num_records = conversion_parts.convert_part(
                plan, part, folder, work, *how, step, command_line.warn, schema, written
            )
        print(f"{folder}: part {part} is done, {counted(num_records, 'record')}")
        return
    if flags.merge:
        num_records, left_out = conversion_parts.merge(plan, folder, work, *how, schema)
    else:
        with _steps(flags, plan) as (written, step):
            num_records, left_out = conversion.convert(plan, folder, *how, step, command_line.warn, schema, written)
    if left_out:
        listed = os.path.join(folder, skipped.NAME)
        command_line.warn(f"{counted(len(left_out), 'fault')}, their rows left out: {listed}")
    print(f"{folder} holds {counted(num_records, 'record')} in {counted(len(plan), 'shard')}")


@contextlib.contextmanager
def _steps(flags, shards):
    """Yields what writes shards on the engine of the flags, and what is to be called for each photo of these."""
    from base import cluster
    from base.progress import Progress
    from preprocessing.data import conversion_on_ray, shard_writing

    on_ray = flags.engine == "ray"
    ray = cluster.connected(flags.ray_address, flags.verbosity) if on_ray else contextlib.nullcontext()
    with ray, Progress("photos", sum(len(shard.rows) for shard in shards)) as progress:
        yield (conversion_on_ray if on_ray else shard_writing).written, progress.step


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["data_dir", "output_dir", "splits", "val_fraction", "seed", "skip_bad", "schema", "division"],
        required=["data_dir", "output_dir"],
        defaults={"val_fraction": 0.05},
        streamed=["data_dir"],
    )
