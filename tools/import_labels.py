"""Makes a data set in the FashionAI layout of photos and their labels: a labelling tool's export, or another data set.

python tools/import_labels.py --labels=export.json --images=photos --output_dir=DATA --category=skirt

Every label and every photo is checked, and nothing is written unless all is right; --skip_bad leaves what is wrong out,
and lists it in skipped.txt beside the photos. A photo of several garments has several rows, each with a `box`.
"""

import os
import re

from base.errors import DataError, UsageError
from base.wording import counted
from configs import command_line, cross_checks

FLAGS = (
    "labels",
    "label_format",
    "images",
    "output_dir",
    "split",
    "partition",
    "category",
    "schema",
    "skip_bad",
    "link_photos",
)


def main(flags):
    """Writes `output_dir/<split>`, whole or not at all; other splits in the folder stay as they are.

    Raises:
        DataError, DataErrors: the labels or photos are wrong, or the split already exists.
    """
    from base import schema as schemas
    from base import skipped
    from base.files import atomic_folder, cannot_write, exclusive_folder, no_empty_folder
    from preprocessing.labelling import formats, split

    if not re.fullmatch(r"train(_\w+)?", flags.split):
        raise UsageError(f"--split={flags.split}: expected a name such as train_0")
    target = os.path.join(flags.output_dir, flags.split)
    if os.path.lexists(target):
        raise DataError(target, None, "already exists: expected another --split, such as train_1")
    if flags.label_format not in (None, *formats.FORMATS):
        raise UsageError(
            f"--label_format={flags.label_format} cannot be read: expected one of {', '.join(formats.FORMATS)}"
        )
    form = formats.load(flags.label_format) if flags.label_format else formats.guess(flags.labels)
    takers = {name: getattr(formats.load(name), "FLAGS", ()) for name in formats.FORMATS}
    cross_checks.check_of_format(flags, form.__name__.rpartition(".")[2], takers)
    implied = flags.schema if "schema" in flags.given else getattr(form, "SCHEMA", flags.schema)
    schema = schemas.load(implied)
    cross_checks.check_category(flags, schema)
    labels = split.Labels(form, flags.labels, schema, flags.partition, flags.category)
    folder = flags.output_dir
    with no_empty_folder(folder), exclusive_folder(folder), atomic_folder(target) as temporary:
        try:
            done = split.write(temporary, labels, flags.images, flags.skip_bad, flags.link_photos, command_line.warn)
        except OSError as error:
            raise cannot_write(target, error) from error
    if done.faults:
        listed = os.path.join(target, skipped.NAME)
        command_line.warn(f"{counted(len(done.faults), 'fault')}, their garments left out: {listed}")
    rows = "" if done.num_rows == done.num_photos else f", {counted(done.num_rows, 'garment')}"
    print(f"{target}: {counted(done.num_photos, 'photo')}{rows}")


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["labels", "images", "output_dir"])
