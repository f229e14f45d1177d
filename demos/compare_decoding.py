"""Scores ways to predict with the same models, on photos with known points, and writes the table of what each is worth.

python demos/compare_decoding.py --model_dir=MODELS[,MORE] --data_dir=DATA/test_0 --ground_truth=DATA/test_0_answer.csv

Several --model_dir are averaged in rows of their own. A step is added to the rows above it only where it helps.
"""

import json
import os
import tempfile
import time

from configs import command_line

DECODINGS = ("argmax", "quarter", "expectation", "dark")
OF_CHANCES = "median"  # which maps of heights do not have
STEPS = (("flip", {"flip": True}), ("two-pass", {"two_pass": True}), ("scales", {"scales": (0.9, 1.0, 1.1)}))


def main(flags):
    """Prints the table, and writes it and its figures where asked for.

    Raises:
        DataError, DataErrors: photos, models or the ground truth are wrong.
    """
    from base.files import atomic_write
    from preprocessing.data import annotations
    from utility.prediction import photo_source, predict_all
    from utility.scoring import submission

    source = photo_source.find(flags.data_dir, flags.category, predict_all.schema_of(flags.model_dir.split(",")))
    truth = submission.of_categories(annotations.read(flags.ground_truth, source.schema), list(source.counts))
    rows = []
    for row in _compare(source, truth, flags.model_dir.split(","), flags.eval_batch_size):
        print(f"{row['name']}: NE {100 * row['ne']:.3f} %", flush=True)
        rows.append(row)
    text = _table(rows, flags, len(truth))
    print(text)
    for path, content in ((flags.output, text), (flags.json, json.dumps(rows, indent=1) + "\n")):
        if path:
            with atomic_write(path) as file:
                file.write(content)


def _compare(source, truth, parents, batch_size):
    """Yields {name, ne, seconds} of one way to predict after the other."""
    from utility.prediction.inference import Options

    def measured(name, options, models=parents[:1], precision="float32"):
        return {"name": name, **_score(source, truth, models, options, precision, batch_size)}

    decodings = (*DECODINGS, OF_CHANCES) if _learn_probabilities(parents[0], source) else DECODINGS
    decoded = [measured(decode, Options(decode=decode)) for decode in decodings]
    yield from decoded
    lowest = min(decoded, key=lambda row: row["ne"])
    best = Options(decode=lowest["name"])
    for name, change in STEPS:
        changed = best._replace(**change)
        row = measured(f"{_name(best)} + {name}", changed)
        yield row
        if row["ne"] < lowest["ne"]:
            best, lowest = changed, row
    if len(parents) > 1:
        yield measured(f"{_name(best)}, mean heatmaps of {len(parents)} models", best, parents)
        yield measured(
            f"{_name(best)}, mean points of {len(parents)} models", best._replace(average_points=True), parents
        )
    yield measured(f"{_name(best)}, bfloat16", best, precision="bfloat16")


def _learn_probabilities(parent, source):
    from utility.model import codec, model_directory
    from utility.prediction import predict_all

    folders = predict_all.find_models([parent], source.counts).values()
    return all(codec.of(model_directory.read(folder)).is_probability for (folder,) in folders)


def _name(options):
    extras = {"flip": options.flip, "two-pass": options.two_pass, "scales": len(options.scales) > 1}
    return " + ".join([options.decode, *(name for name, is_on in extras.items() if is_on)])


def _score(source, truth, parents, options, precision, batch_size):
    """Returns {ne, seconds} of a prediction of all photos."""
    from preprocessing.data import annotations
    from utility.prediction import predict_all
    from utility.scoring import scoring, submission

    models = predict_all.find_models(parents, source.counts)
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "submission.csv")
        start = time.perf_counter()
        predict_all.predict_all(source, models, output, options, batch_size, precision=precision, checkpoint=None)
        seconds = time.perf_counter() - start
        prediction = annotations.read(output, source.schema)
    points = prediction.points[submission.aligned_rows(prediction, truth)]
    return {"ne": scoring.score(truth, points)["ne"], "seconds": seconds}


def _table(rows, flags, photos):
    lines = ["| prediction | NE, % | against plain argmax | seconds |", "|---|---|---|---|"]
    for row in rows:
        change = 100 * (row["ne"] - rows[0]["ne"])
        lines.append(f"| {row['name']} | {100 * row['ne']:.3f} | {change:+.3f} | {row['seconds']:.0f} |")
    return "\n".join([*lines, "", f"{photos} photos of `{flags.data_dir}`, models `{flags.model_dir}`.", ""])


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["model_dir", "data_dir", "ground_truth", "category", "eval_batch_size", "output", "json"],
        required=["model_dir", "data_dir", "ground_truth"],
    )
