"""Averages submissions: the mean (or median) of the points of several CSVs for the same photos."""

from configs import command_line
from configs.errors import UsageError


def main(flags):
    """Writes the average.

    Raises:
        UsageError: a weight too many or too few, or none above 0.
        DataError, DataErrors: a file is wrong, or they are not for the same photos.
    """
    if flags.weights and len(flags.weights) != len(flags.predictions):
        counts = f"{len(flags.weights)} numbers for {len(flags.predictions)} files"
        raise UsageError(f"--weights: has {counts}: one each would be right")
    if flags.weights and not all(weight > 0 for weight in flags.weights):
        raise UsageError("--weights: holds 0: numbers above 0 would be right (leave the file out instead)")

    from preprocessing import annotations
    from utility import submission

    submissions = [annotations.read(path) for path in flags.predictions]
    points, visibility = submission.average(submissions, flags.weights or None, flags.median)
    first = submissions[0]
    annotations.write(flags.output, first.image_ids, first.categories, points, visibility)
    print(f"{flags.output}: the {'median' if flags.median else 'mean'} of {len(submissions)} files, {len(first)} rows")


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["predictions", "output", "weights", "median"],
        required=["predictions", "output"],
    )
