"""Scores a submission against the ground truth: the table of normalised errors (NE) by category and keypoint.

Rows may stand in any order: they are known by their photo, or where the files have boxes by photo, category and box.

With --against the difference of two submissions, and whether it may be chance: a paired bootstrap over photos. With
--oks COCO's average precision of keypoints, by the schema's sigmas. With --image_side_error the metric of the papers on
fashion landmarks: the mean distance divided by the sides of the photo, --data_dir/<image_id>, or of the row's box.

With --scores of calibrated models (tools/calibrate.py), whose cells are score_xx_xy_yy: the share of the visible points
inside of their ellipses, and the NE of the points that are most certain; --plot draws both.
"""

import dataclasses
import json

import numpy as np

from base.errors import DataError, UsageError
from base.schema import ALL
from base.wording import counted
from configs import command_line, cross_checks


def main(flags):
    """Prints the table (the NE of everything in the last line) and writes the JSON where asked for.

    Raises:
        UsageError: flags contradict each other.
        DataError, DataErrors: a file is wrong, the two are not for the same photos, the schema has no sigmas, or a
            library is not installed.
    """
    if flags.plot and not flags.scores:
        raise UsageError("--plot draws what --scores say: expected --scores, too")

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
    metrics, metric_lines = _more_metrics(flags, truth, points)
    result.update({name: one and dataclasses.asdict(one) for name, one in {**intervals, **metrics}.items()})
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(result, indent=2) + "\n")
    for row, error in scoring.worst_photos(truth, points, flags.worst):
        image_id, _, box = truth.keys[row]
        name = f"{image_id} {boxes.to_text(box)}".rstrip()
        print(f"{flags.prediction}: line {prediction.lines[rows[row]]}: {name}: NE {error:.6f}")
    *lines, last = scoring.table(result)
    print("\n".join([*lines, *metric_lines, *_interval_lines(flags.against, **intervals), last]))


def _more_metrics(flags, truth, points):
    """Returns the metrics that flags ask for, by their names in the JSON, and the lines that say them."""
    from utility.scoring import image_side, oks

    metrics, lines, sides = {}, [], None
    scores = _read_scores(flags, truth)
    if flags.image_side_error or (flags.oks and flags.data_dir and truth.boxes):
        sides = image_side.sides(truth, flags.data_dir)
    if flags.image_side_error:
        metrics["image_side_error"] = image_side.score(truth, points, sides)
        lines += image_side.lines(metrics["image_side_error"])
    if flags.oks:
        whole = (truth.boxes or []).count(None)
        if whole and sides is None:
            what = "without a box: OKS takes the area around the keypoints, with --data_dir that of the photo"
            command_line.warn(f"{flags.ground_truth}: {counted(whole, 'row')} {what}")
        sigmas = oks.sigmas(truth.schema, set(truth.categories), flags.schema)
        metrics["oks"] = oks.average_precision(
            truth, points, sigmas, None if scores is None else np.nanmean(scores.scores, axis=1), sides
        )
        lines.append(oks.line(metrics["oks"]))
    if scores is not None and not np.isnan(scores.covariances).all():
        metrics["certainty"], more = _certainty(flags, truth, points, scores)
        lines += more
    elif scores is not None and (flags.plot or not flags.oks):
        what = "has no covariances: expected cells score_xx_xy_yy, of models that tools/calibrate.py has looked at"
        raise DataError(flags.scores, None, what)
    return metrics, lines


def _certainty(flags, truth, points, scores):
    """Returns the certainty.Certainty of a prediction and the lines that say it, and draws the plot."""
    from utility.scoring import certainty

    measured = certainty.measure(truth, points, scores.covariances, flags.scores)
    if measured is None:
        return None, []
    if flags.plot:
        from utility.scoring import certainty_plot

        certainty_plot.save(flags.plot, measured)
    found = certainty.summarise(measured)
    return found, certainty.lines(found)


def _read_scores(flags, truth):
    """Returns the PointScores of --scores, in the order of `truth`; None without.

    Raises:
        DataError, DataErrors: the file is wrong, or lacks the scores of a row.
    """
    if not flags.scores:
        return None
    from preprocessing.data import annotations
    from preprocessing.labelling import point_scores

    prediction = annotations.read(flags.prediction, truth.schema)  # with the rows that --category leaves out
    found = point_scores.read(flags.scores, prediction)
    lacking = np.flatnonzero(np.isnan(found.scores).all(axis=1))
    if lacking.size:
        what = (
            f"has no score for line {prediction.lines[lacking[0]]} of {flags.prediction}: expected one for each point"
        )
        raise DataError(flags.scores, None, what)
    row_of = {key: row for row, key in enumerate(prediction.keys)}
    order = [row_of[key] for key in truth.keys]
    return point_scores.PointScores(found.scores[order], found.covariances[order])


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
        flags=[
            "prediction", "ground_truth", "json", "worst", "against", "category", "schema", "oks", "scores",
            "image_side_error", "data_dir", "plot",
        ],
        required=["prediction", "ground_truth"],
    )  # fmt: skip
