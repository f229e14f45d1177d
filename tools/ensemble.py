"""Averages submissions: the mean (or median) of the points of several CSVs for the same photos.

Rows may stand in any order: they are known by their photo, or where the files have boxes by photo, category and box.
"""

import math

from base.errors import UsageError
from base.wording import counted
from configs import command_line

_MOST_RATIO = 1e9  # of weights


def main(flags):
    """Writes the average.

    Raises:
        UsageError: a weight too many or too few, or none above 0.
        DataError, DataErrors: a file is wrong, or they are not for the same photos.
    """
    weights = _read_weights(flags.weights, len(flags.predictions))

    from base import schema as schemas
    from preprocessing.data import annotations
    from utility.scoring import submission

    schema = schemas.load(flags.schema)
    submissions = [annotations.read(path, schema) for path in flags.predictions]
    points, visibility = submission.average(submissions, weights, flags.median)
    first = submissions[0]
    annotations.write(flags.output, first.image_ids, first.categories, points, visibility, schema, first.boxes)
    kind, files = "median" if flags.median else "mean", counted(len(submissions), "file")
    print(f"{flags.output}: the {kind} of {files}, {counted(len(first), 'row')}")


def _read_weights(text, count):
    """Returns the numbers in `text`, None where there is no text.

    Raises:
        UsageError: they are not `count` numbers above 0.
    """
    if not text:
        return None
    try:
        weights = [float(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(f"--weights: {text!r} is not a list of numbers: 1,2 would be one") from None
    if len(weights) != count:
        given = f"{counted(len(weights), 'number')} for {counted(count, 'file')}"
        raise UsageError(f"--weights: {given}: expected one each")
    if not all(0 < weight < math.inf for weight in weights):
        raise UsageError("--weights: not all are above 0: leave the file out instead of giving it none")
    if max(weights) > _MOST_RATIO * min(weights):
        raise UsageError(f"--weights: the largest is over {_MOST_RATIO:g} times the smallest: leave that file out")
    return [weight / max(weights) for weight in weights]  # whose sums are finite


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["predictions", "output", "weights", "median", "schema"],
        required=["predictions", "output"],
    )
