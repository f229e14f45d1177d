"""Converts photos and their keypoints, in the FashionAI layout, into TFRecords: a set of shards for each category.

Every photo is decoded once, so a broken one is found here, not in the middle of a training; its bytes are copied. All
faults are listed, then nothing is written, unless --skip_bad leaves the faulty rows out. A conversion that was stopped
goes on with the same command. `train_*` splits give training and validation records, `test_*` splits records without
keypoints, in a folder of their own.
"""

import os
import sys

from configs import command_line
from configs.errors import UsageError
from configs.wording import counted


def main(flags):
    from preprocessing import conversion, conversion_plan, layout
    from tools.progress import Progress

    if flags.splits is not None and len(set(flags.splits)) < len(flags.splits):
        raise UsageError(f"--splits={','.join(flags.splits)} names one of them twice")
    splits = layout.list_splits(flags.data_dir, flags.splits)
    labelled = layout.is_labelled(splits[0])
    rows, faults = conversion_plan.read_rows(splits)
    for line in conversion_plan.folder_warnings(rows):
        _warn(line)
    plan = conversion_plan.make_plan(rows, labelled, flags.val_fraction, flags.seed)
    with Progress("photos", len(rows)) as progress:
        num_records, skipped = conversion.convert(
            plan, flags.output_dir, labelled, flags.skip_bad, faults, progress.step, _warn
        )
    if skipped:
        listed = os.path.join(flags.output_dir, conversion.SKIPPED)
        _warn(f"{counted(len(skipped), 'fault')}, their rows left out: {listed}")
    print(f"{flags.output_dir} holds {counted(num_records, 'record')} in {counted(len(plan), 'shard')}")


def _warn(line):
    print(f"{os.path.basename(sys.argv[0])}: warning: {line}", file=sys.stderr)


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["data_dir", "output_dir", "splits", "val_fraction", "seed", "skip_bad"],
        required=["data_dir", "output_dir"],
        defaults={"val_fraction": 0.05},
    )
