"""The prediction of boxes, photo by photo: as many in memory as make a batch, and every model that they need."""

import collections

from base.errors import DataError
from base.progress import Progress
from base.remote import places
from base.schema import ALL
from tools.predicting import results
from utility import drawing
from utility.model import model_directory
from utility.prediction import inference, photo_reading
from utility.prediction.predictor import Predictor


def predict(work, models, flags):
    """Predicts and writes everything, some photos at a time.

    Args:
        work: (PhotoBoxes, name of its picture, names of the results of its boxes) for each photo; without endings.
        models: {category: folders of the models to average}.
        flags: those of the program.

    Returns:
        a DataError for each photo that cannot be read; the others are done.

    Raises:
        DataError: a model is wrong, or something cannot be written.
    """
    predictors = _Predictors(models, flags)
    faults = []
    count = sum(len(photo.garments) for photo, *_ in work)
    with results.table(flags.output_dir, has_boxes=True) as table, Progress("boxes", count) as progress:
        for batch in _batches(work, flags.eval_batch_size, faults):
            found = iter(
                predictors.find([(image, garment) for (photo, *_), image in batch for garment in photo.garments])
            )
            for (photo, output, numbered), image in batch:
                for garment, name in zip(photo.garments, numbered):
                    prediction, schema = next(found)
                    image = results.draw(image, schema, prediction, garment.box)
                    score = {} if garment.score is None else {"box_score": garment.score}
                    seen = {"image": places.shown(photo.path), "box": garment.box, **score}
                    results.write_json(f"{name}.json", {**seen, **prediction})
                    results.write_rows(table, photo.path, "", prediction, garment.box)
                    progress.step()
                drawing.save(f"{output}.png", image)
    return faults


def _batches(work, size, faults):
    """Yields lists of (entry of the work, image [H, W, 3] uint8 RGB) with `size` boxes together, or a few more."""
    batch, boxes = [], 0
    for entry in work:
        try:
            image = photo_reading.read(entry[0].path)
        except DataError as error:
            faults.append(error)
            continue
        batch.append((entry, image))
        boxes += len(entry[0].garments)
        if boxes >= size:
            yield batch
            batch, boxes = [], 0
    if batch:
        yield batch


class _Predictors:
    """The models of several categories, each loaded when it is first needed.

    Args:
        models: {category: folders of the models to average}.
        flags: how to predict.
    """

    def __init__(self, models, flags):
        self._flags, self._loaded = flags, {}
        self._wanted = {}
        for category, folders in models.items():
            # A model of `all` is loaded once for every category.
            whole = all(model_directory.read(folder).category == ALL for folder in folders)
            self._wanted[category] = tuple(folders), ALL if whole else category

    def find(self, garments):
        """Returns (Prediction, Schema) for each (image, GarmentBox)."""
        groups = collections.defaultdict(list)
        for number, (_, garment) in enumerate(garments):
            groups[self._wanted[garment.category]].append(number)
        found, size = {}, self._flags.eval_batch_size
        for wanted, numbers in groups.items():
            predictor = self._predictor(wanted)
            for start in range(0, len(numbers), size):
                part = numbers[start : start + size]
                images, boxes = zip(*(garments[number] for number in part))
                categories = [garment.category for garment in boxes]
                predictions = predictor.predict_batch(images, categories, [garment.box for garment in boxes])
                found.update(zip(part, ((prediction, predictor.schema) for prediction in predictions)))
        return [found[number] for number in range(len(garments))]

    def _predictor(self, wanted):
        if wanted not in self._loaded:
            flags = self._flags
            options = inference.options_from(vars(flags))
            self._loaded[wanted] = Predictor(
                *wanted, options=options, checkpoint=flags.checkpoint_path, precision=flags.precision
            )
        return self._loaded[wanted]
