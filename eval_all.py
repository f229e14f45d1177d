"""Predicts every photo of a test set, each category with its model, and writes the competition's CSV.

A prediction that was stopped goes on with the same command. Several model folders, with commas between, are averaged.
Where test.csv has a column `box` (x0_y0_x1_y1), each row is predicted within its box, and the CSV has that column, too.
"""

import os

from base.errors import UsageError
from base.wording import counted
from configs import command_line, cross_checks, paths


def main(flags):
    """Writes the submission.

    Raises:
        UsageError: flags contradict each other.
        DataError, DataErrors: photos, models or the output's place are wrong.
    """
    cross_checks.check_inference(flags)

    from utility.prediction import model_choice, photo_source

    parents = paths.listed(flags.model_dir)
    schema = model_choice.schema_for(parents, flags.data_dir, flags.category)
    cross_checks.check_category(flags, schema)
    source = photo_source.find(flags.data_dir, flags.category, schema)
    for name, path in (("output", flags.output), ("scores_output", flags.scores_output)):
        if path and source.file and os.path.realpath(path) == os.path.realpath(source.file):
            raise UsageError(f"--{name}={path} is the list of the photos, too: expected another")
    models = model_choice.find_models(parents, source.counts, source.schema)
    if flags.checkpoint_path and len({folder for folders in models.values() for folder in folders}) > 1:
        raise UsageError("--checkpoint_path is one model's: --model_dir, or --category, must leave one model")

    from base.files import exclusive_file
    from base.progress import Progress
    from utility.prediction import inference, predict_all

    options = inference.options_from(vars(flags))
    count = sum(source.counts.values())
    with exclusive_file(flags.output), Progress("photos", count) as progress:
        predict_all.predict_all(
            source,
            models,
            flags.output,
            options,
            flags.eval_batch_size,
            flags.scores_output,
            progress.step,
            checkpoint=flags.checkpoint_path,
            precision=flags.precision,
        )
    print(f"{flags.output}: {counted(count, 'row')}")


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[
            "data_dir", "model_dir", "output", "scores_output", "category", "checkpoint_path", "eval_batch_size",
            "box_margin", "inference",
        ],
        required=["data_dir", "model_dir", "output"],
    )  # fmt: skip
