"""The competition's metric, normalised error (NE), with PCK, AUC and pixel errors, from points in photo pixels.

N photos, K keypoints, all that the schema has, in its order.
"""

import numpy as np

from base.schema import NORM_OF_COINCIDING_PAIR

_PCK_THRESHOLDS = (0.05, 0.1, 0.2)
_AUC_THRESHOLDS = tuple(step / 100 for step in range(1, 21))
_VISIBILITY_NAMES = {"visible": 1, "occluded": 0, "absent": -1}


def normalising_lengths(points, categories, schema):
    """Returns what each photo's errors are divided by (SPEC: the metric).

    Args:
        points: [N, K, 2] float, the true points in photo pixels; absent ones as the CSV has them (-1, -1).
        categories: N category names.
        schema: the Schema.

    Returns:
        [N] float64 px: the distance of the category's normalising pair, 256 where it is 0.
    """
    pairs = np.array([schema.normalising_pair(category) for category in categories], np.int64).reshape(-1, 2)
    rows = np.arange(len(pairs))
    lengths = np.linalg.norm(points[rows, pairs[:, 0]] - points[rows, pairs[:, 1]], axis=-1)
    return np.where(lengths == 0, NORM_OF_COINCIDING_PAIR, lengths)


def scored(truth):
    """Returns which keypoints count, [N, K] bool: the visible ones of those that a row's category has."""
    return (truth.visibility == 1) & own_keypoints(truth.categories, truth.schema)


def own_keypoints(categories, schema):
    """Returns which keypoints each of N categories has, [N, K] bool."""
    has = np.zeros([len(categories), len(schema.keypoints)], bool)
    for row, category in enumerate(categories):
        has[row, list(schema.keypoint_indices(category))] = True
    return has


def errors(truth, predicted):
    """Returns the normalised errors [N, K] float64 of all keypoints, those of absent ones without a meaning.

    Args:
        truth: Annotations of N photos.
        predicted: [N, K, 2] float, the predicted points in photo pixels, in the order of `truth`.
    """
    distances = np.linalg.norm(predicted - truth.points, axis=-1)  # px
    return distances / normalising_lengths(truth.points, truth.categories, truth.schema)[:, None]


def score(truth, predicted):
    """Scores predictions against the ground truth.

    Args:
        truth: Annotations of N photos.
        predicted: [N, K, 2] float, the predicted points in photo pixels, in the order of `truth`.

    Returns:
        A dict ready for JSON: `ne`, `keypoints` (how many visible ones were scored), `categories` (each with its `ne`,
        `keypoints` and `points` by keypoint name), `pck` by threshold, `auc`, `epe` (mean error in pixels) and
        `visibility` (count and share of the categories' keypoints). A mean over no keypoint is None.
    """
    distances = np.linalg.norm(predicted - truth.points, axis=-1)  # [N, K] px
    normalised, visible = errors(truth, predicted), scored(truth)
    counted = normalised[visible]
    return {
        **_mean(normalised, visible),
        "categories": _by_category(truth, normalised, visible),
        "pck": {str(threshold): _share(counted <= threshold) for threshold in _PCK_THRESHOLDS},
        "auc": _share(counted[:, None] <= np.array(_AUC_THRESHOLDS)),
        "epe": _mean(distances, visible)["ne"],
        "visibility": _visibility_shares(truth),
    }


def worst_photos(truth, predicted, count):
    """Returns the `count` photos of the largest mean error, worst first, as (row, mean NE) pairs.

    Args:
        truth, predicted: as for `score`. Photos without a visible keypoint have no error and are left out.
    """
    visible = scored(truth)
    means = np.where(visible, errors(truth, predicted), 0).sum(axis=1) / np.maximum(visible.sum(axis=1), 1)
    rows = np.flatnonzero(visible.any(axis=1))
    order = rows[np.argsort(-means[rows], kind="stable")]
    return [(int(row), float(means[row])) for row in order[:count]]


def _mean(errors, visible):
    counted = errors[visible]
    return {"ne": float(counted.mean()) if counted.size else None, "keypoints": int(counted.size)}


def _share(hits):
    return float(hits.mean()) if hits.size else None


def _by_category(truth, errors, visible):
    schema, categories = truth.schema, np.array(truth.categories)
    result = {}
    for category in schema.category_names:
        rows = categories == category
        if rows.any():
            points = {
                schema.keypoints[index]: _mean(errors[rows, index], visible[rows, index])
                for index in schema.keypoint_indices(category)
            }
            result[category] = {**_mean(errors[rows], visible[rows]), "points": points}
    return result


def _visibility_shares(truth):
    """Counts the keypoints that each photo's category has, by visibility."""
    values = truth.visibility[own_keypoints(truth.categories, truth.schema)]
    return {
        name: {"keypoints": int((values == code).sum()), "share": _share(values == code)}
        for name, code in _VISIBILITY_NAMES.items()
    }


def table(result):
    """Returns the lines of the NE table, by category and keypoint, for the dict of `score`.

    The last line is `NE 0.318597 (31.8597 %) over 82708 keypoints`.
    """
    names = [name for scores in result["categories"].values() for name in scores["points"]]
    widths = [max([10, *map(len, result["categories"])]), max([16, *map(len, names)])]
    lines = [_columns("", "keypoint", "NE", "NE %", "keypoints", widths)]
    for category, scores in result["categories"].items():
        for name, point in scores["points"].items():
            lines.append(_row(category, name, point, widths))
        lines += [_row(category, "(all)", scores, widths), ""]
    for name, entry in result["visibility"].items():
        lines.append(f"{name:<10} {entry['keypoints']:>8} keypoints {_percent(entry['share']):>10}")
    lines += ["", *(f"PCK@{threshold:<4} {_percent(share):>10}" for threshold, share in result["pck"].items())]
    lines.append(f"AUC      {_percent(result['auc']):>10}   (mean PCK at 0.01, 0.02, … 0.20 of the norm)")
    lines.append("EPE      " + ("-" if result["epe"] is None else f"{result['epe']:>7.3f} px"))
    if result["ne"] is None:
        return [*lines, "NE undefined: no visible keypoint in the ground truth"]
    return [*lines, f"NE {result['ne']:.6f} ({100 * result['ne']:.4f} %) over {result['keypoints']} keypoints"]


def _row(category, name, mean, widths):
    ne = f"{mean['ne']:.6f}" if mean["ne"] is not None else "-"
    return _columns(category, name, ne, _percent(mean["ne"]), mean["keypoints"], widths)


def _columns(category, name, ne, percent, keypoints, widths):
    return f"{category:<{widths[0]}} {name:<{widths[1]}} {ne:>10} {percent:>10} {keypoints:>10}"


def _percent(share):
    return "-" if share is None else f"{100 * share:.4f} %"
