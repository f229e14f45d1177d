"""Scores how well models tell the visibility of keypoints: the recall of each of the three states, and their mean.

python demos/score_visibility.py --model_dir=MODELS --data_dir=DATA/test_0 --ground_truth=DATA/test_0_answer.csv

The mean of the three recalls, balanced accuracy, is a third for whoever guesses.
"""

import json
import os

from configs import command_line, cross_checks, paths

STATES = ("visible", "occluded", "absent")
_VALUES = (1, 0, -1)  # of the CSV


def main(flags):
    """Prints the recalls, and writes them where asked for.

    Raises:
        DataError: a photo, the models or the ground truth are wrong; a model does not tell the visibility.
    """
    cross_checks.check_inference(flags)
    from base.files import atomic_write
    from base.progress import Progress
    from preprocessing.data import annotations
    from utility.prediction import model_choice

    parents = paths.listed(flags.model_dir)
    schema = model_choice.schema_for(parents, flags.data_dir)
    truth = annotations.read(flags.ground_truth, schema)
    pairs = []
    with Progress("photos", len(truth)) as progress:
        for row in _states(flags, parents, truth, schema):
            pairs += row
            progress.step()
    figures = recalls(*zip(*pairs))
    for state, figure in figures.items():
        print(f"{state}: {figure:.4f}")
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(figures, indent=1) + "\n")


def _states(flags, parents, truth, schema):
    """Yields [(true state, most likely state)] of the keypoints of one photo after the other, numbers among STATES."""
    from base.errors import DataError
    from utility.prediction import engines, inference, model_choice, photo_reading
    from utility.prediction.predictor import Predictor

    options = inference.options_from(vars(flags))
    folders = model_choice.find_models(parents, dict.fromkeys(truth.categories), schema)
    models = {category: engines.model_of(folders, category) for category in folders}
    predictors = {model: Predictor(*model, options=options) for model in set(models.values())}
    for number, (image_id, category) in enumerate(zip(truth.image_ids, truth.categories)):
        image = photo_reading.read(os.path.join(flags.data_dir, image_id))
        box = None if truth.boxes is None else truth.boxes[number]
        (found,) = predictors[models[category]].predict_batch([image], [category], [box])
        row = []
        for index, (name, point) in zip(schema.keypoint_indices(category), found["keypoints"].items()):
            if "visibility" not in point:
                raise DataError(flags.model_dir, category, f"does not tell whether {name} is visible: expected DFA")
            likely = max(range(len(STATES)), key=lambda state, own=point: own["visibility"][STATES[state]])
            row.append((_VALUES.index(truth.visibility[number][index]), likely))
        yield row


def recalls(true, found):
    """Returns {state: share of its keypoints that were told so}, and their mean as `balanced accuracy`.

    Args:
        true, found: numbers among STATES, of as many keypoints. A state that no keypoint has is left out.
    """
    figures = {}
    for number, state in enumerate(STATES):
        own = [told == number for one, told in zip(true, found) if one == number]
        if own:
            figures[state] = sum(own) / len(own)
    return {**figures, "balanced accuracy": sum(figures.values()) / len(figures)}


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["model_dir", "data_dir", "ground_truth", "json", "box_margin", "inference"],
        required=["model_dir", "data_dir", "ground_truth"],
    )
