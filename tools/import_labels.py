"""Makes a data set in the FashionAI layout of one's own photos and what a labelling tool exported.

python tools/import_labels.py --labels=export.json --images=photos --output_dir=DATA --category=skirt
"""

import hashlib
import os
import re

from base.errors import DataError, DataErrors, UsageError
from base.wording import counted
from configs import command_line, cross_checks

FLAGS = ("labels", "label_format", "images", "output_dir", "split", "category", "schema")


def main(flags):
    """Writes `output_dir/<split>`, whole or not at all; other splits in the folder stay as they are.

    Raises:
        DataError, DataErrors: the labels or photos are wrong, or the split already exists.
    """
    from base import schema as schemas
    from base.files import atomic_folder, cannot_write, exclusive_folder
    from preprocessing.labelling import formats

    if not re.fullmatch(r"train(_\w+)?", flags.split):
        raise UsageError(f"--split={flags.split}: expected a name such as train_0")
    target = os.path.join(flags.output_dir, flags.split)
    if os.path.lexists(target):
        raise DataError(target, None, "already exists: expected another --split, such as train_1")
    schema = schemas.load(flags.schema)
    cross_checks.check_category(flags, schema)
    form = formats.load(flags.label_format) if flags.label_format else formats.guess(flags.labels)
    export = form.read(flags.labels, schema)
    for line in export.remarks:
        command_line.warn(line)
    if not export.photos and not export.faults:
        raise DataError(flags.labels, None, "has no photo with points: expected an export of finished labels")
    with exclusive_folder(flags.output_dir), atomic_folder(target) as temporary:
        try:
            count = write_split(temporary, export, flags.images, flags.category, schema)
        except OSError as error:
            raise cannot_write(target, error) from error
    print(f"{target}: {counted(count, 'photo')}")


def write_split(folder, export, images, default_category, schema):
    """Writes the photos and the table of one split.

    Args:
        folder: an existing folder to fill.
        export: a labelled.Export.
        images: the folder of the photos; subfolders count too.
        default_category: the category of photos that have none in the labels.
        schema: the Schema of the labels.

    Returns:
        How many photos it wrote.

    Raises:
        DataErrors: every photo or label that is wrong.
    """
    import numpy as np

    from preprocessing.data import annotations
    from preprocessing.labelling.labelled import to_row
    from preprocessing.labelling.photo_files import PhotoFiles

    files = PhotoFiles(images, export.photos)
    rows, faults = {}, list(export.faults)  # rows: {image_id: (category, cells, the photo)}
    for photo in export.photos:
        category, row = default_category, {}
        try:
            category, row = to_row(photo, default_category, schema)
        except DataErrors as error:
            faults += error.errors
        try:
            image_id = _copy(folder, photo, files.find(photo), category)
            if image_id in rows:
                other = rows[image_id][-1]
                what = f"{photo.name} is the photo of {other.where} ({other.name}), too: expected each photo once"
                raise DataError(photo.file, photo.where, what)
            rows[image_id] = category, row, photo
        except DataError as error:
            faults.append(error)
    if faults:
        raise DataErrors(faults)
    cells = np.full([len(rows), len(schema.keypoints), 3], -1)
    for number, (_, row, _) in enumerate(rows.values()):
        for name, cell in row.items():
            cells[number, schema.keypoints.index(name)] = cell
    table = os.path.join(folder, "Annotations", "annotations.csv")
    categories = [category for category, *_ in rows.values()]
    annotations.write(table, list(rows), categories, cells[..., :2], cells[..., 2], schema)
    return len(rows)


def _copy(folder, photo, path, category):
    """Stores the photo as an upright JPEG under its hash, as the published data names them; returns its image_id."""
    from preprocessing.data import photos

    checked = photos.read(path)
    if photo.size and checked.size != photo.size:
        what = "{} has {}x{} pixels, its labels are for {}x{}: expected the photo that was labelled"
        raise DataError(photo.file, photo.where, what.format(photo.name, *checked.size, *photo.size))
    image_id = f"Images/{category}/{hashlib.md5(checked.encoded).hexdigest()}.jpg"
    path = os.path.join(folder, image_id)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(checked.encoded)
    return image_id


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["labels", "images", "output_dir"])
