"""What a data set is like: how many photos of what size, which keypoints they show, and where."""

import collections

import cv2
import numpy as np

from tools.browsing import entries as gathered
from utility import drawing

_HEAT_CELLS = 32
_MOST_SIZES = 12


def counts(entries):
    """Returns (sources, rows): the sources in order, and for each category its name and photos by source."""
    sources = list(dict.fromkeys(entry.source for entry in entries))
    number = collections.Counter((entry.category, entry.source) for entry in entries)
    rows = [(name, [number[name, source] for source in sources]) for name in _categories(entries)]
    return sources, rows


def sizes(entries):
    """Returns the common (width, height, photos), the most photos first, and the number of photos of other sizes."""
    number = collections.Counter(entry.size for entry in entries if entry.size)
    common = number.most_common(_MOST_SIZES)
    others = sum(number.values()) - sum(count for _, count in common)
    return [(*size, count) for size, count in common], others


def keypoints(entries, schema):
    """Returns, for each category, a row a keypoint.

    Returns:
        {category: [{name, color, visible, occluded, absent (shares of the labelled photos), heat (PNG bytes: where in
        the photo it lies), ne (mean error of the predictions, None without)}]}.
    """
    table = {}
    for category in _categories(entries):
        own = [entry for entry in entries if entry.category == category and (entry.visibility >= 0).any()]
        if own:
            errors = np.array([gathered.errors(entry, schema) for entry in own])
            table[category] = [
                _keypoint_row(own, index, errors[:, index], schema) for index in schema.keypoint_indices(category)
            ]
    return table


def _keypoint_row(entries, index, errors, schema):
    states = np.array([entry.visibility[index] for entry in entries])
    places = [entry.points[index] / entry.size for entry in entries if entry.size and entry.visibility[index] >= 0]
    scored = errors[~np.isnan(errors)]
    return {
        "name": schema.keypoints[index],
        "color": "#{:02x}{:02x}{:02x}".format(*drawing.keypoint_color(schema, schema.keypoints[index])),
        "visible": float((states == 1).mean()),
        "occluded": float((states == 0).mean()),
        "absent": float((states == -1).mean()),
        "heat": heat_picture(np.array(places).reshape(-1, 2)),
        "ne": float(scored.mean()) if scored.size else None,
    }


def heat_picture(places):
    """Returns a PNG of where the [N, 2] places, in shares of width and height, lie: bright where most do."""
    edges = np.linspace(0, 1, _HEAT_CELLS + 1)
    density, _, _ = np.histogram2d(places[:, 1], places[:, 0], bins=(edges, edges))
    density = cv2.GaussianBlur(density, (0, 0), 1.0)
    scaled = np.uint8(255 * np.sqrt(density / max(density.max(), 1e-9)))
    return drawing.encode(cv2.applyColorMap(scaled, cv2.COLORMAP_INFERNO)[..., ::-1], ".png")


def _categories(entries):
    return sorted({entry.category for entry in entries})
