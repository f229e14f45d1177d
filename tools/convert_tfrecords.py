"""Converts photos and their keypoints, in the FashionAI layout, into TFRecords: a set of shards for each category.

Every photo is decoded once, so a broken one is found here, not in the middle of a training; its bytes are copied. All
faults are listed, and what the output folder held stays as it was, unless --skip_bad leaves the faulty rows out. A
conversion that was stopped, or that found faults, goes on with the same command: good shards wait in `.pending` there.
A CSV with a last column `box` (x0_y0_x1_y1, empty: the whole photo) may have several rows per photo.
`train_*` splits give training and validation records, `test_*` splits records without keypoints, in a folder of their
own.
"""

import importlib
import os

from base.errors import UsageError
from base.wording import counted
from configs import command_line


def main(flags):
    from base import schema as schemas
    from base import skipped
    from base.progress import Progress
    from preprocessing.data import conversion, conversion_plan, layout

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
    with Progress("photos", len(rows)) as progress:
        num_records, left_out = conversion.convert(
            plan, flags.output_dir, labelled, flags.skip_bad, faults, progress.step, command_line.warn, schema
        )
    if left_out:
        listed = os.path.join(flags.output_dir, skipped.NAME)
        command_line.warn(f"{counted(len(left_out), 'fault')}, their rows left out: {listed}")
    print(f"{flags.output_dir} holds {counted(num_records, 'record')} in {counted(len(plan), 'shard')}")


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["data_dir", "output_dir", "splits", "val_fraction", "seed", "skip_bad", "schema"],
        required=["data_dir", "output_dir"],
        defaults={"val_fraction": 0.05},
        streamed=["data_dir"],
    )
