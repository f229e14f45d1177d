"""The CSV of a split that is being made, written in parts: as one, its cells would fill the memory."""

import os

import numpy as np

from preprocessing.data import annotations

_ROWS = 500  # of a part


class Table:
    """Rows of annotations, added one by one within a `with` block, which ends with the file complete.

    Args:
        path: of the CSV; its folder is one that nobody reads before it is complete.
        schema: the Schema of its columns.
        has_boxes: whether it has the column `box`.
    """

    def __init__(self, path, schema, has_boxes):
        self._path, self._schema, self._has_boxes = path, schema, has_boxes
        self._order = {name: position for position, name in enumerate(schema.keypoints)}
        self._rows = []
        self.count = 0

    def add(self, image_id, row):
        """Adds a placing.Row of a photo."""
        self._rows.append((image_id, row))
        self.count += 1
        if len(self._rows) == _ROWS:
            self._flush()

    def __enter__(self):
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        self._file = open(self._path, "wb")
        return self

    def __exit__(self, error, *_):
        try:
            if self._rows and error is None:  # else the split is dropped, and that error counts
                self._flush()
        finally:
            self._file.close()

    def _flush(self):
        cells = np.full([len(self._rows), len(self._order), 3], -1)
        for number, (_, row) in enumerate(self._rows):
            for name, cell in row.cells.items():
                cells[number, self._order[name]] = cell
        part = f"{self._path}.part"
        annotations.write(
            part,
            [image_id for image_id, _ in self._rows],
            [row.category for _, row in self._rows],
            cells[..., :2],
            cells[..., 2],
            self._schema,
            [row.box for _, row in self._rows] if self._has_boxes else None,
        )
        with open(part, "rb") as file:
            header = file.readline()
            if not self._file.tell():
                self._file.write(header)
            self._file.write(file.read())
        os.remove(part)
        self._rows = []
