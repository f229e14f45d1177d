"""What is written for another tool and read again, by the project's own importer, is what it was."""

import hashlib
import tempfile
from pathlib import Path

import hypothesis
import made_splits
import numpy as np
import pytest
from fashionai import KEYPOINTS

from configs import command_line
from preprocessing.data import annotations
from preprocessing.labelling import exports, formats
from tools import export_labels, import_labels


def run(program, *words):
    program.main(command_line.parse([f"{program.__name__}.py", *words], program.FLAGS, []))


def read(folder, split):
    """Returns {(MD5 of the photo, category, box): {keypoint: (x, y, visibility)}} of a split."""
    rows = annotations.read(folder / split / "Annotations" / "annotations.csv")
    found = {}
    for (image_id, category, box), points, visibility in zip(rows.keys, rows.points, rows.visibility):
        photo = hashlib.md5((folder / split / image_id).read_bytes()).hexdigest()
        shown = np.flatnonzero(visibility >= 0)
        found[photo, category, box] = {KEYPOINTS[at]: (*points[at], visibility[at]) for at in shown}
    return found


def expected(made):
    """Returns the same of what was made; a box of the whole photo is none."""
    found = {}
    for photo in made:
        digest = hashlib.md5(made_splits.jpeg(photo.size, photo.image_id)).hexdigest()
        for row in photo.rows:
            found[digest, row.category, None if row.box == (0, 0, *photo.size) else row.box] = row.cells
    return found


@pytest.mark.parametrize("name", [name for name in exports.FORMATS if name in formats.FORMATS])
@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(made=made_splits.made_photos())
def test_points_visibilities_categories_and_boxes_come_back(name, made):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        made_splits.write(folder / "DATA", made)
        where = (f"--data_dir={folder}/DATA", f"--label_format={name}", f"--output={folder}/out")
        run(export_labels, *where, *(["--whole_photos"] if "whole_photos" in exports.load(name).FLAGS else []))
        is_folder = exports.load(name).IS_FOLDER
        images = folder / "out" / "images" if is_folder else folder / "DATA" / "train_0"
        where = (f"--labels={folder}/out", f"--images={images}", f"--output_dir={folder}/BACK")
        run(import_labels, *where, f"--label_format={name}")
        assert read(folder / "BACK", "train_0") == expected(made)
