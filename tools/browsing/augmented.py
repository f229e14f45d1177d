"""What the network sees in training: augmented inputs with their points, and the heatmaps it is to learn."""

import os
import tempfile

import numpy as np
import tensorflow as tf

from base import geometry
from base.errors import UsageError
from preprocessing.data import boxes, manifest, photos, records
from preprocessing.input import input_fn
from utility import drawing
from utility.model import heatmaps

_PER_CATEGORY = 6  # photos


def from_records(records_dir, image_size, heatmap_size, heatmap_sigma, augmentation, seed, box_margin):
    """Draws augmented inputs of every category that has labelled records.

    Args:
        records_dir: a folder of TFRecords.
        image_size: height and width of the network's input, in pixels.
        heatmap_size, heatmap_sigma: size and width of the targets, in cells.
        augmentation: as for `make_dataset`: the AugmentationOptions, or None for none.
        seed: that of the augmentation.
        box_margin: as for `make_dataset`.

    Returns:
        A list of (caption, JPEG bytes), each picture the input with its points beside the input with its heatmaps.

    Raises:
        UsageError: no record has points.
    """
    pictures, schema = [], manifest.schema_of(records_dir)
    for category in schema.category_names:
        shards = records.list_shards(records_dir, category)
        if shards and records.is_labelled(shards[0], schema):
            images, points, visibility, maps = _first_batch(
                records_dir, category, image_size, heatmap_size, heatmap_sigma, augmentation, seed, box_margin
            )
            rows = zip(images, points, visibility, maps)
            pictures += [(category, _picture(schema, category, *row)) for row in rows]
    if not pictures:
        raise UsageError("--augmented: the data has no photo with points; expected training data")
    return pictures


def from_entries(entries, image_size, heatmap_size, heatmap_sigma, augmentation, seed, box_margin, schema):
    """Does the same for the first photos of each category that are not records yet; they become temporary ones.

    Args:
        entries: a list of `entries.Entry`, with the paths of their photos.
        schema: their Schema.
        others: as for `from_records`.
    """
    with tempfile.TemporaryDirectory() as folder:
        for category in schema.category_names:
            usable = [entry for entry in entries if entry.category == category and _is_usable(entry)]
            if usable:
                write_records(folder, category, usable[:_PER_CATEGORY], schema)
        manifest.write(folder, True, {}, complete=True, schema=schema)  # whose schema the reading takes
        return from_records(folder, image_size, heatmap_size, heatmap_sigma, augmentation, seed, box_margin)


def _is_usable(entry):
    is_read = entry.path and entry.size and not boxes.outside(entry.box, entry.size)
    return is_read and (entry.visibility >= 0).any()


def write_records(folder, category, entries, schema):
    """Writes one shard of a category."""
    with tf.io.TFRecordWriter(os.path.join(folder, records.shard_name(category, 0))) as writer:
        for entry in entries:
            photo = photos.read(entry.path)
            labels = entry.points, entry.visibility, schema, entry.box
            writer.write(records.serialise(entry.image_id, photo.encoded, photo.size, entry.category, *labels))


def _first_batch(records_dir, category, image_size, heatmap_size, heatmap_sigma, augmentation, seed, box_margin):
    """Returns images [B, H, W, 3], points [B, K, 2], visibility [B, K] and heatmaps [B, h, w, K] as arrays."""
    dataset = input_fn.make_dataset(
        records_dir, category, True, _PER_CATEGORY, image_size, augmentation, seed, epochs=1, box_margin=box_margin
    )
    features, labels = next(iter(dataset))  # not in a graph: what is compiled for one category is there for the next
    cells = labels["points"] * (heatmap_size / image_size)
    maps = heatmaps.encode(cells, (heatmap_size, heatmap_size), heatmap_sigma)
    return [tensor.numpy() for tensor in (features["image"], labels["points"], labels["visibility"], maps)]


def _picture(schema, category, image, points, visibility, cells):
    """Returns the JPEG of one augmented input, twice: with points, and with heatmaps."""
    image = np.clip(np.round(image), 0, 255).astype(np.uint8)
    names = schema.keypoint_names(category)
    present = {name: geometry.to_pixels(place) for name, place, state in zip(names, points, visibility) if state >= 0}
    occluded = [name for name, state in zip(names, visibility) if state == 0]
    maps = {name: cells[..., index] for index, name in enumerate(names) if name in present}
    left = drawing.draw_keypoints(image, schema, category, present, occluded=occluded)
    return drawing.encode(np.hstack([left, drawing.draw_heatmaps(image, schema, maps)]), quality=80)
