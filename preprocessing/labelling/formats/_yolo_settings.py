"""The `data.yaml` of a YOLO-pose data set: its classes, and what their keypoints are called."""

import dataclasses
import os

from base.errors import DataError
from preprocessing.labelling.labelled import as_category, listed, read_text, shown

_MOST_BYTES = 1 << 20
_LEVELS = 3  # from the folder of labels, such as labels/train, up to that of data.yaml


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a data.yaml says.

    Attributes:
        folder: that it lies in.
        categories: the category of each class, by its number.
        labels: the names of each class's keypoints, in the order of the columns, by its number.
        dimensions: columns of a keypoint: 2 (x, y) or 3 (x, y, v).
    """

    folder: str
    categories: dict[int, str]
    labels: dict[int, tuple[str, ...]]
    dimensions: int


def find(path):
    """Returns the path of the data.yaml that belongs to labels, itself, in their folder or above; None if none does."""
    if path.endswith((".yaml", ".yml")):
        return path
    folder = os.path.abspath(path)
    for _ in range(_LEVELS):
        for name in ("data.yaml", "data.yml", "dataset.yaml"):
            if os.path.isfile(os.path.join(folder, name)):
                return os.path.join(folder, name)
        folder = os.path.dirname(folder)
    return None


def read(path, schema):
    """Returns the Settings in a data.yaml.

    Raises:
        DataError: the file cannot be read, or does not say what the columns of its labels are.
    """
    import yaml

    try:
        content = yaml.safe_load(read_text(path, _MOST_BYTES))
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        what = f"is no YAML ({str(error)[:200]}): expected the data.yaml of a YOLO-pose data set"
        raise DataError(path, None, what) from error
    if not isinstance(content, dict):
        raise DataError(path, None, f"expected the data.yaml of a YOLO-pose data set, got {shown(content)}")
    names = _numbered(path, "names", content.get("names"))
    shape = content.get("kpt_shape")
    if not (isinstance(shape, list) and len(shape) == 2 and _is_whole(shape[0]) and shape[1] in (2, 3)):
        raise DataError(path, "kpt_shape", f"expected [number of keypoints, 2 or 3], got {shown(shape)}")
    given = _numbered(path, "kpt_names", content.get("kpt_names") or {})
    labels = {number: _labels(path, number, given.get(number), shape[0], schema) for number in names}
    categories = {number: as_category(name, schema.category_names) for number, name in names.items()}
    return Settings(os.path.dirname(os.path.abspath(path)), categories, labels, int(shape[1]))


def _numbered(path, key, value):
    """Returns {class number: value} of a list or of an object with numbers as keys."""
    value = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(value, dict) or not all(_is_whole(number) for number in value):
        raise DataError(path, key, f"expected a list, or an object by the numbers of the classes, got {shown(value)}")
    return value


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _labels(path, number, given, count, schema):
    """Returns the names of a class's keypoints: as the file gives them, or all of the schema, in its order."""
    labels = tuple(schema.keypoints) if given is None else given
    if not isinstance(labels, (list, tuple)) or not all(isinstance(name, str) for name in labels):
        raise DataError(path, f"kpt_names.{number}", f"expected a list of names, got {shown(labels)}")
    if len(labels) != count and given is None:
        what = f"expected {len(labels)} keypoints, those of the schema {schema.name} in its order, or kpt_names"
        raise DataError(path, "kpt_shape", f"{what}; got {count} ({listed(labels[:3])}, … are the schema's)")
    if len(labels) != count:
        what = f"expected {count} names, as kpt_shape says, got {len(labels)}"
        raise DataError(path, f"kpt_names.{number}", what)
    return tuple(labels)
