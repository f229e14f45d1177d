"""Puts everything into one HTML file that needs nothing else."""

import base64
import math
import os

import jinja2
import numpy as np

from base import ellipses
from tools.browsing import entries as gathered
from tools.browsing import statistics
from utility import drawing

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def render(title, entries, row_faults, schema, augmented=()):
    """Returns the page as text.

    Args:
        title: the data's name.
        entries: a list of `entries.Entry`.
        row_faults: errors of rows that could not be read.
        schema: the Schema of the entries.
        augmented: (caption, JPEG bytes) pairs, what the network sees.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    sources, count_rows = statistics.counts(entries)
    size_rows, other_sizes = statistics.sizes(entries)
    faults = [str(error) for error in row_faults]
    faults += [f"{entry.source}: {entry.place}: {entry.image_id}: {what}" for entry in entries for what in entry.faults]
    return environment.get_template("page.html").render(
        title=title,
        style=_text("page.css"),
        script=_text("page.js"),
        data=_data(entries, sources, schema),
        thumbnails=[_base64(entry.thumbnail) for entry in entries],
        sources=sources,
        count_rows=count_rows,
        size_rows=size_rows,
        other_sizes=other_sizes,
        keypoint_tables={
            category: [{**row, "heat": _base64(row["heat"])} for row in rows]
            for category, rows in statistics.keypoints(entries, schema).items()
        },
        faults=faults,
        augmented=[(caption, _base64(picture)) for caption, picture in augmented],
        has_predictions=any(entry.predicted is not None for entry in entries),
        has_ellipses=any(entry.covariances is not None for entry in entries),
        has_suspects=any(entry.suspects for entry in entries),
        categories=[name for name in schema.category_names if any(entry.category == name for entry in entries)],
        keypoints=schema.keypoints,
    )


def _data(entries, sources, schema):
    """Returns what the page's script needs: short keys, for there may be thousands of photos."""
    return {
        "keypoints": schema.keypoints,
        "colors": ["#{:02x}{:02x}{:02x}".format(*drawing.keypoint_color(schema, name)) for name in schema.keypoints],
        "outlines": {
            category: [[schema.keypoints.index(name) for name in edge] for edge in schema.outline(category)]
            for category in schema.category_names
        },
        "sources": sources,
        "photos": [_photo(entry, sources, schema) for entry in entries],
    }


def _photo(entry, sources, schema):
    """Returns a row: points as [keypoint, x, y, visibility], predictions as [keypoint, x, y, error, (ellipse)]."""
    photo = {
        "source": sources.index(entry.source),
        "id": entry.image_id,
        "place": entry.place,
        "category": entry.category,
        "size": entry.size or [0, 0],
        **({"box": entry.box} if entry.box else {}),
        "points": [
            [int(index), *entry.points[index].tolist(), int(entry.visibility[index])]
            for index in np.flatnonzero(entry.visibility >= 0)
        ],
        "faults": entry.faults,
    }
    if entry.suspects:
        photo["suspects"] = [[index, round(suspicion, 4), kind] for index, suspicion, kind in entry.suspects]
    if entry.predicted is not None:
        errors = gathered.errors(entry, schema)
        scored = errors[~np.isnan(errors)]
        photo["error"] = round(float(scored.mean()), 5) if scored.size else None
        photo["predicted"] = [
            [index, *np.round(entry.predicted[index], 1).tolist(), _rounded(errors[index]), *_ellipse(entry, index)]
            for index in range(len(schema.keypoints))
            if (entry.predicted[index] >= 0).any()
        ]
    return photo


def _ellipse(entry, index):
    """Returns the half axes and the angle, in degrees, of a predicted point's ellipse; nothing where it has none."""
    if entry.covariances is None or np.isnan(entry.covariances[index]).any():
        return ()
    axes, angle = ellipses.axes(entry.covariances[index], drawing.ELLIPSE_SHARE)
    return tuple(round(value, 1) for value in (*axes, math.degrees(angle)))


def _rounded(error):
    return None if np.isnan(error) else round(float(error), 5)


def _text(name):
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        return file.read()


def _base64(data):
    return base64.b64encode(data).decode()
