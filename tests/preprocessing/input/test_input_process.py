"""The input in a process of its own: its memory does not grow with the images, and it says nothing."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.data import records

_SCRIPT = """
import sys
import tensorflow as tf
from preprocessing.input.augmentation_options import AugmentationOptions
from preprocessing.input.input_fn import make_dataset

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

with tf.Graph().as_default():
    dataset = make_dataset(sys.argv[1], "skirt", True, 50, 64, AugmentationOptions())
    batch = tf.nest.flatten(tf.compat.v1.data.make_one_shot_iterator(dataset).get_next())[0].op
    with tf.compat.v1.Session() as session:
        for turn in range(2):
            for _ in range(100):
                session.run(batch)
            print(resident_mib())
"""


@pytest.fixture(scope="module")
def small_records(tmp_path_factory):
    """Records of small photos: 10 000 of them take seconds."""
    folder = tmp_path_factory.mktemp("small")
    generator = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(folder / "skirt_0000.tfrecord")) as writer:
        for number in range(50):
            image = generator.integers(0, 256, (80, 64, 3)).astype(np.uint8)
            points = generator.integers(0, 64, (24, 2))
            row = records.serialise(
                f"{number}.jpg", tf.io.encode_jpeg(image).numpy(), (64, 80), "skirt", points, [1] * 24
            )
            writer.write(row)
    return folder


def test_memory_is_flat_and_below_a_gibibyte_over_10_000_images(small_records):
    done = subprocess.run([sys.executable, "-c", _SCRIPT, small_records], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    half, whole = map(float, done.stdout.split())
    assert whole < 1024
    assert whole - half < 40


def test_nothing_is_said_on_stderr(small_records):
    script = """
import sys
from base import tensorflow_log

tensorflow_log.prepare(verbosity=0)
import tensorflow as tf
from preprocessing.input.augmentation_options import AugmentationOptions
from preprocessing.input.input_fn import make_dataset

with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    dataset = make_dataset(sys.argv[1], "skirt", True, 4, 32, AugmentationOptions())
    features, _ = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
    print(session.run(features["image"]).shape)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", script, small_records], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stdout == "(4, 32, 32, 3)\n"
    assert done.stderr == ""
