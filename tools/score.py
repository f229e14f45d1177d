"""Scores a submission against the ground truth: the table of normalised errors (NE) by category and keypoint.

Rows may stand in any order: they are known by their photo, or where the files have boxes by photo, category and box.

With --against the difference of two submissions, and whether it may be chance: a paired bootstrap over photos.
"""

import dataclasses
import json

from base.schema import ALL
from base.wording import counted
from configs import command_line, cross_checks


def main(flags):
    """Prints the table (the NE of everything in the last line) and writes the JSON where asked for.

    Raises:
        DataError, DataErrors: a file is wrong, or the two are not for the same photos.
    """
    from base import schema as schemas
    from base.files import atomic_write
    from preprocessing.data import annotations, boxes
    from utility.scoring import bootstrap, scoring, submission

    schema = schemas.load(flags.schema)
    cross_checks.check_category(flags, schema)

    def read(path):
        rows = annotations.read(path, schema)
        return rows if flags.category in (None, ALL) else submission.of_categories(rows, [flags.category])

    truth, prediction = read(flags.ground_truth), read(flags.prediction)
    rows = submission.aligned_rows(prediction, truth)
    points = prediction.points[rows]
    result = scoring.score(truth, points)
    intervals = {"interval": bootstrap.error(truth, points)}
    if flags.against:
        other = read(flags.against)
        others = other.points[submission.aligned_rows(other, truth)]
        intervals["against"] = bootstrap.difference(truth, points, others)
    result.update({name: interval and dataclasses.asdict(interval) for name, interval in intervals.items()})
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(result, indent=2) + "\n")
    for row, error in scoring.worst_photos(truth, points, flags.worst):
        image_id, _, box = truth.keys[row]
        name = f"{image_id} {boxes.to_text(box)}".rstrip()
        print(f"{flags.prediction}: line {prediction.lines[rows[row]]}: {name}: NE {error:.6f}")
    *lines, last = scoring.table(result)
    print("\n".join([*lines, *_interval_lines(flags.against, **intervals), last]))


def _interval_lines(other, interval, against=None):
    """Returns the lines that say how far the NE, and its difference from that of the file `other`, may be chance."""
    lines = []
    if interval:
        lines.append(
            f"95 % interval of the NE: {interval.low:.6f} to {interval.high:.6f} ({counted(interval.photos, 'photo')})"
        )
    if against:
        verdict = "which may be chance" if against.holds_zero else "which is more than chance"
        lines.append(
            f"NE less that of {other}: {against.value:+.6f}, 95 % interval {against.low:+.6f} to {against.high:+.6f}, "
            f"{verdict} (paired bootstrap over photos)"
        )
    return lines


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["prediction", "ground_truth", "json", "worst", "against", "category", "schema"],
        required=["prediction", "ground_truth"],
    )
