"""Kills conversion, trainings, evaluation and export at each of their changes to files, and runs them again.

    PYTHONPATH=. python tests/kill_points.py --output_dir=FOLDER [--scenarios=train,swa]
        [--points=4 | --at=1,2] [--torn] [--copies]

A run is killed with SIGKILL at its n-th change (a file opened for writing, a write, a rename, a removal; in the middle
of a write with --torn), for every n; the same command then must end as an undisturbed one: the same records, CSV and
tables byte by byte, the same variables in the last, the best and the averaged checkpoint bit by bit, and no temporary
file left. Exit code 1 where one does not. `kill_points.c` counts and kills; it takes a C compiler.

With --copies one run's folder is copied at each of its changes: what a kill there would have left. That spares the runs
up to the kills, half of the time; what a killed process' own children still do is seen by real kills only.

To import TensorFlow for each of some thousand runs would take hours: one process imports it, and forks for each run.
"""

import argparse
import contextlib
import ctypes
import filecmp
import os
import pathlib
import runpy
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import traceback
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = pathlib.Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
TRAINING = (
    "--max_steps=8",
    "--train_epochs=8",
    "--epochs_per_eval=0.75",
    "--learning_rate=0.003",
    "--warmup_steps=2",
    "--clip_gradients=30",
)


class Scenario(NamedTuple):
    """A command that changes files.

    Attributes:
        program: its path.
        words: of its command line; {out} stands for the folder that it writes into, {inputs} for what it reads.
        environment: variables that it needs.
    """

    program: str
    words: tuple
    environment: dict = {}


def _training(*words, **environment):
    import made_trainings

    words = made_trainings.words("{inputs}/tiny", "{out}", *TRAINING, *words)
    return Scenario("tests/made_trainings.py", tuple(words), environment)


def scenarios():
    """Returns {name: Scenario}."""
    import made_trainings

    released = "{inputs}/released"
    return {
        "convert": Scenario(
            "tools/convert_tfrecords.py",
            (f"--data_dir={released}/photos", "--output_dir={out}/records", "--splits=train_0", "--val_fraction=0.2"),
        ),
        "train": _training("--moving_average=0.9", "--on_nan=rollback", **{made_trainings.MOST: "20"}),
        "swa": _training("--swa_start_epoch=1"),
        "swa_without_validation": _training("--swa_start_epoch=1", "--val_fraction=0"),
        "seq_train": _training("--seq_train", "--seq_train_epochs=1", "--train_epochs=1"),
        "eval": Scenario(
            "eval_all.py",
            (
                f"--model_dir={released}/models",
                f"--data_dir={released}/test_0",
                "--output={out}/submission.csv",
                "--eval_batch_size=2",
            ),
        ),
        "export": Scenario(
            "tools/export_model.py", (f"--model_dir={released}/models/skirt", "--output_dir={out}/export")
        ),
    }


def make_inputs(folder):
    """Writes what the scenarios read: the model and the photos of release 1.0.0, and the small training's records."""
    import made_trainings

    with tarfile.open(TESTS / "released" / "1.0.0.tar.xz") as archive:
        archive.extractall(folder / "released")
    test = folder / "released" / "test_0"
    shutil.copytree(folder / "released" / "photos" / "train_0" / "Images", test / "Images")
    names = sorted(path.relative_to(test).as_posix() for path in (test / "Images").rglob("*.jpg"))
    rows = [f"{name},{name.split('/')[1]}\n" for name in names]
    (test / "test.csv").write_text("image_id,image_category\n" + "".join(rows))
    made_trainings.write_records(folder / "tiny")


class Runner:
    """Runs scenarios in forks of this process, which `kill_points.c` is preloaded into.

    Args:
        inputs: the folder of `make_inputs`.
        folder: for the runs.
    """

    def __init__(self, inputs, folder):
        import made_trainings  # noqa: F401 (the forks have TensorFlow from here)

        self._counter = ctypes.CDLL(None)
        self._inputs, self._folder = inputs, folder

    def run(self, scenario, out, kill_at=-1, torn=False, copies=""):
        """Runs a scenario.

        Args:
            scenario: a Scenario.
            out: the folder to run in.
            kill_at: the number of the change to kill at; -1 for none.
            torn: whether a write is cut in its middle.
            copies: a folder for the copies of `out` at each change, named by its number; none when empty.

        Returns:
            code: its exit code, -9 where it was killed.
            changes: the number of its changes; None where it was killed.
        """
        count = self._folder / "count"
        count.unlink(missing_ok=True)
        sys.stdout.flush()
        child = os.fork()
        if not child:
            self._become(scenario, out, kill_at, torn, copies, count)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), int(count.read_text()) if count.exists() else None

    def _become(self, scenario, out, kill_at, torn, copies, count):
        code = 70
        try:
            log = os.open(self._folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ.update(scenario.environment)
            program = ROOT / scenario.program
            sys.argv = [str(program), *(word.format(out=out, inputs=self._inputs) for word in scenario.words)]
            self._counter.kill_points_arm(os.fsencode(out), ctypes.c_long(kill_at), int(torn), os.fsencode(copies))
            try:
                runpy.run_path(str(program), run_name="__main__")
            except SystemExit as stop:
                code = stop.code
            count.write_text(str(self._counter.kill_points_count()))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    @property
    def log(self):
        """What the last run said."""
        return (self._folder / "log").read_text()


def run_whole(runner, scenario, out, **more):
    """Runs a scenario to its end, undisturbed; returns the number of its changes. `more`: as for `Runner.run`."""
    code, count = runner.run(scenario, out, **more)
    if code != 0:
        raise AssertionError(f"{scenario.program} ended with {code}:\n{runner.log}")
    return count


def kill(runner, scenario, out, kill_at, torn):
    """Runs a scenario in the new folder `out`, killed at a change.

    Returns:
        was_killed, and a list of texts: what is wrong.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    code, _ = runner.run(scenario, out, kill_at, torn)
    was_killed = code == -signal.SIGKILL
    return was_killed, [] if was_killed or code == 0 else [f"ended with {code} before the kill:\n{runner.log}"]


def resume(runner, scenario, out, undisturbed):
    """Runs a scenario again in the folder that a kill has left; returns what differs from an undisturbed run's."""
    code, _ = runner.run(scenario, out)
    if code != 0:
        return [f"the same command ended with {code}:\n{runner.log}"]
    return differences(undisturbed, out)


def differences(one, other):
    """Returns what differs between two folders of results, a text each."""
    files, others = (_files(folder) for folder in (one, other))
    texts = [f"{name} is missing" for name in sorted(files - others)]
    texts += [f"{name} is left over" for name in sorted(others - files)]
    for name in sorted(files & others):
        if name.suffix == ".index":
            texts += _different_variables(one / name.with_suffix(""), other / name.with_suffix(""), name)
        elif ".data-" not in name.name and name.suffix != ".pb" and not filecmp.cmp(one / name, other / name, False):
            texts.append(f"{name} differs: {(one / name).read_bytes()[:300]} and {(other / name).read_bytes()[:300]}")
    return texts


def _files(folder):
    """Returns the relative paths of a folder's files but TensorBoard's."""
    paths = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {path for path in paths if "tfevents" not in path.name}


def _different_variables(one, other, name):
    import made_trainings
    import numpy as np

    values, others = made_trainings.variables(str(one)), made_trainings.variables(str(other))
    same = values.keys() == others.keys()
    different = [key for key in values if not (same and np.array_equal(values[key], others[key]))]
    return [f"{name}: {len(different)} of {len(values)} variables differ, such as {different[0]}"] if different else []


@contextlib.contextmanager
def preloaded(folder):
    """Yields the environment in which Python has `kill_points.c` preloaded; it is compiled into `folder`."""
    library = folder / "kill_points.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, TESTS / "kill_points.c", "-ldl"], check=True)
    path = os.pathsep.join([str(ROOT), str(TESTS)])
    yield {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": path}


def kill_points(count, arguments):
    """Returns (the number of the change to kill at, whether in the middle of it) for each kill."""
    if arguments.at:
        return [(int(number), arguments.torn) for number in arguments.at.split(",")]
    if arguments.points:
        numbers = sorted({1 + int((number + 0.5) * count / arguments.points) for number in range(arguments.points)})
        return [(number, arguments.torn or index % 2 == 1) for index, number in enumerate(numbers)]
    return [(number, arguments.torn) for number in range(1, count + 1)]


def search_by_kills(runner, scenario, folder, undisturbed, points):
    """Yields (the number of the change, a list of texts: what differs) for each kill."""
    out = folder / "run"
    for kill_at, torn in points:
        was_killed, texts = kill(runner, scenario, out, kill_at, torn)
        if was_killed or texts:
            yield kill_at, texts or resume(runner, scenario, out, undisturbed)


def search_by_copies(runner, scenario, folder, undisturbed, torn):
    """As `search_by_kills` for all changes of one run; a copy that equals the one before is not run again."""
    out, copies, former = folder / "run", folder / "copies", None
    for path in (out, copies):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    count = run_whole(runner, scenario, out, torn=torn, copies=copies)
    for number in range(1, count + 1):
        shutil.rmtree(out)
        (copies / str(number)).rename(out)
        paths = sorted(out.rglob("*"))  # folders, too: an empty one is a state of its own
        content = [(path.relative_to(out), path.read_bytes() if path.is_file() else None) for path in paths]
        if content != former:
            yield number, resume(runner, scenario, out, undisturbed)
        former = content


def search(arguments, folder):
    """Runs what the command line asks for; returns the number of kills after which something differed."""
    inputs = folder / "inputs"
    inputs.mkdir()
    make_inputs(inputs)
    runner, faults = Runner(inputs, folder), 0
    chosen = scenarios()
    for name in arguments.scenarios.split(",") if arguments.scenarios else chosen:
        undisturbed = folder / f"undisturbed_{name}"
        undisturbed.mkdir()
        count = run_whole(runner, chosen[name], undisturbed)
        if arguments.copies:
            found = search_by_copies(runner, chosen[name], folder, undisturbed, arguments.torn)
        else:
            points = kill_points(count, arguments)
            found = search_by_kills(runner, chosen[name], folder, undisturbed, points)
        kills = wrong = 0
        for kill_at, texts in found:
            kills, wrong = kills + 1, wrong + bool(texts)
            for text in texts:
                print(f"{name}: killed at change {kill_at} of {count}: {text}", flush=True)
        print(f"{name}: {count} changes, {kills} kills, {wrong} ended differently", flush=True)
        faults += wrong
    return faults


def main():
    """Searches, in a process with the counter preloaded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", help="for the runs; a temporary folder when not given")
    parser.add_argument("--scenarios", help="with commas between; all when not given")
    points = "kill at this many changes, spread over all; in the middle of every other one"
    parser.add_argument("--points", type=int, help=points)
    parser.add_argument("--at", help="kill at the changes of these numbers only, with commas between")
    parser.add_argument("--torn", action="store_true", help="kill in the middle of a write")
    parser.add_argument("--copies", action="store_true", help="copy one run's folder at each change instead of killing")
    arguments = parser.parse_args()
    if arguments.copies and (arguments.points or arguments.at):
        parser.error("--copies is for all changes: expected no --points and no --at")
    with tempfile.TemporaryDirectory(dir=arguments.output_dir) as folder:
        folder = pathlib.Path(folder).resolve()
        if "kill_points" in os.environ.get("LD_PRELOAD", ""):
            sys.exit(bool(search(arguments, folder)))
        with preloaded(folder) as environment:
            sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
