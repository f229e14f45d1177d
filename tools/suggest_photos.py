"""Suggests which photos to label next: those of which the model is least sure, and which differ from each other.

python tools/suggest_photos.py --model_dir=MODELS/all --image=PHOTOS --category=skirt --count=100 --output=list.txt

--image is a photo, a folder with its subfolders, several with commas between, or a text file that lists them, one a
line; --output is such a list, the most worthwhile photo first. Without --category (or with --category=all) the category
of a photo is the name of the folder that it lies in, as in DATA/train_1/Images/skirt. Several --model_dir, with commas
between, disagree with each other, too. --scores_output has a row for every photo. A run that was stopped resumes with
the same command.
"""

import os

from base.errors import DataError, DataErrors, UsageError
from base.schema import ALL
from base.wording import counted
from configs import command_line, paths

FLAGS = ("model_dir", "image", "category", "suggestion", "output", "scores_output", "eval_batch_size", "precision")
_COLUMNS = ("image", "category", "value", "disagreement", "doubt", "rank")


def main(flags):
    """Writes `output`.

    Raises:
        UsageError: a category is not known, or a file would be overwritten.
        DataError, DataErrors: models or photos are wrong; of photos alone, when the others are done.
    """
    from tools.predicting.files import photos_below
    from utility.prediction import model_choice

    parents = paths.listed(flags.model_dir)
    if not all(parents):
        expected = "expected one, or several with commas between"
        raise UsageError(f"--model_dir={flags.model_dir} names an empty folder: {expected}")
    files = sorted(photos_below(flags.image))
    if broken := [
        DataError(file, None, "has a line break in its name: a list cannot name it") for file in files if "\n" in file
    ]:
        raise DataErrors(broken)
    _check_outputs(flags, files)
    categories = _categories(files, flags.category, model_choice.garments(parents))
    models = model_choice.find_models(parents, sorted(set(categories)))

    from base.files import exclusive_file
    from base.progress import Progress
    from tools.suggestion import choice
    from tools.suggestion.survey import survey

    with exclusive_file(flags.output), Progress("photos", len(files)) as progress:
        how = flags.eval_batch_size, flags.precision
        with survey(files, categories, models, flags.output, *how, progress.step) as (seen, faults):
            chosen = choice.choose([photo.value for photo in seen], [photo.look for photo in seen], flags.count)
            _write(flags, seen, chosen)
    if faults:
        raise DataErrors(faults)
    print(f"{flags.output}: {counted(len(chosen), 'photo')} of {len(files)}")


def _check_outputs(flags, files):
    """Raises UsageError where a photo, or a list of photos, would be overwritten."""
    taken = {os.path.realpath(path) for path in [*files, *paths.listed(flags.image)]}
    for name in ("output", "scores_output"):
        path = getattr(flags, name)
        if path is not None and os.path.realpath(path) in taken:
            raise UsageError(f"--{name}={path} is a file of --image, too: expected another")


def _categories(files, category, known):
    """Returns the category of each file: the one that is named, or else that of its folder.

    Raises:
        UsageError: the models do not know the one that is named.
        DataErrors: folders are called like no category.
    """
    if category not in (None, ALL, *known):
        raise UsageError(f"--category={category} is none that the models find: one of {', '.join(known)}, or {ALL}")
    if category not in (None, ALL):
        return [category] * len(files)
    if len(known) == 1:
        return known * len(files)
    found = [os.path.basename(os.path.dirname(os.path.abspath(file))) for file in files]
    wrong = sorted({os.path.dirname(file) for file, name in zip(files, found) if name not in known})
    expected = f"is no category: expected photos in folders called {', '.join(known)}, or --category"
    if wrong:
        raise DataErrors([DataError(folder or ".", None, expected) for folder in wrong])
    return found


def _write(flags, seen, chosen):
    """Writes the list, and the table of all photos where it is wanted: the chosen ones first, then by value."""
    import csv

    from base.files import atomic_write
    from base.remote import places

    # A name in another encoding is written as it is, byte by byte.
    text = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
    with atomic_write(flags.output, **text) as file:
        file.write("".join(f"{places.shown(seen[number].file)}\n" for number in chosen))
    if flags.scores_output:
        rank = {number: place for place, number in enumerate(chosen, start=1)}
        order = sorted(range(len(seen)), key=lambda number: (rank.get(number, len(seen)), -seen[number].value))
        rows = [_COLUMNS]
        for number in order:
            photo = seen[number]
            figures = (f"{value:.6f}" for value in (photo.value, photo.disagreement, photo.doubt))
            rows.append((places.shown(photo.file), photo.category, *figures, rank.get(number, "")))
        with atomic_write(flags.scores_output, **text) as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["model_dir", "image", "output"], streamed=["image"])
