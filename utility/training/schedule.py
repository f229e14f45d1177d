"""How long a training is: its steps, worked out from epochs and photos before anything runs."""

import math
from dataclasses import dataclass

from utility.training.settings import TrainingSettings


@dataclass(frozen=True)
class Schedule:
    """The length of a training, or of a phase of one, in steps of one batch.

    Attributes:
        steps_per_epoch: how many steps pass the training photos once; rarely a whole number.
        total_steps: the step at which it ends.
        steps_per_eval: from one evaluation to the next.
        start_step: the step at which it begins, with a warm-up of the learning rate.
    """

    steps_per_epoch: float
    total_steps: int
    steps_per_eval: int
    start_step: int = 0


def schedule(settings: TrainingSettings, num_images: int) -> Schedule:
    """Returns the Schedule of a training on so many photos."""
    steps_per_epoch = num_images / settings.batch_size
    total_steps = max(1, round(settings.train_epochs * steps_per_epoch))
    total_steps = min(total_steps, settings.max_steps or total_steps)
    return Schedule(steps_per_epoch, total_steps, max(1, math.ceil(settings.epochs_per_eval * steps_per_epoch)))
