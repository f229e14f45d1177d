"""The speed of a training step of CPN, without its input, beside what the machine does in one big convolution.

A step's floor is the time its multiply-adds (three times the forward pass's: the pass, and the gradients of inputs and
of kernels) would take at the rate of a 3x3 convolution of 256 channels on 96 x 96 cells, measured in turn with it. It
is the net that counts, as `tools/inspect_model.py` does: multiply-adds that a training gets around are its gain.
"""

import statistics
import time

import numpy as np
import tensorflow as tf

from base.estimator_api import ModeKeys
from base.schema import ALL
from configs.flag_table import GROUPS
from net import complexity, registry
from tools.benchmarking import memory
from utility.training import training_plan
from utility.training.model_fn import model_fn
from utility.training.schedule import Schedule
from utility.training.settings import TrainingSettings

v1 = tf.compat.v1
_CONVOLUTION = (96, 256)  # cells on a side, channels
_STEPS = 2  # of a turn
_PASSES = 3


def measure(flags):
    """Returns the figures: steps, forward passes and the convolution in turn; medians over the turns."""
    defaults = {flag.name: flag.default for group in GROUPS.values() for flag in group}
    cells = {"heatmap_size": flags.train_image_size // 4}
    settings = TrainingSettings.from_flags({**defaults, **vars(flags), **cells})
    options = {name: getattr(flags, name) for name in registry.flag_rows("cpn")}
    model = training_plan.describe(flags.category or ALL, settings, "cpn", options)
    forward, adds = _part(model, settings, ModeKeys.EVAL)
    step, _ = _part(model, settings, ModeKeys.TRAIN)
    parts = {
        "step": (step, _PASSES * adds),
        "forward": (forward, adds),
        "convolution": _convolution(flags.batch_size),
    }
    turns = {name: [] for name in parts}
    for _ in range(flags.benchmark_turns):
        for name, (run, _) in parts.items():
            turns[name].append(_turn(run))
    wall, cpu = ({name: statistics.median(turn[kind] for turn in turns[name]) for name in turns} for kind in (0, 1))
    rate = parts["convolution"][1] / wall["convolution"]
    cpu_rate = parts["convolution"][1] / cpu["convolution"]
    shares = {name: parts[name][1] / wall[name] / rate for name in ("step", "forward")}
    return {
        "images_per_second": flags.batch_size / wall["step"],
        "floor_images_per_second": flags.batch_size * rate / parts["step"][1],
        "ratio": shares["step"],
        "cpu_ms_per_image": 1000 * cpu["step"] / flags.batch_size,
        "convolution_gflops": 2 * rate / 1e9,
        "stages": {
            name: {"seconds": wall[name], "share": shares[name], "cpu_share": parts[name][1] / cpu[name] / cpu_rate}
            for name in shares
        },
        "peak_memory_mib": memory.peak_mib(),
    }


def report(figures):
    """Returns the figures as lines of text."""
    lines = [f"convolution: {figures['convolution_gflops']:.0f} GFLOP/s"]
    for name, stage in figures["stages"].items():
        lines.append(
            f"{name}: {stage['seconds']:.3f} s, share of the convolution's rate {stage['share']:.3f} "
            f"(of CPU time {stage['cpu_share']:.3f})"
        )
    return [*lines, f"peak memory {figures['peak_memory_mib']} MiB", f"ratio {figures['ratio']:.3f}"]


def _turn(run):
    """Returns the seconds and CPU seconds of one run, over a few."""
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(_STEPS):
        run()
    return (time.perf_counter() - start) / _STEPS, (time.process_time() - cpu) / _STEPS


def _part(model, settings, mode):
    """Returns (function that runs the model function's graph once, its multiply-adds)."""
    params = {"model": model, "data_format": settings.data_format, "settings": settings, "rate_factor": 1.0}
    params["schedule"] = Schedule(steps_per_epoch=100.0, total_steps=1000, steps_per_eval=1000)
    is_training = mode == ModeKeys.TRAIN
    with tf.Graph().as_default() as graph:
        v1.train.get_or_create_global_step()
        features, labels = _batch(settings.batch_size, model)
        spec = model_fn(features, labels, mode, params)
        adds = sum(layer.multiply_adds for layer in complexity.layers(graph))
        target = spec.train_op if is_training else spec.eval_metric_ops["ne"][1]  # points and their error
        session = v1.Session(graph=graph)
        session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
    run = session.make_callable(target)
    run()
    return run, adds


def _batch(batch_size, model):
    """Returns features and labels of noise, held in variables, so that nothing is computed of them ahead."""
    size, keypoints = model.train_image_size, len(model.keypoints)
    random = np.random.default_rng(0)

    def held(values):
        return v1.get_variable(f"batch_{len(v1.global_variables())}", initializer=values, trainable=False).read_value()

    images = random.uniform(0, 255, [batch_size, size, size, 3]).astype(np.float32)
    features = {
        "image": held(images),
        "to_input": tf.tile(tf.eye(2, 3)[tf.newaxis], [batch_size, 1, 1]),
        "image_id": tf.fill([batch_size], "noise"),
        "image_size": tf.fill([batch_size, 2], size),
        "category": tf.zeros([batch_size], tf.int32),
    }
    labels = {
        "points": held(random.uniform(0, size, [batch_size, keypoints, 2]).astype(np.float32)),
        "visibility": tf.ones([batch_size, keypoints], tf.int32),
        "norm": tf.fill([batch_size], float(size)),
    }
    return features, labels


def _convolution(batch_size):
    size, channels = _CONVOLUTION
    with tf.Graph().as_default() as graph:
        images = v1.get_variable("images", [batch_size, size, size, channels])
        kernel = v1.get_variable("kernel", [3, 3, channels, channels])
        target = tf.nn.conv2d(images, kernel, 1, "SAME").op
        session = v1.Session(graph=graph)
        session.run(v1.global_variables_initializer())
    run = session.make_callable(target)
    run()
    return run, batch_size * size * size * 9 * channels**2
