"""Records in, batches out: the input of training, evaluation and prediction.

Dimension letters: B batch, H and W the network's input, K the model's keypoints.
"""

import glob
import os
import struct

import tensorflow as tf

from configs import keypoints
from configs.errors import DataError
from preprocessing import color, draws, geometry, reading

NORM_WITHOUT_PAIR = 256.0  # SPEC: the norm where the two points of the normalising pair coincide


def make_dataset(
    data_dir,
    category,
    training,
    batch_size,
    image_size,
    augmentation=None,
    seed=0,
    start_step=0,
    epochs=None,
    validation=False,
    with_labels=True,
    num_readers=4,
    num_preprocessing_threads=4,
    shuffle_buffer=1000,
    drop_remainder=False,
    batches_per_step=1,
    workers=1,
    worker=0,
):
    """Returns a `tf.data.Dataset` of (features, labels); of features alone for prediction.

    Args:
        data_dir: the folder of the records.
        category: a clothing category, or `all`.
        training: True shuffles, augments and repeats; False reads every record once, in order, whole.
        batch_size: B.
        image_size: height and width of the network's input.
        augmentation: {name: value} of what differs from `draws.DEFAULTS`; None: no augmentation.
        seed: int; the same seed gives the same batches, whatever the number of threads.
        start_step: the training step to start at: the first batch is that of an undisturbed training's step.
        epochs: passes over the data when training; None for no end.
        validation: read the validation shards.
        with_labels: False for prediction.
        num_readers: record files read at a time.
        num_preprocessing_threads: threads of the pipeline.
        shuffle_buffer: records that the shuffling holds.
        drop_remainder: leave out the last, smaller batch.
        batches_per_step: how many batches, of B each, all workers together take in a training step.
        workers: processes that share the training.
        worker: this one's number among them; it gets its even part of every step's examples.

    Returns:
        features: image float32 [B, H, W, 3] RGB 0 to 255; to_input float32 [B, 2, 3], photo plane to input plane;
            image_id string [B]; image_size int32 [B, 2] (width, height); category int32 [B], class id.
        labels: points float32 [B, K, 2] (x, y) in the input plane; visibility int32 [B, K], 1 visible, 0 occluded,
            -1 absent (when training, also what the augmentation moved out of the input); norm float32 [B], the
            length that normalises the error, in photo pixels.

    Raises:
        DataError: the folder has no such records.
    """
    names = keypoints.CATEGORIES if category == keypoints.ALL else (category,)
    shards = [_list_shards(data_dir, name, validation) for name in names]
    shards = [files for files in shards if files]
    if not shards:
        kind = "validation records" if validation else "records"
        raise DataError(data_dir, None, f"has no {kind} of {category}: convert the photos first")
    if training:
        counts = [sum(_count(file) for file in files) for files in shards]
        step_size = batch_size * batches_per_step
        dataset = reading.shuffled(shards, counts, seed, num_readers, shuffle_buffer, start_step * step_size, epochs)
        if workers > 1:
            part = step_size // workers
            dataset = dataset.filter(lambda position, _: position % step_size // part == worker)
    else:
        dataset = reading.in_order(sum(shards, [])).enumerate()
    options = None
    if training and augmentation is not None:
        options = {**draws.DEFAULTS, **augmentation}

    def example(position, serialized):
        record = _parse(serialized, with_labels)
        return _example(record, category, image_size, with_labels, options, seed, position)

    tf_options = tf.data.Options()
    tf_options.threading.private_threadpool_size = num_preprocessing_threads
    tf_options.deterministic = True
    return (
        dataset.map(example, num_parallel_calls=num_preprocessing_threads)
        .batch(batch_size, drop_remainder=drop_remainder)
        .prefetch(2)
        .with_options(tf_options)
    )


def make_prediction_dataset(paths, image_ids, class_ids, batch_size, image_size, num_preprocessing_threads=4):
    """Returns a `tf.data.Dataset` of features, as `make_dataset` has them, for photos on disk.

    Args:
        paths: the JPEG files, a list of str.
        image_ids: a list of str.
        class_ids: a list of int.
        batch_size: B; the last batch may be smaller.
        image_size: height and width of the network's input.
        num_preprocessing_threads: photos decoded at a time.
    """

    def example(path, image_id, class_id):
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return _features(image, None, image_size, image_id, class_id)

    columns = (tf.constant(paths, tf.string), tf.constant(image_ids, tf.string), tf.constant(class_ids, tf.int32))
    dataset = tf.data.Dataset.from_tensor_slices(columns)
    return dataset.map(example, num_parallel_calls=num_preprocessing_threads).batch(batch_size).prefetch(2)


def _example(record, category, target_size, with_labels, options, seed, position):
    image = tf.io.decode_jpeg(record["encoded"], channels=3)
    size = tf.cast(_width_height(image), tf.float32)
    if not with_labels:
        return _features(image, None, target_size, record["image_id"], record["class_id"])
    pixels, visibility = record["points"], record["visibility"]  # [24, 2], [24]
    points = geometry.to_plane(pixels)
    to_input = None
    if options is not None:
        drawn = draws.draw(seed, position)
        to_input, flipped = draws.sample_matrix(
            points, visibility >= 0, size, target_size, drawn, options, seed, position
        )
    features = _features(image, to_input, target_size, record["image_id"], record["class_id"])
    points = geometry.apply(features["to_input"], points)
    if options is not None:
        features["image"] = _distort(features["image"], drawn, options)
        points = tf.where(flipped, draws.flip_keypoints(points), points)
        visibility = tf.where(flipped, draws.flip_keypoints(visibility), visibility)
        inside = tf.reduce_all((points >= 0.0) & (points < float(target_size)), -1)
        visibility = tf.where(inside, visibility, -1)
    own = keypoints.keypoint_indices(category)
    labels = {
        "points": tf.gather(points, own),
        "visibility": tf.gather(visibility, own),
        "norm": _norm(pixels, record["class_id"]),
    }
    return features, labels


def _features(image, to_input, target_size, image_id, class_id):
    """Returns the features of one photo; the whole photo, resized, where `to_input` is None."""
    size = _width_height(image)
    fill = "CONSTANT"
    if to_input is None:
        scale = float(target_size) / tf.cast(size, tf.float32)
        to_input = geometry.scaling(scale[0], scale[1])
        fill = "NEAREST"
    warped = geometry.warp(image[None], to_input[None], [target_size, target_size], fill)[0]
    return {
        "image": tf.ensure_shape(warped, [target_size, target_size, 3]),
        "to_input": to_input,
        "image_id": image_id,
        "image_size": size,
        "category": class_id,
    }


def _width_height(image):
    height, width = tf.unstack(tf.shape(image)[:2])
    return tf.stack([width, height])


def _distort(image, drawn, options):
    between = draws.uniform_between
    return tf.cond(
        drawn["color"] < options["color_probability"],
        lambda: color.distort(
            image,
            brightness=between(drawn["brightness"], -options["brightness"], options["brightness"]),
            saturation=between(drawn["saturation"], *options["saturation"]),
            hue=between(drawn["hue"], -options["hue"], options["hue"]),
            contrast=between(drawn["contrast"], *options["contrast"]),
            order=tf.cast(drawn["order"] * len(color.ORDERS), tf.int32),
        ),
        lambda: image,
    )


def _norm(pixels, class_id):
    """Returns the distance of the category's normalising pair, in photo pixels, as the CSV has the points."""
    pairs = tf.constant([keypoints.normalising_pair(name) for name in keypoints.CATEGORIES])
    first, second = tf.unstack(tf.gather(pixels, tf.gather(pairs, class_id)))
    distance = tf.norm(first - second)
    return tf.where(distance > 0.0, distance, NORM_WITHOUT_PAIR)


def _parse(serialized, with_labels):
    spec = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/filename": tf.io.FixedLenFeature([], tf.string),
        "image/classid": tf.io.FixedLenFeature([], tf.int64),
    }
    if with_labels:
        for name in ("x", "y", "v", "gid"):
            spec[f"image/keypoint/{name}"] = tf.io.FixedLenFeature([24], tf.int64)
    fields = tf.io.parse_single_example(serialized, spec)
    record = {
        "encoded": fields["image/encoded"],
        "image_id": fields["image/filename"],
        "class_id": tf.cast(fields["image/classid"], tf.int32),
    }
    if with_labels:
        columns = tf.stack([fields[f"image/keypoint/{name}"] for name in ("x", "y", "v")], -1)
        columns = tf.gather(columns, tf.argsort(fields["image/keypoint/gid"]))
        record["points"] = tf.cast(columns[:, :2], tf.float32)
        record["visibility"] = tf.cast(columns[:, 2], tf.int32)
    return record


def _list_shards(data_dir, category, validation):
    files = sorted(glob.glob(os.path.join(data_dir, f"{category}_[0-9]*.tfrecord")))
    return [file for file in files if file.endswith("_val.tfrecord") == validation]


def _count(file):
    """Returns the number of records of a shard, by stepping over their lengths."""
    count = 0
    size = os.path.getsize(file)
    with open(file, "rb") as handle:
        while handle.tell() < size:
            (length,) = struct.unpack("<Q", handle.read(8))
            handle.seek(length + 8, os.SEEK_CUR)
            count += 1
    return count
