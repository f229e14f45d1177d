"""Trains a small hourglass with each lever of the recipes on and off, and writes the table of what each one is worth.

python demos/ablation.py --data_dir=DATA --output_dir=WORK [--json=demos/ablation.json] [--output=demos/ablation.md]

Every training has the same number of steps. A sixth of train_0 is held out, and the normalised error (NE) is that of
the held-out photos; test_0 is never looked at. What is in the JSON already is not done again.
"""

import concurrent.futures
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from typing import NamedTuple

from configs import command_line
from configs.keypoints import CATEGORIES

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEEDS = (1, 2, 3)
STEPS = 500
HELD_OUT = 6  # every sixth photo of a category
AT_ONCE = 2  # a third of a run is start-up, on one core

BASE = "the recipe"
RECIPE = os.path.join("configs", "hourglass_small.cfg")
TRAIN_FLAGS = (
    "--model_to_train=all",
    "--train_image_size=96",
    "--heatmap_size=24",
    "--num_stacks=1",
    "--feats_channels=64",
    f"--max_steps={STEPS}",
    "--train_epochs=1000",
    "--epochs_per_eval=1000",
    "--val_fraction=0",
)
EVAL_FLAGS = ("--flip_on_test", "--two_pass")

TITLE = f"""# What each lever is worth

Made by `demos/ablation.py`; the figures are in `ablation.json`. NE in per cent of held-out photos of train_0, mean ±
standard deviation over seeds. The recipe is `{RECIPE}`, with one hourglass of 64 features at 96 px
in the place of two of 128, and in the test the mirrored image and the second pass without turned views. Every run has
{STEPS} steps of 8 photos, far from the end of a real training: read the order rather than the figures, and expect
little of what only keeps a net from learning its photos by heart (turns, colours, decay), which it has no time for
here. Above 0 in the last column is worse than the recipe.
"""


class Lever(NamedTuple):
    """A change to the recipe.

    Attributes:
        name: what is different, for the table.
        train_flags: flags of train_hg.py behind those of the recipe.
        eval_flags: flags of eval_all.py in the place of the recipe's.
    """

    name: str
    train_flags: tuple = ()
    eval_flags: tuple = EVAL_FLAGS


_EACH = f"--model_to_train={','.join(CATEGORIES)}"

LEVERS = (
    Lever(BASE),
    Lever(
        "squared errors of the heights, not cross-entropy",
        ("--heatmap_loss=mse", "--target_scale=255", "--decode=dark"),
    ),
    Lever(
        "squared errors of heights up to 1, not 255",
        ("--heatmap_loss=mse", "--target_scale=1", "--decode=dark"),
    ),
    Lever(
        "RMSprop at 2.5e-4 with L2 of 1e-5, not AdamW at 3e-3",
        ("--optimizer=rmsprop", "--weight_decay=1e-5", "--learning_rate=2.5e-4"),
    ),
    Lever("Adam with L2 of 1e-5, not AdamW with a decay of 0.2", ("--optimizer=adam", "--weight_decay=1e-5")),
    Lever("AdamW at 1e-3", ("--learning_rate=1e-3",)),
    Lever("a constant rate, not the cosine", ("--schedule=constant",)),
    Lever("a moving average of the weights, decay 0.99", ("--moving_average=0.99",)),
    Lever("batch norm's statistics kept by 0.9, not 0.97", ("--bn_momentum=0.9",)),
    Lever("batch norm's statistics kept by 0.99, not 0.97", ("--bn_momentum=0.99",)),
    Lever("kernels that start from Glorot's range, not He's", ("--initializer=glorot",)),
    Lever("targets of sigma 2, not 1", ("--heatmap_sigma=2",)),
    Lever("without distortion of colours", ("--color_probability=0",)),
    Lever("without rotation", ("--rotate_probability=0",)),
    Lever("crops of all photos, not of 0.7", ("--crop_probability=1",)),
    Lever("crops of 0.45 of a photo or more, not of 0.25", ("--crop_area=0.45,1",)),
    Lever(
        "300 steps of all, then 40 of each category",
        (_EACH, "--seq_train", f"--seq_train_epochs={300 * 8 / 1000}", f"--train_epochs={40 * 8 / 200}"),
    ),
    Lever("without the mirrored image in the test", eval_flags=("--two_pass",)),
    Lever("without the second pass", eval_flags=("--flip_on_test",)),
    Lever("the first pass's maps in the second's, by 0.3", eval_flags=(*EVAL_FLAGS, "--first_pass_weight=0.3")),
    Lever("scales 0.9, 1 and 1.1 in the test", eval_flags=(*EVAL_FLAGS, "--test_scales=0.9,1,1.1")),
    Lever("turns by -10, 0 and 10 degrees in the test", eval_flags=(*EVAL_FLAGS, "--test_rotations=-10,0,10")),
    Lever("decoding: the highest cell, not the median of the map", eval_flags=(*EVAL_FLAGS, "--decode=argmax")),
    Lever("decoding: a quarter cell toward the neighbour", eval_flags=(*EVAL_FLAGS, "--decode=quarter")),
    Lever("decoding: the mean of the cells around", eval_flags=(*EVAL_FLAGS, "--decode=expectation")),
    Lever("decoding: the peak of the parabola (DARK)", eval_flags=(*EVAL_FLAGS, "--decode=dark")),
)


def main(flags):
    """Runs what the JSON does not have yet, seed by seed, and writes the JSON and the table after each training.

    Raises:
        DataError: the photos or their CSV are wrong.
    """
    from tools.progress import Progress

    results_file = flags.json or os.path.join(ROOT, "demos", "ablation.json")
    results = _read(results_file)
    data = _hold_out(flags.data_dir, os.path.join(flags.output_dir, "data"))
    records = os.path.join(flags.output_dir, "records")
    if not os.path.isdir(records):
        _program("tools/convert_tfrecords.py", f"--data_dir={data}", f"--output_dir={records}", "--val_fraction=0")
    executor = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
    try:
        runs = []
        for seed, levers in itertools.product(SEEDS, _by_training()):
            missing = [lever for lever in levers if str(seed) not in results.get(lever.name, {})]
            models = os.path.join(flags.output_dir, f"seed{seed}", _file_name(levers[0].name))
            runs.append((seed, executor.submit(_run, missing, seed, data, records, models)))
        with Progress("trainings", len(runs)) as progress:
            for seed, run in runs:
                for name, error in run.result().items():
                    results.setdefault(name, {})[str(seed)] = error
                _write(results, results_file, flags.output or os.path.join(ROOT, "demos", "ablation.md"))
                progress.step()
    finally:
        executor.shutdown(cancel_futures=True)


def _file_name(text):
    return re.sub(r"[^\w.]+", "_", text)  # a comma would make two folders of --model_dir


def _by_training():
    """Returns the levers in lists of those that the same models serve."""
    lists = {}
    for lever in LEVERS:
        lists.setdefault(lever.train_flags, []).append(lever)
    return list(lists.values())


def _read(path):
    """Returns {lever: {seed: NE}} of earlier calls."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)["ne"]


def _hold_out(data_dir, place):
    """Copies train_0 into a data set of its own, every sixth photo of a category into the test split.

    Returns:
        The folder of the new data set, `place`.
    """
    from preprocessing import annotations, layout

    if os.path.exists(os.path.join(place, "test_0_answer.csv")):
        return place
    source = os.path.join(data_dir, "train_0")
    rows = annotations.read(layout.find_csv(source))
    seen = dict.fromkeys(CATEGORIES, 0)
    parts = {"train_0": [], "test_0": []}
    for row, category in enumerate(rows.categories):
        parts["test_0" if seen[category] % HELD_OUT == 0 else "train_0"].append(row)
        seen[category] += 1
    for split, chosen in parts.items():
        for row in chosen:
            target = os.path.join(place, split, rows.image_ids[row])
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(layout.photo_path(source, rows.image_ids[row])[0], target)
    os.makedirs(os.path.join(place, "train_0", "Annotations"), exist_ok=True)
    _write_rows(rows, parts["train_0"], os.path.join(place, "train_0", "Annotations", "annotations.csv"))
    with open(os.path.join(place, "test_0", "test.csv"), "w", encoding="utf-8") as file:
        file.write("image_id,image_category\n")
        file.writelines(f"{rows.image_ids[row]},{rows.categories[row]}\n" for row in parts["test_0"])
    _write_rows(rows, parts["test_0"], os.path.join(place, "test_0_answer.csv"))
    return place


def _write_rows(rows, chosen, path):
    from preprocessing import annotations

    ids, categories = ([column[row] for row in chosen] for column in (rows.image_ids, rows.categories))
    annotations.write(path, ids, categories, rows.points[chosen], rows.visibility[chosen])


def _run(levers, seed, data, records, models):
    """Trains the models that all of the levers ask for, and returns {lever's name: NE of the held-out photos}."""
    if not levers:
        return {}
    own_flags = [
        f"--flagfile={os.path.join(ROOT, RECIPE)}",
        *TRAIN_FLAGS,
        *levers[0].train_flags,
        f"--tf_random_seed={seed}",
    ]
    _program("train_hg.py", f"--data_dir={records}", f"--model_dir={models}", *own_flags)
    return {lever.name: _score(lever, data, models) for lever in levers}


def _score(lever, data, models):
    submission, scores = os.path.join(models, "submission.csv"), os.path.join(models, "scores.json")
    test = os.path.join(data, "test_0")
    _program("eval_all.py", f"--model_dir={models}", f"--data_dir={test}", f"--output={submission}", *lever.eval_flags)
    truth = f"--ground_truth={os.path.join(data, 'test_0_answer.csv')}"
    _program("tools/score.py", f"--prediction={submission}", truth, f"--json={scores}")
    with open(scores, encoding="utf-8") as file:
        return json.load(file)["ne"]


def _program(script, *arguments):
    """Runs one of the project's programs in a process of its own; what it prints goes to stderr."""
    subprocess.run([sys.executable, os.path.join(ROOT, script), *arguments], check=True, stdout=sys.stderr)


def _write(results, results_file, table_file):
    from preprocessing.files import atomic_write

    with atomic_write(results_file) as file:
        made_with = {"recipe": RECIPE, "train_flags": TRAIN_FLAGS, "eval_flags": EVAL_FLAGS}
        json.dump({**made_with, "ne": results}, file, indent=2)
        file.write("\n")
    with atomic_write(table_file) as file:
        file.write(table(results))


def table(results):
    """Returns the Markdown page of results, {lever: {seed: NE}}.

    A lever's difference is that of the same seeds, lever less recipe: what is above 0 is worse than the recipe. The ±
    is the standard deviation over the seeds.
    """
    lines = [
        TITLE,
        "| changed | seeds | NE % | difference |",
        "|---|---|---|---|",
    ]
    for lever in LEVERS:
        errors = results.get(lever.name, {})
        if errors:
            differences = [errors[seed] - results[BASE][seed] for seed in errors]
            difference = "" if lever.name == BASE else _spread(differences, "+")
            lines.append(f"| {lever.name} | {len(errors)} | {_spread(errors.values())} | {difference} |")
    return "\n".join(lines) + "\n"


def _spread(values, sign=""):
    percents = [100 * value for value in values]
    text = f"{statistics.mean(percents):{sign}.2f}"
    return text if len(percents) == 1 else f"{text} ± {statistics.stdev(percents):.2f}"


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["data_dir", "output_dir", "json", "output"],
        required=["data_dir", "output_dir"],
    )
