"""Writes one self-contained HTML page of a data set, of records or of predictions: photos with their points, filters,
statistics and what is broken; the worst predictions first when there are any.

python tools/browse.py --data_dir=DATA --output=report.html

--augmented shows the inputs as the flags of a training make them: a recipe's, by --flagfile, or others.
"""

import os

from base.errors import UsageError
from base.wording import counted
from configs import command_line, cross_checks, paths

FLAGS = (
    "data_dir",
    "schema",
    "records",
    "predictions",
    "scores",
    "augmented",
    "output",
    "seed",
    "codec",
    "augmentation",
)
_THUMBNAIL = 256  # longest side of a photo on the page, in pixels


def main(flags):
    """Writes `flags.output`.

    Raises:
        UsageError: neither data nor records are named.
        DataError, DataErrors: the data, the records or the predictions cannot be read, or the page not be written.
    """
    if not (flags.data_dir or flags.records):
        raise UsageError("--data_dir or --records is required")
    cross_checks.check_augmentation(flags)
    if flags.data_dir:
        paths.check_not_of_data("output", flags.output, flags.data_dir)
    if flags.scores and not flags.predictions:
        raise UsageError("--scores are of a submission: expected --predictions, too")
    if len(flags.predictions) > 1:
        raise UsageError("--predictions: expected one file; tools/ensemble.py averages several")
    from base import schema as schemas
    from base.files import atomic_write
    from preprocessing.data import annotations, manifest
    from preprocessing.labelling import point_scores
    from tools.browsing import entries, page

    # Records bring theirs; where both are shown they are of one schema.
    schema = manifest.schema_of(flags.records) if flags.records else schemas.load(flags.schema)
    gathered, row_faults = [], []
    if flags.data_dir:
        gathered, row_faults = entries.from_data_dir(flags.data_dir, _THUMBNAIL, schema)
    if flags.records:
        gathered += entries.from_records(flags.records, _THUMBNAIL)
    if flags.predictions:
        predicted = annotations.read(flags.predictions[0], schema)
        covariances = point_scores.read(flags.scores, predicted).covariances if flags.scores else None
        gathered = entries.add_predictions(gathered, predicted, covariances)
    pictures = _augmented(flags, gathered, schema) if flags.augmented else ()
    title = os.path.basename(os.path.abspath(flags.data_dir or flags.records))
    with atomic_write(flags.output, encoding="utf-8") as file:
        file.write(page.render(title, gathered, row_faults, schema, pictures))
    broken = sum(1 for entry in gathered if entry.faults) + len(row_faults)
    count = len({(entry.source, entry.image_id) for entry in gathered})
    print(f"{flags.output}: {counted(count, 'photo')}, {broken} broken")


def _augmented(flags, gathered, schema):
    from preprocessing.input.augmentation_options import AugmentationOptions
    from tools.browsing import augmented

    options = AugmentationOptions.from_flags(vars(flags))
    settings = (
        flags.train_image_size,
        flags.heatmap_size,
        flags.heatmap_sigma,
        options,
        flags.seed,
        flags.box_margin or 0.0,
    )
    if flags.records:
        return augmented.from_records(flags.records, *settings)
    return augmented.from_entries(gathered, *settings, schema)


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=FLAGS,
        required=["output"],
    )
