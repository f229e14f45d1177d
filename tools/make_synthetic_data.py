"""Draws a made-up data set in the FashionAI layout: photos of garments with their keypoints known exactly.

It is a real task in small: five categories in many cuts, patterns, folds, people with arms and hair that hide
keypoints, hangers, clutter, cut-off photos, several shapes and JPEG qualities, and some greyscale files. The same seed
draws the same bytes.
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

FLAGS = ("output_dir", "num_train", "num_test", "image_size", "seed", "schema")
SPLITS = ("train_0", "test_0")
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
            write_data_set(temporary, flags.num_train, flags.num_test, flags.image_size, flags.seed, schema)
        except OSError as error:
            raise cannot_write(flags.output_dir, error) from error
    count = len(schema.categories) * (flags.num_train + flags.num_test)
    print(f"{flags.output_dir}: {counted(count, 'photo')} of {', '.join(schema.category_names)}")


def write_data_set(folder, num_train, num_test, image_size, seed, schema, processes=None):
    """Draws all photos and writes them with their tables.

    Args:
        folder: an existing folder to fill.
        num_train: photos of each category in train_0.
        num_test: photos of each category in test_0, whose answer goes to `test_0_answer.csv`.
        image_size: the longest side of a photo, in pixels.
        seed: what to draw; the same seed draws the same bytes.
        schema: the Schema: FashionAI's garments are drawn as such, others as plain pieces of cloth.
        processes: how many draw at a time; not given: one a core.
    """
    import numpy as np

    from preprocessing.data import annotations

    for split, count in zip(SPLITS, (num_train, num_test)):
        for category in schema.category_names:
            os.makedirs(os.path.join(folder, split, "Images", category))
        jobs = [(split, category, index) for category in schema.category_names for index in range(count)]
        jobs = [jobs[index] for index in np.random.default_rng(seed).permutation(len(jobs))]
        drawn = _map(
            functools.partial(draw_photo, folder, image_size, seed, schema), jobs, f"photos of {split} drawn", processes
        )
        image_ids = [image_id for image_id, _ in drawn]
        categories = [category for _, category, _ in jobs]
        cells = np.array([keypoints for _, keypoints in drawn]).reshape(-1, len(schema.keypoints), 3)
        if split == "train_0":
            table = os.path.join(folder, split, "Annotations", "annotations.csv")
        else:
            table = os.path.join(folder, f"{split}_answer.csv")
            _write_list(os.path.join(folder, split, "test.csv"), image_ids, categories)
        annotations.write(table, image_ids, categories, cells[..., :2], cells[..., 2], schema)


def draw_photo(folder, image_size, seed, schema, job):
    """Draws one photo and writes its file.

    Args:
        folder: the data set.
        image_size: the longest side in pixels.
        seed: that of the data set.
        schema: the Schema.
        job: (split, category, index): which photo.

    Returns:
        Its image_id, and its keypoints as a list of K (x, y, visibility), (-1, -1, -1) for absent ones.
    """
    import cv2
    import numpy as np

    from tools.synthetic.photos import random_photo

    cv2.setNumThreads(1)  # the processes share the cores already
    split, category, index = job
    rng = np.random.default_rng([seed, SPLITS.index(split), schema.category_names.index(category), index])
    photo = random_photo(rng, category, image_size, schema)
    name = hashlib.md5(f"{seed} {split} {category} {index}".encode()).hexdigest()
    image_id = f"Images/{category}/{name}.jpg"
    pixels = photo.image[..., ::-1] if photo.image.ndim == 3 else photo.image
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, photo.quality])[1]
    with open(os.path.join(folder, split, image_id), "wb") as file:
        file.write(encoded.tobytes())
    return image_id, [photo.keypoints.get(name, (-1, -1, -1)) for name in schema.keypoints]


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


def _write_list(path, image_ids, categories):
    """Writes `test.csv`: which photos there are."""
    lines = [f"{image_id},{category}\n" for image_id, category in zip(image_ids, categories)]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(["image_id,image_category\n", *lines])


def _refuse_full(output_dir):
    if os.path.lexists(output_dir) and not os.path.isdir(output_dir):
        raise DataError(output_dir, None, "is a file: expected the name of a new or empty folder")
    if os.path.isdir(output_dir) and os.listdir(output_dir):
        raise DataError(output_dir, None, "is not empty: expected a new or empty folder")


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["output_dir"])
