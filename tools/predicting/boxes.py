"""Every box of a file predicted: OUT/<photo>_<number>.json for each, OUT/<photo>.png with all garments of a photo."""

import os

from base import skipped
from base.errors import DataError, DataErrors, UsageError
from base.files import remove
from base.wording import counted
from configs import command_line, paths
from preprocessing.labelling import detections
from preprocessing.labelling.labelled import Notes
from tools.predicting import files
from tools.predicting.photo_names import PhotoNames
from tools.predicting.placing import Rules, place
from utility.prediction import model_choice


def main(flags):
    """Predicts all boxes; nothing is written unless every one is right, or --skip_bad leaves those out that are not.

    Raises:
        UsageError: --boxes names too many files, --category or --checkpoint_path do not fit the models, or a result
            would overwrite a photo.
        DataError, DataErrors: models, boxes or photos are wrong.
    """
    path, ids = _files_of(flags.boxes)
    notes = Notes(path)
    found = detections.read(path, ids, notes)  # a missing file is told of before models are looked at, which takes time
    names = files.photos_below(flags.image, flags.output_dir)
    parents = paths.listed(flags.model_dir)
    photos = place(found, PhotoNames(names), _rules(flags, parents), path, notes)
    _check(photos, notes, path, flags.skip_bad)
    outputs = [os.path.join(flags.output_dir, name) for name in files.output_names([photo.path for photo in photos])]
    work = [(photo, output, _numbered(output, len(photo.garments))) for photo, output in zip(photos, outputs)]
    files.check_outputs(names, [name for _, output, numbered in work for name in (output, *numbered)])
    categories = sorted({garment.category for photo in photos for garment in photo.garments})
    models = model_choice.find_models(parents, categories)
    if flags.checkpoint_path and len({folder for folders in models.values() for folder in folders}) > 1:
        raise UsageError("--checkpoint_path is one model's: --model_dir, or --category, must leave one model")

    from tools.predicting import running  # TensorFlow, when all that was told is right

    damaged = running.predict(work, models, flags)
    if damaged and not flags.skip_bad:
        raise DataErrors(damaged)
    _note_skipped(flags.output_dir, [*notes.faults, *damaged])
    left_out = {error.file for error in damaged}
    done = [photo for photo in photos if photo.path not in left_out]
    count = sum(len(photo.garments) for photo in done)
    print(f"{flags.output_dir}: {counted(count, 'garment')} in {counted(len(done), 'photo')} predicted")


def _files_of(boxes):
    """Returns the file of the boxes, and the COCO file of the ids in it or None; raises UsageError for more of them."""
    path, *others = paths.listed(boxes)
    if len(others) > 1 or not all([path, *others]):
        expected = "expected a file, or a list of detections and the COCO file of its ids"
        raise UsageError(f"--boxes={boxes}: {expected}")
    return path, (others[0] if others else None)


def _rules(flags, parents):
    """Returns how boxes are taken, by what the models of some folders find.

    Raises:
        DataError: no category has a model in every folder.
        UsageError: --category has none.
    """
    wanted = flags.category and _has_models(parents, flags.category)
    names = [flags.category] if wanted else model_choice.garments(parents)
    known = [name for name in names if _has_models(parents, name)]
    if not known:
        model_choice.find_models(parents, names)
    if flags.category not in (None, *known):
        raise UsageError(f"--category={flags.category} is none that the models find: one of {', '.join(known)}")
    return Rules(known, flags.category, flags.category or (known[0] if len(known) == 1 else None))


def _has_models(parents, name):
    try:
        model_choice.find_models(parents, [name])
    except DataError:
        return False
    return True


def _check(photos, notes, path, skip_bad):
    """Prints what was passed over.

    Raises:
        DataError, DataErrors: boxes are wrong and are not to be left out, or none is left.
    """
    for line in notes.remarks:
        command_line.warn(line)
    if notes.faults and not (skip_bad and photos):
        raise DataErrors(notes.faults)
    if not photos:
        raise DataError(path, None, "has no box to predict: expected one at least")


def _numbered(output, count):
    """Returns a name for the results of each box of a photo: with as many digits for all, so that they sort."""
    return [f"{output}_{number:0{len(str(count))}}" for number in range(1, count + 1)]


def _note_skipped(output_dir, faults):
    """Writes what --skip_bad left out; without any, the list of an earlier run goes."""
    path = os.path.join(output_dir, skipped.NAME)
    if not faults:
        remove(path)
        return
    skipped.write(output_dir, faults)
    command_line.warn(f"{counted(len(faults), 'fault')}, their boxes left out: {path}")
