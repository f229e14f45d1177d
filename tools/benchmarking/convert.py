"""The speed of a conversion into TFRecords, checks of the photos included, beside decoding the same photos alone."""

import os
import statistics
import tempfile
import time

import tensorflow as tf

from base import schema as schemas
from base.errors import DataErrors, UsageError
from base.machine import cores
from preprocessing.data import conversion, conversion_plan, layout, photos, records


def measure(flags):
    """Returns the figures: rates of the whole and of its floor, by turns, and the CPU time of each stage.

    Raises:
        UsageError: `--data_dir` is missing.
        DataError, DataErrors: the data set is wrong.
    """
    if not flags.data_dir:
        raise UsageError("--data_dir, a data set in the FashionAI layout, is required")
    splits = layout.list_splits(flags.data_dir, flags.splits)
    schema = schemas.load(flags.schema)
    rows, faults = conversion_plan.read_rows(splits, schema)
    if not rows:
        raise DataErrors(faults)
    paths = [layout.photo_path(row.split, row.image_id)[0] for row in rows]
    works = {"whole": lambda: _convert(splits, schema), "floor": lambda: _decode(paths)}
    turns = [{name: _time(work, len(rows)) for name, work in works.items()} for _ in range(flags.benchmark_turns)]
    (rate, cpu), (floor_rate, floor_cpu) = (
        [statistics.median(turn[name][figure] for turn in turns) for figure in (0, 1)] for name in works
    )
    return {
        "images_per_second": rate,
        "floor_images_per_second": floor_rate,
        "ratio": statistics.median(turn["whole"][0] / turn["floor"][0] for turn in turns),
        "cpu_ms_per_image": cpu,
        "floor_cpu_ms_per_image": floor_cpu,
        "cpu_ratio": floor_cpu / cpu,
        "stages": _stages(splits, rows, paths, schema),
    }


def report(figures):
    """Returns the figures as lines of text."""
    lines = [f"{'':12}{'images/s':>10}{'CPU ms/image':>14}"]
    for name, prefix in (("whole", ""), ("decode alone", "floor_")):
        rate, cpu = figures[f"{prefix}images_per_second"], figures[f"{prefix}cpu_ms_per_image"]
        lines.append(f"{name:12}{rate:10.0f}{cpu:14.3f}")
    lines += [f"  {name:10}{'':10}{stage['cpu_ms_per_image']:14.3f}" for name, stage in figures["stages"].items()]
    return [*lines, f"ratio {figures['ratio']:.3f} (of CPU time {figures['cpu_ratio']:.3f})"]


def _time(work, num_images):
    """Returns (images a second, CPU ms an image)."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return num_images / seconds, 1000 * cpu / num_images


def _convert(splits, schema):
    """Does what tools/convert_tfrecords.py does, from the CSV to the manifest."""
    labelled = layout.is_labelled(splits[0])
    with tempfile.TemporaryDirectory() as folder:
        rows, faults = conversion_plan.read_rows(splits, schema)
        plan = conversion_plan.make_plan(rows, labelled, 0.05, 0)
        conversion.convert(plan, folder, labelled, skip_bad=True, faults=faults, schema=schema)


def _decode(paths):
    """Reads and decodes every photo at full size in TensorFlow's own threads, and does nothing with it."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = cores()
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        dataset = tf.data.Dataset.from_tensor_slices(paths).map(
            lambda path: tf.shape(tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)),
            num_parallel_calls=cores(),
        )
        sizes = dataset.batch(len(paths)).with_options(options)
        session.run(tf.compat.v1.data.make_one_shot_iterator(sizes).get_next())


def _stages(splits, rows, paths, schema):
    """Returns {stage: {cpu_ms_per_image}}, each stage on its own in one thread."""
    contents, checked, examples = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        stages = {
            "CSV": lambda: conversion_plan.read_rows(splits, schema),
            "read": lambda: contents.extend(map(photos.read_bytes, paths)),
            "check": lambda: checked.extend(map(photos.check, contents)),
            "serialise": lambda: examples.extend(map(_serialise, rows, checked)),
            "write": lambda: _write(examples, os.path.join(folder, "shard")),
        }
        return {name: {"cpu_ms_per_image": _time(work, len(rows))[1]} for name, work in stages.items()}


def _serialise(row, photo):
    labels = row.points, row.visibility, row.schema, row.box
    return records.serialise(row.image_id, photo.encoded, photo.size, row.category, *labels)


def _write(examples, path):
    with tf.io.TFRecordWriter(path) as writer:
        for example in examples:
            writer.write(example)
