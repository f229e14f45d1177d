"""Rates of tf.data pipelines that take turns, so that a busy machine is equally busy for each."""

import gc
import statistics
import time
from typing import NamedTuple

import tensorflow as tf

_WARM_UP = 20  # batches of a turn that are not counted: they were made ahead of it
_SETTLE = 0.3  # seconds in which the pipeline before fills its buffers and falls asleep


class Rate(NamedTuple):
    """Medians over the turns."""

    images_per_second: float
    cpu_ms_per_image: float


def compare(pipelines, batch_size, images, turns):
    """Measures pipelines in turn.

    Args:
        pipelines: {name: function that returns an endless dataset of batches}.
        batch_size: images a batch.
        images: images of a turn.
        turns: turns of each pipeline.

    Returns:
        {name: Rate}.
    """
    sources = {name: _source(make) for name, make in pipelines.items()}
    gc.freeze()  # else Python's garbage collector walks through all graphs again and again
    measured = {name: [] for name in pipelines}
    for _ in range(turns):
        for name, (_, run) in sources.items():
            time.sleep(_SETTLE)
            measured[name].append(_turn(run, batch_size, max(1, images // batch_size)))
    for session, _ in sources.values():
        session.close()
    gc.unfreeze()
    return {name: Rate(*map(statistics.median, zip(*rows))) for name, rows in measured.items()}


def _source(make):
    with tf.Graph().as_default():
        batch = tf.nest.flatten(tf.compat.v1.data.make_one_shot_iterator(make()).get_next())[0].op
        session = tf.compat.v1.Session()
        run = session.make_callable(batch)
        run()  # what is compiled is compiled now
        return session, run


def _turn(run, batch_size, batches):
    for _ in range(_WARM_UP):
        run()
    start, start_cpu = time.perf_counter(), time.process_time()
    for _ in range(batches):
        run()
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    count = batches * batch_size
    return count / seconds, 1000 * cpu / count
