"""The input's memory does not grow with the images that went through it."""

import subprocess
import sys

_SCRIPT = """
import sys
import tensorflow as tf
from preprocessing.input_fn import make_dataset

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

with tf.Graph().as_default():
    dataset = make_dataset(sys.argv[1], "all", True, 50, 64, {})
    batch = tf.nest.flatten(tf.compat.v1.data.make_one_shot_iterator(dataset).get_next())[0].op
    with tf.compat.v1.Session() as session:
        for turn in range(2):
            for _ in range(100):
                session.run(batch)
            print(resident_mib())
"""


def test_memory_is_flat_and_below_a_gibibyte_over_10_000_images(records):
    done = subprocess.run([sys.executable, "-c", _SCRIPT, records], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    half, whole = map(float, done.stdout.split())
    assert whole < 1024
    assert whole - half < 40
