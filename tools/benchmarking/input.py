"""The speed of the training input, of its stages, and of decoding and resizing alone."""

import dataclasses
import functools

import tensorflow as tf

from base.errors import UsageError
from base.schema import ALL
from configs import cross_checks
from preprocessing.data import manifest, records
from preprocessing.input import record_order
from preprocessing.input.augmentation_options import AugmentationOptions
from preprocessing.input.input_fn import CHUNK, decode_drawn, draw_chunk, make_dataset, render_chunk
from tools.benchmarking import memory, peer_process, rates

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
    options = AugmentationOptions.from_flags({**vars(flags), "augment": True})
    whole = functools.partial(
        make_dataset, flags.data_dir, flags.category, True, flags.batch_size, flags.train_image_size, options,
        num_preprocessing_threads=flags.num_preprocessing_threads,
    )  # fmt: skip
    floor = functools.partial(_floor, manifest.schema_of(flags.data_dir), flags.train_image_size)
    pipelines = {_WHOLE: whole, _FLOOR: lambda: _pipeline(flags, lambda read: _mapped(flags, read, floor))}
    stages = _stages(flags, options)
    for name, stage in stages.items():
        pipelines[name] = functools.partial(_pipeline, flags, stage)
    measured = rates.compare(pipelines, flags.batch_size, flags.benchmark_images, flags.benchmark_turns)
    figures = _figures(measured, list(stages))
    figures["peak_memory_mib"] = memory.peak_mib()
    if flags.peer:
        figures["peer"] = peer_process.measure(flags, dataclasses.asdict(options))
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


def _pipeline(flags, transform):
    """Returns an endless dataset of batches of what `transform` makes of the dataset of (position, record)."""
    schema = manifest.schema_of(flags.data_dir)
    cross_checks.check_category(flags, schema)
    names = schema.category_names if flags.category == ALL else (flags.category,)
    shards = [files for files in (records.list_shards(flags.data_dir, name) for name in names) if files]
    shards = [{file: records.count_records([file]) for file in files} for files in shards]
    options = tf.data.Options()
    options.threading.private_threadpool_size = flags.num_preprocessing_threads
    return transform(record_order.shuffled(shards, 0, 1000)).prefetch(2).with_options(options)


def _mapped(flags, read, example):
    return read.map(example, num_parallel_calls=flags.num_preprocessing_threads).batch(flags.batch_size)


def _floor(schema, size, _, serialised):
    image = tf.io.decode_jpeg(records.parse(serialised, schema=schema)["encoded"], channels=3)
    return tf.ensure_shape(tf.image.resize(image, [size, size]), [size, size, 3])


def _stages(flags, options):
    """Returns {stage: what makes batches of the dataset of records, up to that stage of `input_fn`}.

    A batch is of something small, or of images: else its copying would be measured, too.
    """
    size, threads = flags.train_image_size, flags.num_preprocessing_threads
    uncoloured = dataclasses.replace(options, color_probability=0.0)

    def mapped(dataset, step):
        return dataset.map(step, num_parallel_calls=threads)

    def batched(chunks, small):
        return chunks.map(small).rebatch(flags.batch_size)

    def read(records):
        return batched(records.batch(CHUNK, drop_remainder=True), lambda positions, _: positions)

    def drawn(records):
        chunks = records.batch(CHUNK, drop_remainder=True)
        schema = manifest.schema_of(flags.data_dir)
        return mapped(chunks, functools.partial(draw_chunk, schema, flags.category, size, 0.0, options, 0))

    def draw(records):
        return batched(drawn(records), lambda features, *_: features["to_input"])

    def decoded(records):
        return mapped(drawn(records).unbatch(), functools.partial(decode_drawn, size, options)).padded_batch(CHUNK)

    def decode(records):
        return batched(decoded(records), lambda *columns: columns[-1]["matrix"])

    def render(options, records):
        chunks = mapped(decoded(records), functools.partial(render_chunk, size, options))
        return batched(chunks, lambda features, labels: features["image"])

    sample, recolour = functools.partial(render, uncoloured), functools.partial(render, options)
    return {"read": read, "parse and draw": draw, "decode": decode, "sample": sample, "colour": recolour}
