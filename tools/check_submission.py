"""Says whether a submission would be accepted for the photos of a test.csv, and if not, why not.

Rows may stand in any order: they are known by their photo, or where test.csv has boxes by photo, category and box.
"""

from base.errors import DataErrors
from base.wording import counted
from configs import command_line


def main(flags):
    """Prints one line when the submission is right.

    Raises:
        DataError, DataErrors: every fault of the submission: header, cells, rows and points.
    """
    from base import schema as schemas
    from preprocessing.data import annotations
    from utility.scoring import submission

    schema = schemas.load(flags.schema)
    photos = annotations.read_images(flags.test_csv, schema)
    prediction, faults = annotations.parse(flags.prediction, True, schema)
    if not faults:  # a faulty row would be reported as missing, too
        faults = submission.row_faults(prediction, photos) + submission.point_faults(prediction)
    if faults:
        raise DataErrors(faults)
    print(f"{flags.prediction}: {counted(len(prediction), 'row')}, right for {flags.test_csv}: it would be accepted")


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["prediction", "test_csv", "schema"],
        required=["prediction", "test_csv"],
    )
