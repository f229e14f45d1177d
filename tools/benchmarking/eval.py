"""The speed of eval_all, from photos on the disk to rows, beside the bare forward passes of the same nets."""

import itertools
import statistics
import time

import numpy as np
import tensorflow as tf

from base.errors import UsageError
from configs import cross_checks, paths
from tools.benchmarking.memory import peak_mib
from utility.model import codec, inference_graph
from utility.prediction import inference, model_choice, photo_source
from utility.prediction.engines import Batch, local

v1 = tf.compat.v1


def measure(flags):
    """Returns the figures: rates of the whole and of its floor, by turns, and memory.

    Raises:
        UsageError: `--model_dir` or `--data_dir` is missing.
        DataError, DataErrors: models or photos are wrong.
    """
    if not (flags.model_dir and flags.data_dir):
        raise UsageError("--model_dir, a model, and --data_dir, a test split or test records, are required")
    cross_checks.check_inference(flags)
    options = inference.options_from(vars(flags))
    schema = model_choice.schema_for(paths.listed(flags.model_dir), flags.data_dir, flags.category)
    source = photo_source.find(flags.data_dir, flags.category, schema)
    category, folders = _first_category(source, flags.model_dir)
    whole = _whole(source, category, folders, options, flags)
    floor = _floor(folders, options, flags)
    next(whole), next(floor)  # loads, plans, fills the buffers
    turns = [(_turn(floor, flags), _turn(whole, flags)) for _ in range(flags.benchmark_turns)]
    memory = [peak_mib()]
    _turn(whole, flags)
    memory.append(peak_mib())
    (floor_rate, floor_cpu), (rate, cpu) = (
        [statistics.median(turn[part][figure] for turn in turns) for figure in (0, 1)] for part in (0, 1)
    )
    return {
        "images_per_second": rate,
        "floor_images_per_second": floor_rate,
        "ratio": rate / floor_rate,
        "cpu_ms_per_image": cpu,
        "floor_cpu_ms_per_image": floor_cpu,
        "cpu_ratio": floor_cpu / cpu,
        "stages": {
            "bare forward": {"images_per_second": floor_rate, "cpu_ms_per_image": floor_cpu},
            "all else": {"cpu_ms_per_image": cpu - floor_cpu},
        },
        "peak_memory_mib": memory,
    }


def report(figures):
    """Returns the figures as lines of text."""
    lines = [f"{'':16}{'images/s':>10}{'CPU ms/image':>14}"]
    for name, prefix in (("whole", ""), ("bare forward", "floor_")):
        rate, cpu = figures[f"{prefix}images_per_second"], figures[f"{prefix}cpu_ms_per_image"]
        lines.append(f"{name:16}{rate:10.2f}{cpu:14.1f}")
    before, after = figures["peak_memory_mib"]
    lines.append(f"peak memory {before} MiB, one turn later {after} MiB")
    return [*lines, f"ratio {figures['ratio']:.3f} (of CPU time {figures['cpu_ratio']:.3f})"]


def _first_category(source, model_dir):
    models = model_choice.find_models(paths.listed(model_dir), source.counts, source.schema)
    return next(iter(models.items()))


def _whole(source, category, folders, options, flags):
    """Yields after each batch of photos that is predicted, for ever."""
    count = source.counts[category]
    batches = [Batch(category, 0, flags.batch_size)] * max(1, count // flags.batch_size)
    photos = source._replace(iterate=lambda name, start: _endless(source, name))
    loading = {"checkpoint": flags.checkpoint_path, "precision": flags.precision}
    endless = itertools.chain.from_iterable(itertools.repeat(batches))
    for rows in local.predicted(photos, {category: folders}, endless, options, loading):
        yield len(rows)


def _endless(source, category):
    while True:
        yield from source.iterate(category, 0)


def _floor(folders, options, flags):
    """Yields after the forward passes that a batch of photos takes, for ever."""
    views = (1 + options.flip) * len(options.scales) * len(options.rotations)
    runs = []
    for folder in folders:
        model, graph_def = inference_graph.freeze(folder, flags.checkpoint_path)
        size = model.train_image_size
        with tf.Graph().as_default() as graph:
            images = np.random.default_rng(0).uniform(0, 255, [(1 + options.flip) * flags.batch_size, size, size, 3])
            place = v1.placeholder(tf.float32, [None, size, size, 3])
            names = [f"{name}:0" for name in codec.of(model).output_names]
            outputs = tf.import_graph_def(graph_def, {f"{inference_graph.IMAGES}:0": place}, names)
            session = v1.Session(graph=graph, config=inference_graph.session_config(flags.precision))
            runs.append((session.make_callable(outputs, [place]), images.astype(np.float32)))
    times = (1 + options.two_pass) * views // (1 + options.flip)
    while True:
        for run, images in runs:
            for _ in range(times):
                run(images)
        yield flags.batch_size


def _turn(work, flags):
    """Returns (images a second, CPU ms an image) of some batches."""
    start, cpu = time.perf_counter(), time.process_time()
    images = 0
    while images < flags.benchmark_images:
        images += next(work)
    return images / (time.perf_counter() - start), 1000 * (time.process_time() - cpu) / images
