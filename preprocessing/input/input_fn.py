"""Records in, batches out: the input of training, evaluation and prediction.

Dimension letters: B batch, H and W the network's input, K the model's keypoints.
"""

import functools

import tensorflow as tf

from base import geometry
from base.errors import DataError
from base.schema import ALL, NORM_OF_COINCIDING_PAIR
from preprocessing.data import boxes, manifest, records
from preprocessing.input import augmentation as randomly
from preprocessing.input import color, decoding, letterbox, record_order, rendering
from preprocessing.input.resampling import resize_first
from preprocessing.input.tracing import as_written

# Examples that are augmented together: each operation's fixed costs are shared by so many.
CHUNK = 16


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
    num_preprocessing_threads=4,
    shuffle_buffer=1000,
    drop_remainder=False,
    batches_per_step=1,
    workers=1,
    worker=0,
    box_margin=0.0,
    keep_aspect=False,
):
    """Returns a `tf.data.Dataset` of (features, labels).

    Args:
        data_dir: the folder of the records.
        category: one of the records' schema, or `all`.
        training: True shuffles, augments and repeats; False reads every record once, in order, whole.
        batch_size: B.
        image_size: height and width of the network's input.
        augmentation: the AugmentationOptions; None: no augmentation.
        seed: int; the same seed gives the same batches, whatever the number of threads.
        start_step: the training step to start at: the first batch is that of an undisturbed training's step.
        epochs: passes over the data when training; None for no end.
        validation: read the validation shards.
        num_preprocessing_threads: threads of the pipeline.
        shuffle_buffer: records that the shuffling holds.
        drop_remainder: leave out the last, smaller batch.
        batches_per_step: how many batches, of B each, all workers together take in a training step.
        workers: processes that share the training.
        worker: this one's number among them; it gets its even part of every step's examples.
        box_margin: what the inputs show beyond a box, see `boxes.widened`.
        keep_aspect: show photos undistorted, see `letterbox`; else what is shown fills the input.

    Returns:
        features: image [B, H, W, 3] RGB 0 to 255, uint8 when augmented, float32 else; to_input float32 [B, 2, 3],
            photo plane to input plane; image_id string [B]; image_size int32 [B, 2] (width, height); box int32 [B, 4],
            the part of the photo that is taken for the photo (`preprocessing.data.boxes`), its margin included, all of
            it without a box;
            category int32 [B], class id.
        labels: points float32 [B, K, 2] (x, y) in the input plane; visibility int32 [B, K], 1 visible, 0 occluded,
            -1 absent (when training, also what the augmentation moved out of the input); norm float32 [B], the
            length that normalises the error, in photo pixels.

    Raises:
        DataError: the folder has no such records, or those of a test split.
    """
    schema = manifest.schema_of(data_dir)
    shards = _shards(data_dir, category, schema, validation)
    if training:
        shards = [{file: records.count_records([file]) for file in files} for files in shards]
        step_size = batch_size * batches_per_step
        dataset = record_order.shuffled(shards, seed, shuffle_buffer, start_step * step_size, epochs)
        if workers > 1:
            part = step_size // workers
            # `==` would compare the tensors' identity here: Estimators build their graph outside eager mode.
            dataset = dataset.filter(lambda position, _: tf.equal(position % step_size // part, worker))
    else:
        dataset = record_order.in_order(sum(shards, [])).enumerate()
    if training and augmentation is not None:
        steps = _augmenting_steps(schema, category, image_size, box_margin, augmentation, seed, keep_aspect)
        dataset = _in_chunks(dataset, steps, num_preprocessing_threads)
        dataset = dataset.rebatch(batch_size, drop_remainder=drop_remainder)
    else:
        example = functools.partial(_example, schema, category, image_size, box_margin, keep_aspect)
        dataset = dataset.map(example, num_parallel_calls=num_preprocessing_threads)
        dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    options = tf.data.Options()
    options.threading.private_threadpool_size = num_preprocessing_threads
    options.deterministic = True
    return dataset.prefetch(2).with_options(options)


def _shards(data_dir, category, schema, validation):
    """Returns the shards of each category that there are records of, [[file]]."""
    names = schema.category_names if category == ALL else (category,)
    shards = [records.list_shards(data_dir, name, validation) for name in names]
    shards = [files for files in shards if files]
    if not shards:
        kind = "validation records" if validation else "records"
        raise DataError(data_dir, None, f"has no {kind} of {category}: convert the photos first")
    for first, *_ in shards:
        if records.is_labelled(first, schema) is False:
            raise DataError(first, None, "holds test records, without keypoints: expected records of a train split")
    return shards


def _augmenting_steps(schema, category, image_size, box_margin, options, seed, keep_aspect):
    rendering.start_compiler()
    return (
        functools.partial(draw_chunk, schema, category, image_size, box_margin, options, seed, keep_aspect=keep_aspect),
        functools.partial(decode_drawn, image_size, options),
        functools.partial(render_chunk, image_size, options),
    )


@as_written
def _example(schema, category, input_size, box_margin, keep_aspect, _, serialised):
    """Returns the features of a photo that is resized as a whole, and its labels."""
    record = _parse(serialised, schema, box_margin)
    corner, size = _corner_and_size(record["box"])
    if keep_aspect:
        square = letterbox.square_around(0.0, 0.0, size[0], size[1])
        to_input = geometry.cropping(*square, float(input_size), float(input_size))
    else:
        scale = float(input_size) / size
        to_input = geometry.scaling(scale[0], scale[1])
    to_input = _from_photo(to_input, corner)
    window, from_window = decoding.decode_window(
        record["encoded"], record["image_size"], to_input, input_size, record["box"]
    )
    if keep_aspect:
        bounds = tf.cast(tf.concat([[0, 0], tf.shape(window)[1::-1]], 0), tf.float32)
        image = letterbox.warp(window[None], from_window[None], bounds[None], input_size)[0]
    else:
        image = geometry.warp(window[None], from_window[None], [input_size, input_size], "NEAREST")[0]
    image = tf.ensure_shape(image, [input_size, input_size, 3])
    features = {"image": image, **_features(record, to_input)}
    points = geometry.apply(to_input, _in_plane(record["points"]))
    return features, _labels(schema, category, record, points, record["visibility"])


def _in_chunks(dataset, steps, threads):
    """Applies the steps of the augmentation, which work on chunks, on single examples, and on chunks again.

    Drawing and rendering cost less for many examples together; photos, each of another size, are decoded one by one.
    """
    draw, decode, render = steps
    dataset = dataset.batch(CHUNK).map(draw, num_parallel_calls=threads).unbatch()
    dataset = dataset.map(decode, num_parallel_calls=threads)
    return dataset.padded_batch(CHUNK).map(render, num_parallel_calls=threads)


@as_written
def draw_chunk(schema, category, input_size, box_margin, options, seed, positions, serialised, keep_aspect=False):
    """Returns what is drawn for up to CHUNK examples, the photos still encoded: (features, labels, encoded, drawn)."""
    count = tf.size(positions)
    rows = _filled_up(count)
    positions, record = tf.gather(positions, rows), _parse(tf.gather(serialised, rows), schema, box_margin)
    drawn = randomly.draw(seed, positions)
    corner, size = _corner_and_size(record["box"])
    points, visibility = _in_plane(record["points"]) - corner[:, None], record["visibility"]
    to_input, flipped = randomly.sample_matrices(
        points, visibility >= 0, size, input_size, drawn, options, seed, positions, keep_aspect
    )
    points, visibility = _moved(points, visibility, to_input, flipped, input_size, schema)
    labels = _labels(schema, category, record, points, visibility)
    columns = _features(record, _from_photo(to_input, corner)), labels, record["encoded"], drawn
    return tf.nest.map_structure(lambda column: column[:count], columns)


@as_written
def decode_drawn(input_size, options, features, labels, encoded, drawn):
    """Decodes one example's window; returns its bytes in one row, for `padded_batch`, its shape and its matrix."""
    window, from_window = decoding.decode_window(
        encoded, features["image_size"], features["to_input"], input_size, features["box"]
    )
    image, from_image = _resized_first(window, from_window, input_size, drawn["method"], options)
    return features, labels, drawn, {"row": tf.reshape(image, [-1]), "shape": tf.shape(image)[:2], "matrix": from_image}


@as_written
def render_chunk(input_size, options, features, labels, drawn, images):
    """Returns the features, with the image, and the labels of up to CHUNK examples."""
    count = tf.shape(images["shape"])[0]
    images, drawn = tf.nest.map_structure(lambda column: tf.gather(column, _filled_up(count)), (images, drawn))
    order = randomly.pick(drawn["order"], len(color.ORDERS))
    order = tf.where(drawn["color"] < options.color_probability, order, color.AS_IS)
    rendered = rendering.render(
        images["row"],
        images["shape"],
        images["matrix"],
        input_size,
        randomly.color_amounts(drawn, options),
        order,
    )
    return {"image": rendered[:count], **features}, labels


def _filled_up(count):
    """Returns the rows, int32 [CHUNK], of a chunk of `count` examples: the last stands for those that are missing."""
    return tf.minimum(tf.range(CHUNK), count - 1)


def _parse(serialised, schema, box_margin):
    """Returns the tensors of `records.parse`, the boxes with their margin."""
    record = records.parse(serialised, schema=schema)
    return {**record, "box": boxes.widened(record["box"], record["image_size"], box_margin)}


def _corner_and_size(box):
    """Returns the corner (x, y) and the size (width, height), float32 [..., 2] each, of boxes int32 [..., 4]."""
    box = tf.cast(box, tf.float32)
    return box[..., :2], box[..., 2:] - box[..., :2]


def _from_photo(from_part, corner):
    """Returns the matrices [..., 2, 3] from the photo's plane, of those from the plane of its part at `corner`."""
    return geometry.compose(geometry.translation(-corner[..., 0], -corner[..., 1]), from_part)


def _in_plane(pixels):
    return geometry.to_plane(tf.cast(pixels, tf.float32))


def _features(record, to_input):
    return {
        "to_input": to_input,
        "image_id": record["image_id"],
        "image_size": record["image_size"],
        "box": record["box"],
        "category": record["category"],
    }


def _labels(schema, category, record, points, visibility):
    own = schema.keypoint_indices(category)
    return {
        "points": tf.gather(points, own, axis=-2),
        "visibility": tf.gather(visibility, own, axis=-1),
        "norm": _norm(schema, record["points"], record["category"]),
    }


def _resized_first(window, from_window, input_size, draw, options):
    methods = options.resize_methods
    branches = [lambda method=method: resize_first(window, from_window, input_size, method) for method in methods]
    return tf.switch_case(randomly.pick(draw, len(methods)), branches)


def _moved(points, visibility, to_input, flipped, input_size, schema):
    """Returns the labels as the inputs show them: what left one is absent, left and right are as one sees them."""
    partners = schema.flip_permutation(ALL)
    points = geometry.apply(to_input, points)
    points = tf.where(flipped[:, None, None], tf.gather(points, partners, axis=1), points)
    visibility = tf.where(flipped[:, None], tf.gather(visibility, partners, axis=1), visibility)
    inside = tf.reduce_all((points >= 0.0) & (points < float(input_size)), -1)
    return points, tf.where(inside, visibility, -1)


def _norm(schema, pixels, class_id):
    """Returns the distances [...] of the categories' normalising pairs, in photo pixels, as the CSV has the points."""
    pairs = tf.constant([schema.normalising_pair(name) for name in schema.category_names])
    pair = tf.gather(pixels, tf.gather(pairs, class_id), axis=-2, batch_dims=class_id.shape.rank)  # [..., 2, 2]
    distance = tf.norm(tf.cast(pair[..., 0, :] - pair[..., 1, :], tf.float32), axis=-1)
    return tf.where(distance > 0.0, distance, NORM_OF_COINCIDING_PAIR)
