"""Kills convert, train and eval at random and starts them again; the results must equal those of an undisturbed run.

    PYTHONPATH=. python tests/soak.py --minutes=30 --output_dir=/tmp/soak [--seed=0]

A round does the three steps, each killed up to five times (SIGKILL, SIGTERM or SIGINT, at any moment of its time) and
then left to end. Records and CSV are compared byte by byte, the last checkpoint's variables bit by bit. Exit code 1 at
the first difference, traceback or wrong exit code.
"""

import argparse
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before made_trainings imports TensorFlow

from made_trainings import SMALL_HOURGLASS

ROOT = pathlib.Path(__file__).resolve().parents[1]
MOST_KILLS = 5
EXIT_CODES = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
TRAIN = [*SMALL_HOURGLASS, "--batch_size=4", "--train_epochs=4", "--epochs_per_eval=2"]


def steps(data, folder):
    """Returns {name: command} of the three steps, which write into a folder."""
    records, models, submission = folder / "records", folder / "models", folder / "submission.csv"
    return {
        "convert": [
            "tools/convert_tfrecords.py",
            f"--data_dir={data}",
            f"--output_dir={records}",
            "--val_fraction=0.2",
        ],
        "train": ["train_hg.py", f"--data_dir={records}", f"--model_dir={models}", *TRAIN],
        "eval": [
            "eval_all.py",
            f"--model_dir={models}",
            f"--data_dir={data / 'test_0'}",
            f"--output={submission}",
            "--category=skirt",
        ],
    }


def run(command, kill_after=None, kill_signal=None):
    """Runs a step, perhaps kills it; returns its exit code and what it said on stderr."""
    words = [sys.executable, str(ROOT / command[0]), *command[1:]]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.send_signal(kill_signal)
        _, errors = process.communicate()
    return process.returncode, errors


def disturbed(name, command, durations, draw):
    """Runs a step to its end through up to MOST_KILLS kills; returns how many there were.

    durations: {name: the least seconds that a whole run took yet}; a busy machine would make the kills rare otherwise.
    """
    for kills in range(MOST_KILLS + 1):
        kill_signal = draw.choice(list(EXIT_CODES))
        kill_after = draw.uniform(0, durations[name]) if kills < MOST_KILLS else None
        start = time.monotonic()
        code, errors = run(command, kill_after, kill_signal)
        if code == 0 and kills == 0:
            durations[name] = min(durations[name], time.monotonic() - start)
        early = kill_after is not None and kill_after < 2  # Python itself may still be starting
        if code == 0:
            return kills
        if (code not in (EXIT_CODES[kill_signal], -kill_signal) or "Traceback" in errors) and not early:
            raise SystemExit(f"{name} after {kill_after:.1f} s of {kill_signal.name}: exit code {code}\n{errors}")
    raise SystemExit(f"{name} does not end")


def results(folder):
    """Returns {what: digest} of the records, of the weights and of the CSV."""
    import tensorflow as tf

    found = {path.name: _digest(path.read_bytes()) for path in sorted((folder / "records").glob("*.*"))}
    checkpoint = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder / "models/skirt")))
    for name in sorted(checkpoint.get_variable_to_shape_map()):
        found[name] = _digest(np.ascontiguousarray(checkpoint.get_tensor(name)).tobytes())
    found["submission.csv"] = _digest((folder / "submission.csv").read_bytes())
    return found


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, end = random.Random(options.seed), time.monotonic() + 60 * options.minutes
    data = options.output_dir / "data"
    sizes = ["--num_train=30", "--num_test=20", "--image_size=256"]
    code, errors = run(["tools/make_synthetic_data.py", f"--output_dir={data}", *sizes])
    if code:
        raise SystemExit(errors)
    durations = {}
    for name, command in steps(data, options.output_dir / "undisturbed").items():
        start = time.monotonic()
        code, errors = run(command)
        if code:
            raise SystemExit(f"{name}, undisturbed: {errors}")
        durations[name] = time.monotonic() - start
        print(f"undisturbed {name}: {durations[name]:.1f} s", flush=True)
    expected, rounds, all_kills = results(options.output_dir / "undisturbed"), 0, 0
    while time.monotonic() < end:
        folder = options.output_dir / "disturbed"
        shutil.rmtree(folder, ignore_errors=True)
        kills = {name: disturbed(name, command, durations, draw) for name, command in steps(data, folder).items()}
        got = results(folder)
        differ = sorted(name for name in {**got, **expected} if got.get(name) != expected.get(name))
        if differ:
            raise SystemExit(
                f"round {rounds + 1}, {kills} kills: {len(differ)} results differ: {', '.join(differ[:5])} …"
            )
        rounds, all_kills = rounds + 1, all_kills + sum(kills.values())
        print(f"round {rounds}: {kills} kills; {len(got)} results equal", flush=True)
    print(f"{rounds} rounds, {all_kills} kills: records, weights and CSV equal those of the undisturbed run")


if __name__ == "__main__":
    main()
