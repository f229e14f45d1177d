"""Measures how far a model's points are off, on the validation photos of its records, and notes it in its model.json.

python tools/calibrate.py --data_dir=RECORDS --model_dir=MODELS --flagfile=configs/laptop.cfg

From then on each point that the model finds has a covariance: in the JSON and the pictures of tools/predict.py, in the
CSV of eval_all.py --scores_output, and in exports. Predict in the same way as here, by the flags of the same recipe.
Records of a fifth to a tenth of the photos for validation (convert_tfrecords.py --val_fraction) are enough: 180 photos
gave ellipses that held within two points of the share that they should. It is of one checkpoint: a training that goes
on makes it void, and the same command fits it again.
"""

import dataclasses
import os

from base.errors import DataError
from base.wording import counted
from configs import command_line, cross_checks


def main(flags):
    """Calibrates the models of a folder, one after the other.

    Raises:
        UsageError: flags contradict each other.
        DataError: there is no model or no validation photo, one is wrong, or there are too few visible points.
    """
    cross_checks.check_inference(flags)
    from preprocessing.data import manifest
    from utility.model import model_directory
    from utility.prediction import validation

    schema = manifest.schema_of(flags.data_dir)
    cross_checks.check_category(flags, schema)
    folders = model_directory.find(flags.model_dir, flags.category and [flags.category])
    if not folders:
        raise DataError(flags.model_dir, None, f"has no model of {flags.category}: expected another --category")
    for category, folder in folders.items():
        _check_schema(model_directory.read(folder), folder, schema)
        validation.count(flags.data_dir, category)
    for category, folder in folders.items():
        _calibrate(folder, category, schema, flags)


def _check_schema(model, folder, schema):
    from utility.model import model_directory

    if not model.schema.same_points(schema, model.category):
        path = os.path.join(folder, model_directory.DESCRIPTION)
        what = f"expected the keypoints of {model.category} in the records' schema, {schema.name}"
        raise DataError(path, "schema", f"{what}; got those of {model.schema.name}")


def _calibrate(folder, category, schema, flags):
    """Fits the calibration of a model and writes it into its description."""
    from base.files import exclusive_folder
    from base.progress import Progress
    from utility.model import calibration_fit, model_directory
    from utility.prediction import calibrating, inference, validation

    with exclusive_folder(folder):
        model = model_directory.read(folder)
        checkpoint = model_directory.checkpoint(folder)
        photos = validation.labelled_photos(flags.data_dir, category, schema)
        options = inference.options_from(vars(flags))
        with Progress(f"{category}: photos", validation.count(flags.data_dir, category)) as progress:
            errors = calibrating.errors(
                folder, checkpoint, photos, schema, options, flags.eval_batch_size, flags.precision, progress.step
            )
        if len(errors.offsets) < calibration_fit.FEWEST:
            found = f"{counted(len(errors.offsets), 'visible keypoint')} in the validation photos of {category}"
            raise DataError(flags.data_dir, None, f"has {found}: expected {calibration_fit.FEWEST} at least")
        names = model.schema.keypoint_names(category)
        found = calibration_fit.fit(errors, names, os.path.relpath(checkpoint, folder))
        model_directory.write(folder, dataclasses.replace(model, calibration=found))
    seen = f"{counted(found.num_points, 'point')} of {counted(found.num_photos, 'photo')}"
    inside = calibration_fit.shares_inside(found, errors, names, (0.68, 0.95))
    shares = " and ".join(f"{100 * share:.1f} %" for share in inside)
    place = os.path.join(folder, model_directory.DESCRIPTION)
    print(f"{place}: calibrated on {seen}, of which the ellipses of 68 and 95 % hold {shares}")


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["data_dir", "model_dir", "category", "box_margin", "eval_batch_size", "inference"],
        required=["data_dir", "model_dir"],
        written=["model_dir"],
    )
