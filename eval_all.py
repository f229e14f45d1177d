"""Predicts every photo of a test set, each category with its model, and writes the competition's CSV.

A prediction that was stopped goes on with the same command. Several model folders, with commas between, are averaged.
"""

import os

from base.errors import UsageError
from base.wording import counted
from configs import command_line, cross_checks


def main(flags):
    """Writes the submission.

    Raises:
        UsageError: flags contradict each other.
        DataError, DataErrors: photos, models or the output's place are wrong.
    """
    cross_checks.check_inference(flags)

    from base.files import exclusive_file
    from base.progress import Progress
    from utility.prediction import inference, photo_source, predict_all

    parents = flags.model_dir.split(",")
    schema = predict_all.schema_of(parents)
    cross_checks.check_category(flags, schema)
    source = photo_source.find(flags.data_dir, flags.category, schema)
    for name, path in (("output", flags.output), ("scores_output", flags.scores_output)):
        if path and source.file and os.path.realpath(path) == os.path.realpath(source.file):
            raise UsageError(f"--{name}={path} is the list of the photos, too: another would be right")
    models = predict_all.find_models(parents, source.counts)
    if flags.checkpoint_path and len({folder for folders in models.values() for folder in folders}) > 1:
        raise UsageError("--checkpoint_path is one model's: --model_dir, or --category, must leave one model")
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
    print(f"{flags.output}: {counted(count, 'photo')}")


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[
            "data_dir", "model_dir", "output", "scores_output", "category", "checkpoint_path", "eval_batch_size",
            "inference",
        ],
        required=["data_dir", "model_dir", "output"],
    )  # fmt: skip
