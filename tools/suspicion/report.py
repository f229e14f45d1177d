"""The suspicions as people read them: a table of all, and a page of the photos with the most suspicious ones."""

import os

from base.files import atomic_write
from preprocessing.data import csv_rows
from preprocessing.data.boxes import COLUMN, to_text
from tools.browsing import entries, page

_COLUMNS = ("image_id", "category", "keypoint", "suspicion", "kind")
_THUMBNAIL = 384  # longest side of a photo on the page, in pixels: points are looked at closely
_MOST_PHOTOS = 300  # on the page


def write_table(path, rows, suspects):
    """Writes the CSV, a line for each suspect in their order.

    Args:
        path: of the CSV.
        rows: a list of conversion_plan.Row.
        suspects: a list of ranking.Suspect. Where the rows are of several splits, the image ids begin with theirs;
            where rows have boxes, the last column is `box`.
    """
    several, has_boxes = len({row.split for row in rows}) > 1, any(row.box for row in rows)
    table = [(*_COLUMNS, *([COLUMN] if has_boxes else []))]
    for suspect in suspects:
        row = rows[suspect.row]
        image_id = f"{os.path.basename(row.split)}/{row.image_id}" if several else row.image_id
        keypoint, last = row.schema.keypoints[suspect.keypoint], [to_text(row.box)] if has_boxes else []
        table.append((image_id, row.category, keypoint, f"{suspect.suspicion:.6f}", suspect.kind, *last))
    csv_rows.write(path, table)


def write_page(path, title, rows, suspects, predicted):
    """Writes the page: the photos with the most suspicious annotations, these marked, beside what was predicted.

    Args:
        path: of the HTML file.
        title: the data's name.
        rows: a list of N conversion_plan.Row.
        suspects: a list of ranking.Suspect, the most suspicious first, that are to be shown.
        predicted: [N, K, 2], the held-out predictions in photo pixels.
    """
    shown = {}
    for suspect in suspects:
        if suspect.row in shown or len(shown) < _MOST_PHOTOS:
            entry = shown.setdefault(suspect.row, _entry(rows[suspect.row], predicted[suspect.row]))
            entry.suspects.append((suspect.keypoint, suspect.suspicion, suspect.kind))
    for split in sorted({rows[number].split for number in shown}):
        own = [entry for number, entry in shown.items() if rows[number].split == split]
        entries.load(own, split, _THUMBNAIL, rows[0].schema)
    with atomic_write(path, encoding="utf-8") as file:
        file.write(page.render(title, list(shown.values()), [], rows[0].schema))


def _entry(row, predicted):
    return entries.Entry(
        os.path.basename(row.split), row.image_id, row.category, f"line {row.line}", row.points, row.visibility,
        path=os.path.join(row.split, row.image_id), predicted=predicted, box=row.box,
    )  # fmt: skip
