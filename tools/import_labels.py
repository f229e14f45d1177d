"""Makes a data set in the FashionAI layout of one's own photos and what a labelling tool exported.

python tools/import_labels.py --labels=export.json --images=photos --output_dir=DATA --category=skirt
"""

import functools
import hashlib
import os
import re
import shutil
import tempfile

from configs import command_line
from configs.errors import DataError, DataErrors, UsageError
from configs.keypoints import KEYPOINTS
from configs.wording import counted

FLAGS = ("labels", "label_format", "images", "output_dir", "split", "category")


def main(flags):
    """Writes `output_dir/<split>`, whole or not at all; other splits in the folder stay as they are.

    Raises:
        DataError, DataErrors: the labels or photos are wrong, or the split is there already.
    """
    from preprocessing.files import cannot_write, exclusive_folder

    if not re.fullmatch(r"train(_\w+)?", flags.split):
        raise UsageError(f"--split={flags.split}: a name such as train_0 would be right")
    target = os.path.join(flags.output_dir, flags.split)
    if os.path.lexists(target):
        raise DataError(target, None, "is there already: another --split, such as train_1, would be right")
    labelled = _reader(flags.labels, flags.label_format).read(flags.labels)
    if not labelled:
        raise DataError(flags.labels, None, "has no photo with points: an export of finished labels would be right")
    with exclusive_folder(flags.output_dir):
        temporary = tempfile.mkdtemp(prefix=f".{flags.split}.", dir=flags.output_dir)
        try:
            count = write_split(temporary, labelled, flags.images, flags.category)
            os.chmod(temporary, 0o755)
            os.replace(temporary, target)
        except OSError as error:
            raise cannot_write(target, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    print(f"{target}: {counted(count, 'photo')}")


def _reader(path, label_format):
    """Returns the module that reads the labels: the one named, or the one that fits the file."""
    from tools.labelling import cvat, label_studio, labelled, labelme

    if label_format:
        return {"cvat": cvat, "label_studio": label_studio, "labelme": labelme}[label_format]
    if os.path.isdir(path):
        return labelme
    start = labelled.read_text(path).lstrip()[:1]
    readers = {"<": cvat, "[": label_studio, "{": labelme}
    if start not in readers:
        what = "is neither XML nor JSON: an export of CVAT, Label Studio or labelme would be right"
        raise DataError(path, None, what)
    return readers[start]


def write_split(folder, labelled, images, default_category):
    """Writes the photos and the table of one split.

    Args:
        folder: an existing folder to fill.
        labelled: a list of LabelledPhoto.
        images: the folder of the photos; subfolders count too.
        default_category: the category of photos that have none in the labels.

    Returns:
        How many photos it wrote.

    Raises:
        DataErrors: every photo or label that is wrong.
    """
    import numpy as np

    from preprocessing import annotations
    from tools.labelling.labelled import to_row

    paths = _paths_by_name(images)
    image_ids, categories, faults = [], [], []
    cells = np.full([len(labelled), len(KEYPOINTS), 3], -1)
    for photo in labelled:
        try:
            category, row = to_row(photo, default_category)
            image_id = _copy(folder, photo, paths, category)
            if image_id in image_ids:
                raise DataError(photo.file, photo.where, f"{photo.name} is labelled twice: once would be right")
        except DataError as error:
            faults.append(error)
            continue
        for name, cell in row.items():
            cells[len(image_ids), KEYPOINTS.index(name)] = cell
        image_ids.append(image_id)
        categories.append(category)
    if faults:
        raise DataErrors(faults)
    table = os.path.join(folder, "Annotations", "annotations.csv")
    annotations.write(table, image_ids, categories, cells[..., :2], cells[..., 2])
    return len(image_ids)


def _paths_by_name(images):
    paths = {}
    for place, _, names in sorted(os.walk(images)):
        for name in names:
            paths.setdefault(name, []).append(os.path.join(place, name))
    if not paths:
        raise DataError(images, None, "has no file: the folder of the labelled photos would be right")
    return paths


@functools.cache
def _uploaded(name):
    """Returns the name under which Label Studio keeps an uploaded file: without spaces, and with few other signs."""
    return re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))


def _copy(folder, photo, paths, category):
    """Stores the photo as an upright JPEG under its hash, as the published data names them; returns its image_id."""
    from preprocessing import photos

    found = paths.get(photo.name) or [path for name in paths if _uploaded(name) == photo.name for path in paths[name]]
    if len(found) != 1:
        what = f"{photo.name} is there {len(found)} times: one photo of that name below --images would be right"
        raise DataError(photo.file, photo.where, what)
    checked = photos.read(found[0])
    if checked.size != photo.size:
        what = "{} has {}x{} pixels, its labels are for {}x{}: the photo that was labelled would be right"
        raise DataError(photo.file, photo.where, what.format(photo.name, *checked.size, *photo.size))
    image_id = f"Images/{category}/{hashlib.md5(checked.encoded).hexdigest()}.jpg"
    path = os.path.join(folder, image_id)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(checked.encoded)
    return image_id


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["labels", "images", "output_dir"])
