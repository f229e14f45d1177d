"""Draws a made-up data set in the FashionAI layout: photos of garments with their keypoints known exactly.

It is a real task in small: five categories in many cuts, patterns, folds, people with arms and hair that hide
keypoints, hangers, clutter, cut-off photos, several shapes and JPEG qualities, and some greyscale files. The same seed
draws the same bytes. With --garments=2, 3 or 4 each photo shows so many beside each other, as rows with a box each.
"""

import contextlib
import functools
import hashlib
import os

from base import schema as schemas
from base.errors import DataError
from base.files import atomic_folder, cannot_write
from base.machine import cores
from base.wording import counted
from configs import command_line

FLAGS = ("output_dir", "num_train", "num_test", "image_size", "garments", "seed", "schema")
SPLITS = ("train_0", "test_0")
_ABSENT = (-1, -1, -1)
_MINIMUM_PER_PROCESS = 20  # photos; below this, starting another process costs more than it saves


def main(flags):
    """Writes the data set into `flags.output_dir`, whole or not at all.

    Raises:
        DataError: the folder holds something already, or cannot be written.
    """
    schema = schemas.load(flags.schema)
    _refuse_full(flags.output_dir)
    with atomic_folder(flags.output_dir) as temporary:
        try:
            counts = flags.num_train, flags.num_test
            write_data_set(temporary, *counts, flags.image_size, flags.seed, schema, garments=flags.garments)
        except OSError as error:
            raise cannot_write(flags.output_dir, error) from error
    count = len(schema.categories) * (flags.num_train + flags.num_test)
    each = f", {flags.garments} garments in each," if flags.garments > 1 else ""
    print(f"{flags.output_dir}: {counted(count, 'photo')}{each} of {', '.join(schema.category_names)}")


def write_data_set(folder, num_train, num_test, image_size, seed, schema, processes=None, garments=1):
    """Draws all photos and writes them with their tables.

    Args:
        folder: an existing folder to fill.
        num_train: photos of each category in train_0.
        num_test: photos of each category in test_0, whose answer goes to `test_0_answer.csv`.
        image_size: the longest side of a photo, in pixels.
        seed: what to draw; the same seed draws the same bytes.
        schema: the Schema: FashionAI's garments are drawn as such, others as plain pieces of cloth.
        processes: how many draw at a time; not given: one a core.
        garments: how many each photo shows. Of several, the first is of the photo's category and the others of any;
            each is a row, and the tables have the column `box`.
    """
    import numpy as np

    from preprocessing.labelling.photo_store import SEVERAL

    for split, count in zip(SPLITS, (num_train, num_test)):
        for name in schema.category_names if garments == 1 else [SEVERAL]:
            os.makedirs(os.path.join(folder, split, "Images", name))
        jobs = [(split, category, index) for category in schema.category_names for index in range(count)]
        jobs = [jobs[index] for index in np.random.default_rng(seed).permutation(len(jobs))]
        draw = functools.partial(draw_photo, folder, image_size, seed, schema, garments)
        drawn = _map(draw, jobs, f"photos of {split} drawn", processes)
        _write_tables(folder, split, [row for rows in drawn for row in rows], schema, garments > 1)


def _write_tables(folder, split, rows, schema, has_boxes):
    """Writes the table of a split: with the keypoints, or the list of a test's photos and the answer beside it.

    Args:
        folder: the data set.
        split: its name.
        rows: what `draw_photo` returns, for all photos.
        schema: the Schema.
        has_boxes: whether the tables have the column `box`.
    """
    import numpy as np

    from preprocessing.data import annotations, csv_rows
    from preprocessing.data.boxes import COLUMN, to_text

    image_ids, categories, boxes = ([row[place] for row in rows] for place in range(3))
    table = os.path.join(folder, split, "Annotations", "annotations.csv")
    if split == "test_0":
        table = os.path.join(folder, f"{split}_answer.csv")
        last = [[to_text(box)] for box in boxes] if has_boxes else [[]] * len(rows)
        names = (*annotations.ID_COLUMNS, *([COLUMN] if has_boxes else []))
        listed = ([*own, *box] for *own, box in zip(image_ids, categories, last))
        csv_rows.write(os.path.join(folder, split, "test.csv"), [names, *listed])
    cells = np.array([keypoints for *_, keypoints in rows]).reshape(-1, len(schema.keypoints), 3)
    own_boxes = boxes if has_boxes else None
    annotations.write(table, image_ids, categories, cells[..., :2], cells[..., 2], schema, own_boxes)


def draw_photo(folder, image_size, seed, schema, garments, job):
    """Draws one photo and writes its file.

    Args:
        folder: the data set.
        image_size: the longest side in pixels.
        seed: that of the data set.
        schema: the Schema.
        garments: how many it shows.
        job: (split, category, index): which photo.

    Returns:
        Its rows, one for each garment: image_id, category, box (None: the whole photo), and the keypoints as a list of
        K (x, y, visibility), (-1, -1, -1) for absent ones.
    """
    import cv2
    import numpy as np

    from preprocessing.labelling.photo_store import SEVERAL
    from tools.synthetic.several import random_photos_beside

    cv2.setNumThreads(1)  # the processes share the cores already
    split, category, index = job
    key = [seed, SPLITS.index(split), schema.category_names.index(category), index]
    # The number 0 is left out: one garment is drawn as it was before there were several.
    rngs = [np.random.default_rng(key + ([number] if number else [])) for number in range(garments)]
    categories = [category, *(str(rng.choice(schema.category_names)) for rng in rngs[1:])]
    image, placed, quality = random_photos_beside(rngs, categories, image_size, schema)
    name = hashlib.md5(f"{seed} {split} {category} {index}".encode()).hexdigest()
    image_id = f"Images/{category if garments == 1 else SEVERAL}/{name}.jpg"
    pixels = image[..., ::-1] if image.ndim == 3 else image
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    with open(os.path.join(folder, split, image_id), "wb") as file:
        file.write(encoded.tobytes())
    return [
        (image_id, garment.category, garment.box, [garment.keypoints.get(name, _ABSENT) for name in schema.keypoints])
        for garment in placed
    ]


def _map(function, jobs, what, processes):
    """Returns [function(job) for job in jobs], worked on by several processes, with its progress shown."""
    import multiprocessing

    from base.progress import Progress

    processes = processes or min(cores(), max(1, len(jobs) // _MINIMUM_PER_PROCESS))
    results = []
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(Progress(what, len(jobs)))
        if processes == 1:
            drawn = map(function, jobs)
        else:
            # Fresh processes: a fork of a program that has started threads may hang.
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(processes))
            drawn = pool.imap(function, jobs, chunksize=8)
        for result in drawn:
            results.append(result)
            progress.step()
    return results


def _refuse_full(output_dir):
    if os.path.lexists(output_dir) and not os.path.isdir(output_dir):
        raise DataError(output_dir, None, "is a file: expected the name of a new or empty folder")
    if os.path.isdir(output_dir) and os.listdir(output_dir):
        raise DataError(output_dir, None, "is not empty: expected a new or empty folder")


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["output_dir"])
