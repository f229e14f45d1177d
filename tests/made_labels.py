"""Garments for tests of label formats: drawn by hypothesis, and read back as rows of the CSV."""

import dataclasses
import pathlib

from hypothesis import strategies as st

from preprocessing.labelling import placing
from preprocessing.labelling.labelled import Notes


@dataclasses.dataclass(frozen=True)
class Made:
    """A garment: its category, {keypoint: (x, y, v)} and its box, in whole pixels."""

    category: str
    cells: dict
    box: tuple


@st.composite
def garments(draw, schema, size, smallest=1):
    """Draws garments with a box in a photo of a size; all points are in their box, which is not the whole photo."""
    width, height = size
    made = []
    for _ in range(draw(st.integers(smallest, 3))):
        category = draw(st.sampled_from(schema.category_names))
        x0, y0 = draw(st.integers(1, width - 2)), draw(st.integers(0, height - 2))
        x1, y1 = draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))
        cell = st.tuples(st.integers(x0, x1 - 1), st.integers(y0, y1 - 1), st.integers(0, 1))
        names = draw(st.lists(st.sampled_from(schema.keypoint_names(category)), min_size=1, unique=True))
        made.append(Made(category, {name: draw(cell) for name in names}, (x0, y0, x1, y1)))
    return made


SIZES = st.tuples(st.integers(4, 5000), st.integers(4, 5000))


def rows(form, path, schema, size, default=None):
    """Returns ([(photo, row)], notes) of labels, as rows of photos of a size; the rows of faulty garments are None."""
    notes = Notes(str(path))
    found = []
    for garment in form.read(str(path), schema, notes):
        row = None
        with notes.collecting(garment.file, garment.where):
            row = placing.to_row(garment, size, default, schema, notes)
        found.append((garment.photo, row))
    return found, notes


def as_made(found):
    """Returns the Made of what `rows` found."""
    return [Made(row.category, row.cells, row.box) for _, row in found]


def write(path, text):
    """Writes a file and the folders above it; returns its path as text."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)
