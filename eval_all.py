"""Predicts every photo of a test set, each category with its model, and writes the competition's CSV.

A prediction that was stopped goes on with the same command. Several model folders, with commas between, are averaged.
--shard=I/N predicts a part, anywhere; --merge makes the CSV of all parts. --engine=ray predicts on a Ray cluster.
Where test.csv has a column `box` (x0_y0_x1_y1), each row is predicted within its box, and the CSV has that column, too.
"""

import contextlib
import os

from base.errors import UsageError
from base.wording import counted
from configs import command_line, cross_checks, paths


def main(flags):
    """Writes the submission, or a part of it.

    Raises:
        UsageError: flags contradict each other.
        DataError, DataErrors: photos, models or the output's place are wrong.
    """
    cross_checks.check_inference(flags)
    part = cross_checks.check_division(flags)
    work = _work(flags)

    from base.files import exclusive_file
    from utility.prediction import predict_all

    if part:
        with _steps(flags, work.num_photos(part)) as step:
            predict_all.predict_part(work, part, flags.output, step, flags.engine)
        print(f"{flags.output}: part {part} is done, {counted(work.num_photos(part), 'row')}")
        return
    with exclusive_file(flags.output):
        if flags.merge:
            predict_all.merge(work, flags.output, flags.scores_output)
        else:
            with _steps(flags, work.num_photos()) as step:
                predict_all.predict_all(work, flags.output, flags.scores_output, step, flags.engine)
    print(f"{flags.output}: {counted(work.num_photos(), 'row')}")


def _work(flags):
    """Returns the predict_all.Work that the flags ask for."""
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

    from utility.prediction import inference, predict_all

    options, precision = inference.options_from(vars(flags)), flags.precision
    return predict_all.Work(source, models, options, flags.eval_batch_size, flags.checkpoint_path, precision)


@contextlib.contextmanager
def _steps(flags, count):
    """Yields what is to be called for each of `count` photos, while the engine of the flags is there."""
    from base import cluster
    from base.progress import Progress

    ray = cluster.connected(flags.ray_address, flags.verbosity) if flags.engine == "ray" else contextlib.nullcontext()
    with ray, Progress("photos", count) as progress:
        yield progress.step


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[
            "data_dir", "model_dir", "output", "scores_output", "category", "checkpoint_path", "eval_batch_size",
            "box_margin", "inference", "division",
        ],
        required=["data_dir", "model_dir", "output"],
        streamed=["data_dir"],
    )  # fmt: skip
