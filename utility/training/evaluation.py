"""The evaluations of a training: NE by step, the best checkpoint, when to stop early."""

import gc
import logging
import math

from base.plain_paths import plain
from utility.model import checkpoints
from utility.training.best_checkpoint import BestCheckpoint, add_metrics, read_metrics
from utility.training.hooks import LeaveEvaluationHook
from utility.training.pictures import PicturesHook, evaluation_folder

_log = logging.getLogger(__name__)


class Evaluation:
    """Evaluates checkpoints of one training on its validation photos.

    Args:
        estimator: of this machine alone, whatever shares the training.
        model_dir: the model's own folder.
        model: the model's description.
        input_fn: the validation photos.
        early_stopping: evaluations without a better one after which to stop; 0 for never.
        stop: the `hooks.Stop` that ends an evaluation under way.
        since: the step at which the phase under way began: what was measured until then is of another net.

    Attributes:
        best: the BestCheckpoint.
    """

    def __init__(self, estimator, model_dir, model, input_fn, early_stopping, stop, since=0):
        self._estimator, self._input_fn, self._title = estimator, input_fn, model.category
        self._model_dir = model_dir
        self._early_stopping, self._since = early_stopping, since
        pictures = PicturesHook(evaluation_folder(estimator.model_dir), model)
        self._hooks = [LeaveEvaluationHook(stop), pictures]
        self.best = BestCheckpoint(model_dir, since)

    def __call__(self, checkpoint):
        """Evaluates a checkpoint (a prefix), keeps it if it is the best, and returns whether to stop the training."""
        result = self._evaluate(checkpoint)
        step, ne = int(result["global_step"]), float(result["ne"])
        is_best = self.best.offer(checkpoint, step, ne)
        # The row comes last: an evaluation that was cut off before it is made again.
        add_metrics(self._model_dir, step, float(result["loss"]), ne)
        known = "the best so far" if is_best else f"best {self.best.ne:.4f} at step {self.best.step}"
        _log.info("%s: step %d NE %.4f on validation, %s", self._title, step, ne, known)
        return self.should_stop()

    def measure_apart(self, checkpoint, name):
        """Returns the NE of a checkpoint, without a row for it; its figures go to TensorBoard under `name`."""
        return float(self._evaluate(checkpoint, name)["ne"])

    def _evaluate(self, checkpoint, name=None):
        prefix = plain(checkpoint)
        result = self._estimator.evaluate(self._input_fn, hooks=self._hooks, checkpoint_path=prefix, name=name)
        gc.collect()  # its graph refers to itself: the memory of some ten evaluations would pile up
        return result

    def is_missing(self, checkpoint):
        """Returns whether the checkpoint's step has not been evaluated."""
        return checkpoints.read_step(checkpoint) not in set(read_metrics(self._model_dir)["step"])

    def should_stop(self):
        """Returns whether the last evaluations, as many as early stopping asks for, were no better than one before."""
        table = read_metrics(self._model_dir)
        own = table["ne"][table["step"] > self._since] if self._since else table["ne"]
        errors = [ne if math.isfinite(ne) else math.inf for ne in own]
        if not self._early_stopping or len(errors) <= self._early_stopping:
            return False
        return min(errors[-self._early_stopping :]) >= min(errors[: -self._early_stopping])
