"""Records in, batches out: the input of training, evaluation and prediction.

Dimension letters: B batch, H and W the network's input, K the model's keypoints.
"""

import tensorflow as tf

from configs import keypoints
from configs.errors import DataError
from preprocessing import color, decoding, draws, geometry, reading, records, words
from preprocessing.resampling import resample


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
    shards = [records.list_shards(data_dir, name, validation) for name in names]
    shards = [files for files in shards if files]
    if not shards:
        kind = "validation records" if validation else "records"
        raise DataError(data_dir, None, f"has no {kind} of {category}: convert the photos first")
    if training:
        counts = [records.count_records(files) for files in shards]
        step_size = batch_size * batches_per_step
        dataset = reading.shuffled(shards, counts, seed, num_readers, shuffle_buffer, start_step * step_size, epochs)
        if workers > 1:
            part = step_size // workers
            # `==` would compare the tensors' identity here: Estimators build their graph outside eager mode.
            dataset = dataset.filter(lambda position, _: tf.equal(position % step_size // part, worker))
    else:
        dataset = reading.in_order(sum(shards, [])).enumerate()
    options = draws.options(augmentation) if training and augmentation is not None else None

    def example(position, serialized):
        record = records.parse(serialized, with_labels)
        return _example(record, category, image_size, with_labels, options, seed, position)

    tf_options = tf.data.Options()
    tf_options.threading.private_threadpool_size = num_preprocessing_threads
    tf_options.deterministic = True
    dataset = dataset.map(example, num_parallel_calls=num_preprocessing_threads)
    dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    if options is not None:
        words.start_compiler()
        dataset = dataset.prefetch(2).map(_with_images)
    return dataset.prefetch(2).with_options(tf_options)


def _with_images(features, labels):
    # Augmented images are unpacked in their batch: copying them into it as words is a third of the work.
    return {**features, "image": words.to_image(features["image"])}, labels


def _example(record, category, input_size, with_labels, options, seed, position):
    if not with_labels:
        return _whole_photo(record, input_size)
    points = geometry.to_plane(tf.cast(record["points"], tf.float32))  # [24, 2], in the photo's plane
    visibility = record["visibility"]  # [24]
    if options is None:
        features = _whole_photo(record, input_size)
        points = geometry.apply(features["to_input"], points)
    else:
        drawn = draws.draw(seed, position)
        size = tf.cast(record["image_size"], tf.float32)
        to_input, flipped = draws.sample_matrix(
            points, visibility >= 0, size, input_size, drawn, options, seed, position
        )
        features = _features(record, _augmented(record, to_input, input_size, drawn, options), to_input)
        points, visibility = _moved(points, visibility, to_input, flipped, input_size)
    own = keypoints.keypoint_indices(category)
    labels = {
        "points": tf.gather(points, own),
        "visibility": tf.gather(visibility, own),
        "norm": _norm(record["points"], record["category"]),
    }
    return features, labels


def _whole_photo(record, input_size):
    """Returns the features of a photo that is resized as a whole."""
    scale = float(input_size) / tf.cast(record["image_size"], tf.float32)
    to_input = geometry.scaling(scale[0], scale[1])
    window, from_window = decoding.decode_window(record["encoded"], record["image_size"], to_input, input_size)
    image = geometry.warp(window[None], from_window[None], [input_size, input_size], "NEAREST")[0]
    return _features(record, tf.ensure_shape(image, [input_size, input_size, 3]), to_input)


def _features(record, image, to_input):
    return {
        "image": image,
        "to_input": to_input,
        "image_id": record["image_id"],
        "image_size": record["image_size"],
        "category": record["category"],
    }


def _augmented(record, to_input, input_size, drawn, options):
    """Returns the image as words, int32 [H, W], seen through `to_input`, in other colours."""
    window, from_window = decoding.decode_window(record["encoded"], record["image_size"], to_input, input_size)
    methods = options["resize_methods"]
    branches = [lambda method=method: resample(window, from_window, input_size, method) for method in methods]
    image = tf.switch_case(draws.pick(drawn["method"], len(methods)), branches)
    return tf.cond(
        drawn["color"] < options["color_probability"],
        lambda: color.distort(
            image, draws.color_amounts(drawn, options), draws.pick(drawn["order"], len(color.ORDERS))
        ),
        lambda: image,
    )


def _moved(points, visibility, to_input, flipped, input_size):
    """Returns the labels as the input shows them: what left it is absent, left and right are as one sees them."""
    points = geometry.apply(to_input, points)
    points = tf.where(flipped, draws.flip_keypoints(points), points)
    visibility = tf.where(flipped, draws.flip_keypoints(visibility), visibility)
    inside = tf.reduce_all((points >= 0.0) & (points < float(input_size)), -1)
    return points, tf.where(inside, visibility, -1)


def _norm(pixels, class_id):
    """Returns the distance of the category's normalising pair, in photo pixels, as the CSV has the points."""
    pairs = tf.constant([keypoints.normalising_pair(name) for name in keypoints.CATEGORIES])
    first, second = tf.unstack(tf.cast(tf.gather(pixels, tf.gather(pairs, class_id)), tf.float32))
    distance = tf.norm(first - second)
    return tf.where(distance > 0.0, distance, keypoints.NORM_OF_COINCIDING_PAIR)
