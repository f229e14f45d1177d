"""Measures the speed of a part of the system beside its floor, in one run on one machine.

    python tools/benchmark.py input --data_dir=RECORDS [--train_image_size=384] [--json=FILE] [--peer]

`input` is the training input, everything on; its floor is decoding and resizing alone. Each stage is measured too.
`convert` is a conversion of --data_dir, of the --schema; its floor is decoding the same photos.
`train` is a training step of CPN on a batch in memory, beside the rate of one big convolution.
`--peer` adds albumentations under PyTorch's DataLoader with the same steps (`pip install -e '.[peer]'`, or
`--peer_python` for an environment that has them).
"""

import importlib
import json

from base.files import atomic_write
from configs import command_line

# Subcommand: the module whose `measure(flags)` returns the figures as a dict, and `report(figures)` lines of text.
PARTS = {
    "input": "tools.benchmarking.input",
    "train": "tools.benchmarking.train",
    "eval": "tools.benchmarking.eval",
    "convert": "tools.benchmarking.convert",
}


def main(flags):
    part = importlib.import_module(PARTS[flags.subcommand])
    figures = part.measure(flags)
    print("\n".join(part.report(figures)))
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[
            "data_dir",
            "splits",
            "schema",
            "net",
            "model_dir",
            "checkpoint_path",
            "inference",
            "json",
            "category",
            "train_image_size",
            "batch_size",
            "num_readers",
            "num_preprocessing_threads",
            "augmentation",
            "benchmark",
        ],
        defaults={"train_image_size": 384, "batch_size": 16, "category": "all"},
        subcommands=tuple(PARTS),
    )
