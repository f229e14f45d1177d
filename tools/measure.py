"""Measures garments in photos: chest, sleeves, waistband, …, as the schema of the model names them.

python tools/measure.py --model_dir=MODELS/skirt --image=PHOTOS --output=sizes.csv --marker_cm=10

--image is a photo, a folder of them, several with commas between, or a text file that lists them, one a line. Lengths
are in pixels, and in centimetres with --pixels_per_cm, or with a marker of ArUco's dictionary 4x4_50 that lies flat in
the plane of the garment: --marker_cm is its side, and the tilt of the camera is undone. tools/draw_marker.py draws one.
Standard deviations are those of the model's points (and of the marker's corners); a model that was not calibrated
(tools/calibrate.py) has none. OUT.json instead of a CSV has the same numbers. docs/measuring.md says what they mean.
"""

import os

from base.errors import DataError, DataErrors, UsageError, noting
from base.remote import places
from base.schema import ALL
from base.wording import counted
from configs import command_line, cross_checks
from tools.predicting import models
from tools.predicting.files import check_folder, check_outputs, is_video, list_files, output_names


def main(flags):
    """Measures all photos; a faulty one is reported at the end, when the others are done.

    Raises:
        UsageError: the garment is not known, there are two scales, or a file would be overwritten.
        DataError, DataErrors: the model, its schema or photos are wrong.
    """
    cross_checks.check_inference(flags)
    if flags.pixels_per_cm is not None and flags.marker_cm is not None:
        raise UsageError("--pixels_per_cm and --marker_cm both give the scale: expected one of them")
    files = list_files(flags.image)
    for path in filter(is_video, files):
        raise DataError(path, None, "is a video: expected photos")
    pictures = _pictures(flags, files)

    from base.files import exclusive_file
    from base.progress import Progress
    from tools.measuring import results

    predictor, category = models.load(flags)
    _check_measurements(flags.model_dir, predictor.schema, category)
    garments, faults = [], []
    with exclusive_file(flags.output), Progress("photos", len(files)) as progress:
        for path, picture in zip(files, pictures):
            with noting(faults):
                garments.append(_measure_photo(predictor, path, picture, category, flags))
            progress.step()
        results.write(flags.output, garments)
    if faults:
        raise DataErrors(faults)
    print(f"{flags.output}: {counted(len(garments), 'photo')} measured")


def _pictures(flags, files):
    """Returns the path of each photo's picture, without its ending, or None; raises UsageError for those in the way."""
    taken = {os.path.realpath(path) for path in files}
    if os.path.realpath(flags.output) in taken:
        raise UsageError(f"--output={flags.output} is one of the photos: expected another file")
    if flags.output_dir is None:
        return [None] * len(files)
    check_folder(flags.image, flags.output_dir)
    pictures = [os.path.join(flags.output_dir, name) for name in output_names(files)]
    check_outputs(files, pictures)
    return pictures


def _check_measurements(model_dir, schema, category):
    if category == ALL or not schema.category(category).measurements:
        expected = "expected a schema with [categories.<name>.measurements]"
        raise DataError(model_dir, None, f"the schema {schema.name} names no measurements of {category}: {expected}")


def _measure_photo(predictor, path, picture, category, flags):
    """Returns (name of the photo, category, list of Measurement), and saves the picture where one is wanted."""
    from tools.measuring import measurements, results
    from utility import drawing
    from utility.measurement import plane
    from utility.prediction import photo_reading

    image = photo_reading.read(path)
    surface, corners = None, None
    if flags.pixels_per_cm is not None:
        surface = plane.of_scale(flags.pixels_per_cm)
    elif flags.marker_cm is not None:
        surface, corners = measurements.find_plane(image, flags.marker_cm, path)
    found = predictor.predict(image, category, name=path)
    own = measurements.measure(predictor.schema, found, surface, path)
    if picture is not None:
        drawing.save(f"{picture}.png", results.draw(image, predictor.schema, found, own, corners))
    return places.shown(path), category, own


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[
            "model_dir", "image", "output", "output_dir", "category", "measuring", "checkpoint_path", "inference",
        ],
        required=["model_dir", "image", "output"],
        streamed=["image"],
    )  # fmt: skip
