"""Scores a submission against the ground truth: the table of normalised errors (NE) by category and keypoint."""

import json

from base.schema import ALL
from configs import command_line, cross_checks


def main(flags):
    """Prints the table (the NE of everything in the last line) and writes the JSON where asked for.

    Raises:
        DataError, DataErrors: a file is wrong, or the two are not for the same photos.
    """
    from base import schema as schemas
    from base.files import atomic_write
    from preprocessing.data import annotations
    from utility.scoring import scoring, submission

    schema = schemas.load(flags.schema)
    cross_checks.check_category(flags, schema)
    truth = annotations.read(flags.ground_truth, schema)
    prediction = annotations.read(flags.prediction, schema)
    if flags.category not in (None, ALL):
        truth, prediction = (submission.of_categories(rows, [flags.category]) for rows in (truth, prediction))
    rows = submission.aligned_rows(prediction, truth)
    points = prediction.points[rows]
    result = scoring.score(truth, points)
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(result, indent=2) + "\n")
    for row, error in scoring.worst_photos(truth, points, flags.worst):
        print(f"{flags.prediction}: line {prediction.lines[rows[row]]}: {truth.image_ids[row]}: NE {error:.6f}")
    print("\n".join(scoring.table(result)))


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["prediction", "ground_truth", "json", "worst", "category", "schema"],
        required=["prediction", "ground_truth"],
    )
