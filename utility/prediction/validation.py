"""The validation photos of records, with their points: what a model may be measured on after its training.

K keypoints, all that the schema has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np

from base.errors import DataError
from base.schema import Schema
from preprocessing.data import photos, records
from utility.prediction import photo_reading


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, or its part within a box.

    Attributes:
        category: the garment's.
        points: [K, 2] float64, in the photo's pixels.
        visibility: [K] int: 1 visible, 0 occluded, -1 absent.
        box: (x0, y0, x1, y1); None for the whole photo.
        read: function() -> [H, W, 3] uint8 RGB, the whole photo; raises DataError.
        shard: the file that it is from.
    """

    category: str
    points: np.ndarray
    visibility: np.ndarray
    box: Optional[tuple[int, ...]]
    read: Callable[[], np.ndarray]
    shard: str


def shards(data_dir: str, category: str) -> list[str]:
    """Returns the paths of the validation shards of a category, or of `all`.

    Raises:
        DataError: there is none, or it has no keypoints.
    """
    found = records.list_shards(data_dir, category, validation=True)
    if not records.count_records(found):
        what = f"has no validation records of {category}: expected some, as tools/convert_tfrecords.py makes them with "
        raise DataError(data_dir, None, f"{what}--val_fraction=0.15")
    return found


def count(data_dir: str, category: str) -> int:
    """Returns the number of validation photos; raises as `shards` and `records.count_records` do."""
    return records.count_records(shards(data_dir, category))


def labelled_photos(data_dir: str, category: str, schema: Schema) -> Iterator[LabelledPhoto]:
    """Yields the validation photos of a category, or of `all`.

    Raises:
        DataError: there is none, or a record is damaged or has no keypoints.
    """
    for shard in shards(data_dir, category):
        for number, example in enumerate(records.read_examples(shard, schema), start=1):
            feature = example.features.feature
            if "image/keypoint/gid" not in feature:
                raise DataError(shard, f"record {number}", "has no keypoints: expected records of labelled photos")
            points, visibility = np.full([len(schema.keypoints), 2], -1.0), np.full(len(schema.keypoints), -1)
            columns = [feature[f"image/keypoint/{name}"].int64_list.value for name in ("gid", "x", "y", "v")]
            for index, x, y, state in zip(*columns):
                points[index], visibility[index] = (x, y), state
            yield LabelledPhoto(
                schema.category_names[feature["image/classid"].int64_list.value[0]],
                points,
                visibility,
                records.box_of(example),
                _Reader(feature["image/encoded"].bytes_list.value[0], shard, number),
                shard,
            )


@dataclass(frozen=True)
class _Reader:
    """Decodes the photo of a record."""

    encoded: bytes
    shard: str
    number: int

    def __call__(self) -> np.ndarray:
        try:
            return photo_reading.decode(photos.check(self.encoded).encoded, self.shard)
        except (photos.BadPhoto, DataError) as error:
            what = getattr(error, "what", str(error))
            raise DataError(self.shard, f"record {self.number}, image/encoded", what) from error
