"""Finds the keypoints of photos and videos: OUT/<name>.json, a drawn OUT/<name>.png (or .mp4), and OUT/keypoints.csv.

--image is a photo, a video, a folder of them, several with commas between, or a text file that lists them, one a line.
"""

import collections
import csv
import itertools
import json
import math
import os
import re

from base.errors import DataError, DataErrors, UsageError
from base.schema import ALL
from base.wording import counted
from configs import command_line, cross_checks, paths

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
VIDEO_ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
_TABLE = "keypoints.csv"


def main(flags):
    """Predicts all files; a faulty one is reported at the end, when the others are done.

    Raises:
        UsageError: the garment is not known, or the box is none.
        DataError, DataErrors: the model or files are wrong.
    """
    cross_checks.check_inference(flags)
    box = _parse_box(flags.box)
    files = list_files(flags.image)
    outputs = [os.path.join(flags.output_dir, name) for name in output_names(files)]
    _check_outputs(files, outputs)
    _check_folder(flags.image, flags.output_dir)

    folders, category = choose_models(paths.listed(flags.model_dir), flags.category)
    if flags.checkpoint_path and len(folders) > 1:
        raise UsageError("--checkpoint_path is one model's: --model_dir must name one model")

    from base.files import atomic_write, exclusive_file
    from base.progress import Progress
    from utility.prediction import inference
    from utility.prediction.predictor import Predictor

    predictor = Predictor(
        folders,
        category,
        options=inference.options_from(vars(flags)),
        checkpoint=flags.checkpoint_path,
        precision=flags.precision,
    )
    faults = []
    table_path = os.path.join(flags.output_dir, _TABLE)
    # A name in another encoding is written as it is, byte by byte.
    text = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
    with (
        exclusive_file(table_path),
        atomic_write(table_path, **text) as file,
        Progress("files", len(files)) as progress,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("image", "frame", "category", "keypoint", "x", "y", "score"))
        for path, output in zip(files, outputs):
            predict_file = _predict_video if is_video(path) else _predict_photo
            try:
                predict_file(predictor, path, output, category, box, table)
            except DataError as error:
                faults.append(error)
            progress.step()
    if faults:
        raise DataErrors(faults)
    print(f"{flags.output_dir}: {counted(len(files), 'file')} predicted")


def is_video(path):
    """Returns whether a file is a video, by its ending."""
    return path.lower().endswith(VIDEO_ENDINGS)


def list_files(image):
    """Returns the paths that --image stands for, folders and lists opened.

    Raises:
        UsageError: a name is empty.
        DataError: there is no such file, a folder without photos, or a list that is no text.
    """
    files = []
    if not all(paths.listed(image)):
        raise UsageError(f"--image={image} names an empty file: expected one, or several with commas between")
    for path in paths.listed(image):
        if os.path.isdir(path):
            names = sorted(name for name in os.listdir(path) if name.lower().endswith(PHOTO_ENDINGS + VIDEO_ENDINGS))
            if not names:
                raise DataError(path, None, f"has no photo: expected files ending in {', '.join(PHOTO_ENDINGS)}")
            files += [os.path.join(path, name) for name in names]
        elif path.lower().endswith(".txt") and os.path.isfile(path):
            files += _read_list(path)
        elif os.path.isfile(path):
            files.append(path)
        else:
            raise DataError(path, None, "is missing: expected a photo, a video, a folder or a .txt list")
    return files


def _read_list(path):
    try:
        with open(path, encoding="utf-8-sig") as file:  # editors of Windows begin a file with a mark
            files = [line.strip() for line in file if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, None, f"cannot be read ({error}): expected a list in UTF-8, one file per line") from error
    if not files:
        raise DataError(path, None, "is empty: expected a list, one file per line")
    return files


def output_names(files):
    """Returns a name for each file's results: its own without the ending, with it where two would be the same."""
    stems = [os.path.splitext(os.path.basename(path))[0] for path in files]
    counts = collections.Counter(stems)
    names = [stem if counts[stem] == 1 else os.path.basename(path) for stem, path in zip(stems, files)]
    taken = set()
    for index, name in enumerate(names):
        numbered = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        names[index] = next(free for free in numbered if free not in taken and (free == name or free not in names))
        taken.add(names[index])
    return names


def _check_outputs(files, outputs):
    """Raises UsageError where a result would take the place of a file that is to be predicted."""
    given = {os.path.realpath(path): path for path in files}
    for output in outputs:
        for ending in (".json", ".png", ".mp4"):
            if os.path.realpath(output + ending) in given:
                what = f"--output_dir: the drawn {output + ending} would overwrite the file that it is made from"
                raise UsageError(f"{what}; expected another folder")


def _check_folder(image, output_dir):
    """Raises UsageError where the same command would take the pictures that it has drawn for photos."""
    for path in paths.listed(image):
        if os.path.isdir(path) and os.path.realpath(path) == os.path.realpath(output_dir):
            what = f"--output_dir={output_dir} is the folder of the photos, among which the drawn pictures would count"
            raise UsageError(f"{what}; expected another folder")


def choose_models(parents, category):
    """Returns the folders of the models to average and the garment that they find.

    Raises:
        UsageError: the models know several garments and --category does not say which.
        DataError: there is no model.
    """
    from utility.model import model_directory
    from utility.prediction import model_choice

    known = set.intersection(*(set(model_directory.find(parent)) for parent in parents))
    if category is None and len(known) == 1:
        (category,) = known
    names = model_choice.garments(parents)
    if category in (None, ALL) or category not in names:
        raise UsageError(f"--category must name the garment in the photos: one of {', '.join(names)}")
    return model_choice.find_models(parents, [category])[category], category


def _parse_box(text):
    if text is None:
        return None
    try:
        box = tuple(float(number) for number in re.split("[,_]", text))
    except ValueError:
        box = ()
    if len(box) != 4 or not (all(map(math.isfinite, box)) and box[0] < box[2] and box[1] < box[3]):
        raise UsageError(f"--box={text} is no box: expected x0,y0,x1,y1 with x0 < x1 and y0 < y1, in pixels")
    return box


def _predict_photo(predictor, path, output, category, box, table):
    from utility import drawing
    from utility.prediction import photo_reading

    image = photo_reading.read(path)
    found = predictor.predict(image, category, box, name=path)
    drawing.save(output + ".png", _draw(image, predictor.schema, found))
    _write_json(output + ".json", {**_seen(path, box), **found})
    _write_rows(table, path, "", found)


def _predict_video(predictor, path, output, category, box, table):
    from utility.prediction import video

    results = []
    with video.frames(path) as (rate, frames), video.writer(output + ".mp4", rate) as write:
        for number, image in enumerate(frames):
            found = predictor.predict(image, category, box, name=path)
            write(_draw(image, predictor.schema, found))
            results.append({"frame": number, "seconds": number / rate, **found})
            _write_rows(table, path, number, found)
    _write_json(output + ".json", {**_seen(path, box), "frames_per_second": rate, "frames": results})


def _seen(path, box):
    """Returns what a result's JSON says of the file, and of the part of it that was looked at."""
    return {"image": path} if box is None else {"image": path, "box": box}


def _draw(image, schema, found):
    from utility import drawing

    points = {name: (point["x"], point["y"]) for name, point in found["keypoints"].items()}
    scores = {name: point["score"] for name, point in found["keypoints"].items()}
    return drawing.draw_keypoints(image, schema, found["category"], points, scores=scores, write_names=True)


def _write_json(path, content):
    from base.files import atomic_write

    with atomic_write(path, encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def _write_rows(table, path, frame, found):
    for name, point in found["keypoints"].items():
        x, y, score = (f"{point[key]:.3f}" for key in ("x", "y", "score"))
        table.writerow((path, frame, found["category"], name, x, y, score))


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["model_dir", "image", "output_dir", "category", "box", "checkpoint_path", "inference"],
        required=["model_dir", "image", "output_dir"],
    )
