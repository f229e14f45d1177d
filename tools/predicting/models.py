"""Which models predict photos of which garment: what --model_dir and --category say together."""

from base.errors import DataError, UsageError
from base.schema import ALL
from configs import paths


def choose(parents, category):
    """Returns the folders of the models to average and the garment that they find.

    Raises:
        UsageError: the models know several garments and --category does not say which.
        DataError: there is no model.
    """
    from utility.model import model_directory
    from utility.prediction import model_choice

    if category is None:
        known = set.intersection(*(set(model_directory.find(parent)) for parent in parents))
        category = known.pop() if len(known) == 1 else None
    if category not in (None, ALL):
        try:
            return model_choice.find_models(parents, [category])[category], category
        except DataError:
            if category in model_choice.garments(parents):
                raise
    names = model_choice.garments(parents)
    raise UsageError(f"--category must name the garment in the photos: one of {', '.join(names)}")


def load(flags):
    """Returns the Predictor that a program's flags ask for, and the garment that it finds.

    Raises:
        UsageError: as for `choose`; or there are several models, and a checkpoint of one.
        DataError: a model is missing or wrong.
    """
    folders, category = choose(paths.listed(flags.model_dir), flags.category)
    if flags.checkpoint_path and len(folders) > 1:
        raise UsageError("--checkpoint_path is one model's: --model_dir must name one model")

    from utility.prediction import inference
    from utility.prediction.predictor import Predictor

    options = inference.options_from(vars(flags))
    return Predictor(folders, category, flags.checkpoint_path, options, flags.precision), category
