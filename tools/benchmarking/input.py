"""The speed of the training input, of its stages, and of decoding and resizing alone."""

import functools
import resource

import tensorflow as tf

from configs.errors import UsageError
from configs.keypoints import ALL, CATEGORIES
from preprocessing import color, decoding, draws, geometry, reading, records
from preprocessing.input_fn import make_dataset
from preprocessing.resampling import resample
from tools.benchmarking import peer_process, rates

_FLOOR, _WHOLE = "decode and resize alone", "whole"


def measure(flags):
    """Returns the figures: rates of the whole, the floor and the stages, and memory.

    Raises:
        UsageError: `--data_dir` is missing.
        DataError: it has no records, or the peer is not there.
    """
    if not flags.data_dir:
        raise UsageError("--data_dir, a folder of TFRecords, is required")
    if flags.peer:
        peer_process.check(flags)
    options = draws.options({name: getattr(flags, name) for name in draws.DEFAULTS})
    whole = functools.partial(
        make_dataset, flags.data_dir, flags.category, True, flags.batch_size, flags.train_image_size, options,
        num_readers=flags.num_readers, num_preprocessing_threads=flags.num_preprocessing_threads,
    )  # fmt: skip
    pipelines = {_WHOLE: whole, _FLOOR: lambda: _pipeline(flags, functools.partial(_floor, flags.train_image_size))}
    stages = _stages(flags.train_image_size, options)
    for name, steps in stages.items():
        pipelines[name] = functools.partial(_pipeline, flags, functools.partial(_run, steps))
    measured = rates.compare(pipelines, flags.batch_size, flags.benchmark_images, flags.benchmark_turns)
    figures = _figures(measured, list(stages))
    figures["peak_memory_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if flags.peer:
        figures["peer"] = peer_process.measure(flags, options)
        figures["peer"]["ratio"] = figures["peer"]["images_per_second"] / figures["floor_images_per_second"]
    return figures


def report(figures):
    """Returns the figures as lines of text."""
    rows = [("whole", figures), *figures["stages"].items()]
    if "peer" in figures:
        rows.append(("peer", figures["peer"]))
    lines = [f"{'':26}{'images/s':>10}{'CPU ms/image':>14}"]
    for name, row in rows:
        lines.append(f"{name:26}{row['images_per_second']:10.1f}{row['cpu_ms_per_image']:14.3f}")
    floor = figures["floor_images_per_second"], figures["floor_cpu_ms_per_image"]
    lines.append(f"{_FLOOR:26}{floor[0]:10.1f}{floor[1]:14.3f}")
    lines.append("a stage: images/s of the pipeline that ends with it, CPU ms of the stage alone")
    return [*lines, f"peak memory {figures['peak_memory_mib']} MiB", f"ratio {figures['ratio']:.3f}"]


def _figures(measured, stages):
    whole, floor = measured[_WHOLE], measured[_FLOOR]
    figures = {
        "images_per_second": whole.images_per_second,
        "floor_images_per_second": floor.images_per_second,
        "ratio": whole.images_per_second / floor.images_per_second,
        "cpu_ms_per_image": whole.cpu_ms_per_image,
        "floor_cpu_ms_per_image": floor.cpu_ms_per_image,
        "cpu_ratio": floor.cpu_ms_per_image / whole.cpu_ms_per_image,
        "stages": {},
    }
    before = 0.0
    for name in stages:
        rate = measured[name]
        own = {"images_per_second": rate.images_per_second, "cpu_ms_per_image": rate.cpu_ms_per_image - before}
        figures["stages"][name] = own
        before = rate.cpu_ms_per_image
    return figures


def _pipeline(flags, example):
    """Returns an endless dataset of batches of `example(position, record)`."""
    names = CATEGORIES if flags.category == ALL else (flags.category,)
    shards = [files for files in (records.list_shards(flags.data_dir, name) for name in names) if files]
    counts = [records.count_records(files) for files in shards]
    options = tf.data.Options()
    options.threading.private_threadpool_size = flags.num_preprocessing_threads
    return (
        reading.shuffled(shards, counts, 0, flags.num_readers, 1000)
        .map(example, num_parallel_calls=flags.num_preprocessing_threads)
        .batch(flags.batch_size)
        .prefetch(2)
        .with_options(options)
    )


def _floor(size, _, serialised):
    image = tf.io.decode_jpeg(records.parse(serialised)["encoded"], channels=3)
    return tf.ensure_shape(tf.image.resize(image, [size, size]), [size, size, 3])


def _stages(size, options):
    """Returns {stage: the steps of `preprocessing.input_fn` up to it}; a stage ends in something small or an image."""

    def draw(state):
        record = records.parse(state["serialised"])
        points = geometry.to_plane(tf.cast(record["points"], tf.float32))
        photo_size = tf.cast(record["image_size"], tf.float32)
        drawn = draws.draw(0, state["position"])
        labelled = record["visibility"] >= 0
        matrix, _ = draws.sample_matrix(points, labelled, photo_size, size, drawn, options, 0, state["position"])
        return {**record, "drawn": drawn, "matrix": matrix, "result": matrix}

    def decode(state):
        window = decoding.decode_window(state["encoded"], state["image_size"], state["matrix"], size)
        return {**state, "window": window, "result": window[0][0, 0]}

    def sample(state):
        image = resample(*state["window"], size, options["resize_methods"][0])
        return {**state, "words": image, "result": image}

    def recolour(state):
        amounts = draws.color_amounts(state["drawn"], options)
        order = draws.pick(state["drawn"]["order"], len(color.ORDERS))
        image = color.distort(state["words"], amounts, order)
        return {**state, "words": image, "result": image}

    def read(state):
        return {**state, "result": state["position"]}

    steps = {
        "read": read,
        "parse and draw": draw,
        "decode": decode,
        "sample": sample,
        "colour": recolour,
    }
    names = list(steps)
    return {name: [steps[step] for step in names[: index + 1]] for index, name in enumerate(names)}


def _run(steps, position, serialised):
    state = {"position": position, "serialised": serialised}
    for step in steps:
        state = step(state)
    return state["result"]
