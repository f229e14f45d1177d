"""Finds annotations that are probably wrong: a page of the photos, and a CSV beside it, the most suspicious first.

python tools/find_label_errors.py --data_dir=DATA --checkpoint_path=CKPT --output=report.html

The photos are dealt out into --folds parts, and each part is predicted by models trained on the others, which have not
learned its errors. The CSV has the columns image_id, category, keypoint, suspicion (the probability that the annotation
is wrong) and kind: exchanged (with its mirror partner), misplaced, on_another (keypoint), missing.

The models are trained as configs/laptop.cfg says, for 8 epochs from --checkpoint_path (tools/import_weights.py makes
one), for 24 without; --flagfile names another recipe, and --net its net. A run that was stopped resumes with the same
command: the predictions of its folds stand in --output_dir, report_folds unless told. With --model_dir, models that
were trained on other photos predict, and none is trained.
"""

import os
import sys

from base.errors import DataErrors, UsageError
from base.schema import ALL
from base.wording import counted
from configs import command_line, cross_checks, paths

FLAGS = (
    "data_dir", "splits", "schema", "output", "output_dir", "suspicion", "net", *command_line.TRAINING_GROUPS,
    "coordinates",
    "inference",
)  # fmt: skip
_RECIPE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "configs", "laptop.cfg")
_EPOCHS = 8  # of a training that starts from a checkpoint
_LENGTH = ("model_to_train", "train_epochs", "max_steps", "checkpoint_path")  # may change when a training resumes


def main(flags):
    """Writes `output` and the CSV beside it.

    Raises:
        UsageError: flags contradict each other.
        DataError, DataErrors: annotations, photos or models are wrong.
    """
    table, folder = _check(flags)

    from base import schema as schemas
    from base.files import exclusive_file, exclusive_folder
    from preprocessing.data import conversion_plan, layout

    schema = schemas.load(flags.schema)
    splits = layout.list_splits(flags.data_dir, flags.splits)
    if not layout.is_labelled(splits[0]):
        raise UsageError(f"--splits={','.join(flags.splits)} are not annotated: expected train_0, train_1, …")
    rows, faults = conversion_plan.read_rows(splits, schema)
    if faults:
        raise DataErrors(faults)
    _check_models(flags, rows)
    with exclusive_file(flags.output), exclusive_folder(folder):
        found = _predict(flags, rows, folder)
        suspects = _write(flags, table, rows, *found)
    shown = sum(suspect.suspicion >= flags.shown_suspicion for suspect in suspects)
    count = counted(len(suspects), "keypoint")
    print(f"{flags.output}, {table}: {shown} of {count} with a suspicion of {flags.shown_suspicion:g} or more")


def _check(flags):
    """Returns the path of the CSV, and the folder of the predictions."""
    stem, ending = os.path.splitext(flags.output)
    if ending.lower() not in (".html", ".htm"):
        raise UsageError(f"--output={flags.output}: expected the name of a page, such as report.html")
    for name in (flags.output, f"{stem}.csv"):
        paths.check_not_of_data("output", name, flags.data_dir)
    if os.path.basename(os.path.dirname(os.path.realpath(flags.output))) == "Annotations":
        raise UsageError(f"--output={flags.output}: a CSV there would be taken for annotations; expected another")
    if flags.model_dir is not None:
        cross_checks.check_inference(flags)
    else:
        _check_training(flags)
    return f"{stem}.csv", flags.output_dir or f"{stem}_folds"


def _check_training(flags):
    from net import registry

    for name, value in registry.get_net(flags.net).training.items():
        if name not in flags.given:
            setattr(flags, name, value)
    flags.model_to_train = flags.model_to_train or [ALL]
    cross_checks.check_training(flags)
    cross_checks.check_net_options(flags, flags.net)
    cross_checks.check_sizes(flags, flags.net)
    if not flags.checkpoint_path:
        command_line.warn("trains from random weights: --checkpoint_path=CKPT needs less time and finds more")


def _check_models(flags, rows):
    """Raises UsageError where the models that are to be trained leave out a category."""
    left_out = sorted({row.category for row in rows} - {*flags.model_to_train})
    if flags.model_dir is None and left_out and ALL not in flags.model_to_train:
        expected = f"expected every category of the data, or {ALL}"
        raise UsageError(f"--model_to_train leaves out {', '.join(left_out)}: {expected}")


def _predict(flags, rows, folder):
    from net import registry
    from tools.suspicion import folds, held_out
    from utility.prediction import inference
    from utility.training import training_plan
    from utility.training.settings import TrainingSettings

    settings = TrainingSettings.from_flags(vars(flags))
    net_options = {name: getattr(flags, name) for name in registry.flag_rows(flags.net) if name in flags.given}
    recipe = held_out.Recipe(settings, flags.net, net_options, inference.options_from(vars(flags)), flags.precision)
    if flags.model_dir is not None:
        return held_out.by_models(rows, paths.listed(flags.model_dir), folder, recipe)
    length = {name: getattr(settings, name) for name in _LENGTH}
    work = {"annotations": folds.digest(rows), "folds": flags.folds, "net": flags.net, **net_options, **length}
    folds.claim(folder, {**work, **training_plan.binding(settings, {}), **recipe.options._asdict()})
    return held_out.by_folds(rows, flags.folds, folder, recipe, command_line.warn)


def _write(flags, table, rows, points, scores):
    """Writes the table and the page; returns the suspects."""
    import numpy as np

    from preprocessing.data.annotations import Annotations
    from tools.suspicion import ranking, report

    truth = Annotations(
        flags.data_dir,
        np.array([row.line for row in rows]),
        [row.image_id for row in rows],
        [row.category for row in rows],
        np.stack([row.points for row in rows]),
        np.stack([row.visibility for row in rows]),
        rows[0].schema,
    )
    suspects = ranking.rank(truth, points, scores)
    report.write_table(table, rows, suspects)
    title = os.path.basename(os.path.abspath(flags.data_dir))
    shown = [suspect for suspect in suspects if suspect.suspicion >= flags.shown_suspicion]
    report.write_page(flags.output, title, rows, shown, points)
    return suspects


def _with_recipe(argv):
    """Returns a command line with the recipe of a first run in front, unless it names one."""
    if any(word.lstrip("-").startswith("flagfile") for word in argv[1:]):
        return argv
    starts_from = any(word.lstrip("-").startswith("checkpoint_path=") for word in argv[1:])
    return [argv[0], f"--flagfile={_RECIPE}", *([f"--train_epochs={_EPOCHS}"] if starts_from else []), *argv[1:]]


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["data_dir", "output"], argv=_with_recipe(sys.argv))
