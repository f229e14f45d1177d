"""Finds the keypoints of photos and videos: OUT/<name>.json, a drawn OUT/<name>.png (or .mp4), and OUT/keypoints.csv.

--image is a photo, a video, a folder of them, several with commas between, or a text file that lists them, one a line.

With --boxes every box of a file is predicted by the model of its category: OUT/<name>_1.json, OUT/<name>_2.json, …, and
OUT/<name>.png with all garments of a photo. Photos are named by their path below --image, or as files; in a detector's
results an image_id is such a name, with or without its ending, or its number, and a category_id is a name, unless the
COCO file of the ids is given, too: --boxes=detections.json,instances.json. docs/your_own_data.md says more.
"""

import math
import os
import re

from base.errors import DataErrors, UsageError, noting
from base.remote import places
from base.wording import counted
from configs import command_line, cross_checks
from tools.predicting import models
from tools.predicting.files import check_folder, check_outputs, is_video, list_files, output_names


def main(flags):
    """Predicts all files; a faulty one is reported at the end, when the others are done.

    Raises:
        UsageError: the garment is not known, or the box is none.
        DataError, DataErrors: the model or files are wrong.
    """
    cross_checks.check_inference(flags)
    cross_checks.check_boxes(flags)
    check_folder(flags.image, flags.output_dir)
    if flags.boxes is not None:
        from tools.predicting import boxes

        boxes.main(flags)
    else:
        _predict_files(flags)


def _predict_files(flags):
    box = _parse_box(flags.box)
    files = list_files(flags.image)
    outputs = [os.path.join(flags.output_dir, name) for name in output_names(files)]
    check_outputs(files, outputs)

    from base.progress import Progress
    from tools.predicting import results

    predictor, category = models.load(flags)
    faults = []
    with results.table(flags.output_dir) as table, Progress("files", len(files)) as progress:
        for path, output in zip(files, outputs):
            predict_file = _predict_video if is_video(path) else _predict_photo
            with noting(faults):
                predict_file(predictor, path, output, category, box, table, flags.smooth)
            progress.step()
    if faults:
        raise DataErrors(faults)
    print(f"{flags.output_dir}: {counted(len(files), 'file')} predicted")


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


def _predict_photo(predictor, path, output, category, box, table, smooth):
    del smooth  # a photo is no video
    from tools.predicting import results
    from utility import drawing
    from utility.prediction import photo_reading

    image = photo_reading.read(path)
    found = predictor.predict(image, category, box, name=path)
    drawing.save(output + ".png", results.draw(image, predictor.schema, found))
    results.write_json(output + ".json", {**_seen(path, box), **found})
    results.write_rows(table, path, "", found)


def _predict_video(predictor, path, output, category, box, table, smooth):
    from tools.predicting import results
    from utility.prediction import smoothing, video

    found_by_frame = []
    with video.frames(path) as (rate, frames), video.writer(output + ".mp4", rate) as write:
        smoother = smoothing.Smoother(rate)
        for number, image in enumerate(frames):
            found = predictor.predict(image, category, box, name=path)
            if smooth:
                results.smooth(smoother, image, found)
            write(results.draw(image, predictor.schema, found))
            found_by_frame.append({"frame": number, "seconds": number / rate, **found})
            results.write_rows(table, path, number, found)
    results.write_json(output + ".json", {**_seen(path, box), "frames_per_second": rate, "frames": found_by_frame})


def _seen(path, box):
    """Returns what a result's JSON says of the file, and of the part of it that was looked at."""
    image = places.shown(path)
    return {"image": image} if box is None else {"image": image, "box": box}


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[
            "model_dir", "image", "output_dir", "category", "box", "boxes", "box_margin", "skip_bad", "eval_batch_size",
            "smooth", "checkpoint_path", "inference",
        ],
        required=["model_dir", "image", "output_dir"],
        streamed=["image"],
    )  # fmt: skip
