"""The input's benchmark: what its figures say of each other, and its peer."""

import json
import sys

import pytest
import tensorflow as tf

from tools.benchmarking import rates

SHORT = ("--train_image_size=64", "--batch_size=4", "--benchmark_images=8", "--benchmark_turns=1")


class Clock:
    """Time that only the measured work spends, so that a busy machine changes nothing."""

    def __init__(self):
        self.seconds = 0.0

    def perf_counter(self):
        return self.seconds

    def process_time(self):
        return self.seconds / 2

    def sleep(self, seconds):
        self.seconds += seconds

    def work(self, seconds):
        """Returns a pipeline that spends so much on each image."""

        def spend(number):
            self.seconds += seconds
            return number

        def make():
            images = tf.data.Dataset.range(10**6).map(lambda number: tf.numpy_function(spend, [number], tf.int64))
            options = tf.data.Options()
            options.experimental_optimization.apply_default_optimizations = False
            options.experimental_optimization.inject_prefetch = False  # nothing is made ahead, in another's turn
            options.autotune.enabled = False
            return images.batch(4).with_options(options)

        return make


def test_rates_are_those_of_each_pipeline(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(rates, "time", clock)
    measured = rates.compare({"slow": clock.work(0.2), "fast": clock.work(0.001)}, 4, images=40, turns=3)
    assert measured["fast"] == pytest.approx((1000, 0.5))  # images a second, milliseconds of the processor's time
    assert measured["slow"] == pytest.approx((5, 100))


def test_the_input_is_measured_beside_its_floor(program, records, tmp_path, capsys):
    file = tmp_path / "figures.json"
    words = ("input", f"--data_dir={records}", f"--json={file}", *SHORT)
    assert program("tools/benchmark.py", *words) == 0
    figures = json.loads(file.read_text())
    assert figures["ratio"] == figures["images_per_second"] / figures["floor_images_per_second"]
    assert list(figures["stages"]) == ["read", "parse and draw", "decode", "sample", "colour"]
    assert figures["cpu_ms_per_image"] > 0
    shown = capsys.readouterr().out
    assert f"ratio {figures['ratio']:.3f}" in shown
    assert all(stage in shown for stage in figures["stages"])


def test_a_training_step_is_measured_beside_a_convolution(program, tmp_path):
    words = ("--train_image_size=64", "--batch_size=2", "--benchmark_turns=1", f"--json={tmp_path / 'train.json'}")
    assert program("tools/benchmark.py", "train", *words, "--backbone=efficientnet_lite0", "--head_channels=8") == 0
    figures = json.loads((tmp_path / "train.json").read_text())
    assert set(figures) >= {"images_per_second", "floor_images_per_second", "ratio", "cpu_ms_per_image", "stages"}
    step, forward = figures["stages"]["step"], figures["stages"]["forward"]
    assert step["seconds"] > forward["seconds"] > 0
    assert figures["ratio"] == step["share"] > 0


@pytest.mark.parametrize("words", [("input",), ("output",), ()])
def test_a_wrong_command_line_is_refused(program, words):
    assert program("tools/benchmark.py", *words) == 2


def test_records_that_are_not_there_are_named(program, tmp_path, capsys):
    assert program("tools/benchmark.py", "input", f"--data_dir={tmp_path}", *SHORT) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_a_peer_that_is_not_there_is_named(program, records, tmp_path, capsys):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import no_such_peer"\n')
    python.chmod(0o755)
    words = ("input", f"--data_dir={records}", "--peer", f"--peer_python={python}", *SHORT)
    assert program("tools/benchmark.py", *words) == 1
    assert "no_such_peer" in capsys.readouterr().err


HATS = """name = "hats"
keypoints = ["rim_left", "rim_right", "top"]
[categories.cap_2]
keypoints = ["rim_left", "rim_right"]
normalise = ["rim_left", "rim_right"]
"""


@pytest.fixture(scope="module")
def hats(program, tmp_path_factory):
    """(schema's file, data set, records) of a schema of one's own."""
    folder = tmp_path_factory.mktemp("hats")
    (folder / "hats.toml").write_text(HATS)
    schema = f"--schema={folder / 'hats.toml'}"
    words = (f"--output_dir={folder / 'DATA'}", "--num_train=3", "--num_test=1", "--image_size=64", schema)
    assert program("tools/make_synthetic_data.py", *words) == 0
    words = (f"--data_dir={folder / 'DATA'}", f"--output_dir={folder / 'RECORDS'}", "--val_fraction=0", schema)
    assert program("tools/convert_tfrecords.py", *words) == 0
    return folder / "hats.toml", folder / "DATA", folder / "RECORDS"


def test_a_conversion_is_measured_beside_its_floor(program, photos, tmp_path, capsys):
    file = tmp_path / "figures.json"
    words = ("convert", f"--data_dir={photos}", "--splits=train_0", f"--json={file}", "--benchmark_turns=1")
    assert program("tools/benchmark.py", *words) == 0
    figures = json.loads(file.read_text())
    assert list(figures["stages"]) == ["CSV", "read", "check", "serialise", "write"]
    assert figures["ratio"] == pytest.approx(figures["images_per_second"] / figures["floor_images_per_second"])
    assert f"ratio {figures['ratio']:.3f}" in capsys.readouterr().out


def one_batch_each(pipelines, batch_size, images, turns):
    """Takes the place of `rates.compare`: each pipeline's batch is made, but its time is not taken."""
    for make in pipelines.values():
        assert len(tf.nest.flatten(next(iter(make())))[0]) == batch_size
    return {name: rates.Rate(1.0, 1.0) for name in pipelines}


def test_data_of_another_schema_are_measured(program, hats, tmp_path, monkeypatch):
    schema, data, records_dir = hats
    words = (f"--data_dir={data}", f"--schema={schema}", "--benchmark_turns=1")
    assert program("tools/benchmark.py", "convert", *words) == 0
    monkeypatch.setattr(rates, "compare", one_batch_each)
    assert program("tools/benchmark.py", "input", f"--data_dir={records_dir}", *SHORT) == 0
