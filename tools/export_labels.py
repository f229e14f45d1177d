"""Writes the labels of a data set, or predictions to be corrected by hand, in the format of another tool.

python tools/export_labels.py --data_dir=DATA --label_format=coco --output=train_0.json
python tools/export_labels.py --data_dir=DATA --split=test_0 --prediction=found.csv --label_format=cvat --output=a.xml

The labels of a test split are the answers beside it, DATA/test_0_answer.csv. The output is a file; for yolo it is a
folder, photos included.
"""

import dataclasses
import io
import os

from base.errors import DataError, UsageError
from base.wording import counted
from configs import command_line, cross_checks, paths

FLAGS = (
    "data_dir", "prediction", "scores", "label_format", "output", "split", "schema", "photo_url", "link_photos",
    "whole_photos", "interface",
)  # fmt: skip


def main(flags):
    """Writes `output`, whole or not at all.

    Raises:
        UsageError: flags contradict each other.
        DataError, DataErrors: rows or photos are wrong, or the output's place is.
    """
    from preprocessing.labelling import exports

    if flags.label_format not in exports.FORMATS:
        expected = f"expected one of {', '.join(exports.FORMATS)}"
        raise UsageError(f"--label_format={flags.label_format} cannot be written: {expected}")
    if flags.scores and not flags.prediction:
        raise UsageError("--scores are those of predictions: expected --prediction, too")
    form = exports.load(flags.label_format)
    takers = {name: exports.load(name).FLAGS for name in exports.FORMATS}
    cross_checks.check_of_format(flags, flags.label_format, takers)

    from base import schema as schemas
    from base.files import atomic_write, cannot_write, exclusive_file
    from preprocessing.data import annotations
    from preprocessing.labelling import exported, point_scores

    for name in ("output", "interface"):
        if getattr(flags, name):
            paths.check_not_of_data(name, getattr(flags, name), flags.data_dir)
    split, table = _find(flags)
    output = os.path.normpath(flags.output)
    if form.IS_FOLDER and os.path.lexists(output):
        raise DataError(output, None, "already exists: expected the name of a folder to make")
    schema = schemas.load(flags.schema)
    rows = annotations.read(table, schema)
    scores = point_scores.read(flags.scores, rows).scores if flags.scores else None
    photos = exported.Photos(split, rows, scores, flags.whole_photos)
    name = os.path.basename(split)
    export = exported.Export(photos, schema, name, _model(flags.prediction), _photo_url(flags, name), flags.link_photos)
    with exclusive_file(output):
        try:
            with atomic_write(flags.interface, encoding="utf-8") if flags.interface else io.StringIO() as file:
                if flags.interface:
                    file.write(form.interface(schema))
                    file.flush()  # what cannot be written is told before the output is there
                _write(form, export, output)
        except OSError as error:
            raise cannot_write(output, error) from error
    if photos.num_outside:
        command_line.warn(f"{table}: {counted(photos.num_outside, 'point')} outside of the photos left out")
    print(f"{output}: {counted(len(rows), 'row')}, {counted(len(photos), 'photo')}")


def _find(flags):
    """Returns the folder of the split, and the CSV of its points."""
    from preprocessing.data import layout

    (split,) = layout.list_splits(flags.data_dir, [flags.split])
    if flags.prediction:
        return split, flags.prediction
    if layout.is_labelled(split):
        return split, layout.find_csv(split)
    answers = f"{split}_answer.csv"
    if not os.path.isfile(answers):
        raise DataError(answers, None, "is missing: expected the answers of the split, or --prediction")
    return split, answers


def _model(prediction):
    """Returns what predictions are called: as their file, without its ending."""
    return prediction and os.path.basename(prediction).split(".csv")[0]


def _photo_url(flags, split):
    """Returns what stands before the image ids; if not given, the address of Label Studio's files below `data_dir`."""
    import urllib.parse

    return f"/data/local-files/?d={urllib.parse.quote(split)}/" if flags.photo_url is None else flags.photo_url


def _write(form, export, output):
    from base.progress import Progress

    with Progress("photos", len(export.photos)) as progress:

        def photos():
            for photo in export.photos:
                yield photo
                progress.step()

        form.write(dataclasses.replace(export, photos=photos()), output)


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["data_dir", "label_format", "output"])
