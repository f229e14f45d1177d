"""Scores ways to predict with the same models, on photos with known points, and writes the table of what each is worth.

Each row's difference from the first has a 95 % interval (paired bootstrap over photos): one that holds 0 may be chance.

python demos/compare_decoding.py --model_dir=MODELS[,MORE] --data_dir=DATA/test_0 --ground_truth=DATA/test_0_answer.csv

Several --model_dir are averaged in rows of their own. A step is added to the rows above it only where it helps.
"""

import dataclasses
import json
import os
import tempfile
import time

from configs import command_line, paths

DECODINGS = ("argmax", "quarter", "expectation", "dark")
OF_PROBABILITIES = "median"  # needs probability heatmaps
STEPS = (("flip", {"flip": True}), ("two-pass", {"two_pass": True}), ("scales", {"scales": (0.9, 1.0, 1.1)}))


def main(flags):
    """Prints the table, and writes it and its figures where asked for.

    Raises:
        DataError, DataErrors: photos, models or the ground truth are wrong.
    """
    from base.files import atomic_write
    from preprocessing.data import annotations
    from utility.prediction import model_choice, photo_source
    from utility.scoring import bootstrap, submission

    schema = model_choice.schema_for(paths.listed(flags.model_dir), flags.data_dir, flags.category)
    source = photo_source.find(flags.data_dir, flags.category, schema)
    truth = submission.of_categories(annotations.read(flags.ground_truth, source.schema), list(source.counts))
    rows = []
    first = None
    for row in _compare(source, truth, paths.listed(flags.model_dir), flags.eval_batch_size):
        print(f"{row['name']}: NE {100 * row['ne']:.3f} %", flush=True)
        points = row.pop("points")
        first = points if first is None else first
        difference = bootstrap.difference(truth, points, first)
        rows.append({**row, "difference": difference and dataclasses.asdict(difference)})
    text = _table(rows, flags, len(truth))
    print(text)
    for path, content in ((flags.output, text), (flags.json, json.dumps(rows, indent=1) + "\n")):
        if path:
            with atomic_write(path) as file:
                file.write(content)


def _compare(source, truth, parents, batch_size):
    """Yields {name, ne, points, seconds} of one way to predict after the other."""
    from utility.prediction.inference import Options

    def measured(name, options, models=parents[:1], precision="float32"):
        return {"name": name, **_score(source, truth, models, options, precision, batch_size)}

    decodings = (*DECODINGS, OF_PROBABILITIES) if _learn_probabilities(parents[0], source) else DECODINGS
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
    from utility.prediction import model_choice

    folders = model_choice.find_models([parent], source.counts, source.schema).values()
    return all(codec.of(model_directory.read(folder)).is_probability for (folder,) in folders)


def _name(options):
    extras = {"flip": options.flip, "two-pass": options.two_pass, "scales": len(options.scales) > 1}
    return " + ".join([options.decode, *(name for name, is_on in extras.items() if is_on)])


def _score(source, truth, parents, options, precision, batch_size):
    """Returns {ne, points, seconds} of a prediction of all photos; points [N, K, 2] px, in the order of `truth`."""
    from preprocessing.data import annotations
    from utility.prediction import model_choice, predict_all
    from utility.scoring import scoring, submission

    models = model_choice.find_models(parents, source.counts, source.schema)
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "submission.csv")
        start = time.perf_counter()
        predict_all.predict_all(predict_all.Work(source, models, options, batch_size, precision=precision), output)
        seconds = time.perf_counter() - start
        prediction = annotations.read(output, source.schema)
    points = prediction.points[submission.aligned_rows(prediction, truth)]
    return {"ne": scoring.score(truth, points)["ne"], "points": points, "seconds": seconds}


def _table(rows, flags, photos):
    lines = ["| prediction | NE, % | less plain argmax's (95 % interval) | seconds |", "|---|---|---|---|"]
    for row in rows:
        change = {name: 100 * row["difference"][name] for name in ("value", "low", "high")}
        text = "" if row is rows[0] else "{value:+.2f} ({low:+.2f} to {high:+.2f})".format(**change)
        lines.append(f"| {row['name']} | {100 * row['ne']:.3f} | {text} | {row['seconds']:.0f} |")
    return "\n".join([*lines, "", f"{photos} photos of `{flags.data_dir}`, models `{flags.model_dir}`.", ""])


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["model_dir", "data_dir", "ground_truth", "category", "eval_batch_size", "output", "json"],
        required=["model_dir", "data_dir", "ground_truth"],
    )
