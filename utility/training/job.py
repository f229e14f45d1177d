"""The training of one model, planned: what its parts hand on to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from net.declarations import Phase
from utility.model.description import ModelDescription
from utility.model.pseudo_labels import Clusters
from utility.training.distribution import Distribution
from utility.training.schedule import Schedule
from utility.training.settings import TrainingSettings


@dataclass(frozen=True)
class Job:
    """The training of one model.

    Attributes:
        category: a clothing category or `all`.
        model_dir: the model's own folder.
        settings: the TrainingSettings, with the category's own values.
        model: the ModelDescription.
        images: {category: photos to train on}.
        num_validation: photos to evaluate on, 0 for no evaluation.
        schedule: the Schedule; of a part of the training, see `phases.parts`, the part's.
        distribution: who takes part.
        phase: the phase under way, where the net has phases; None: all of the net is trained.
        clusters: of the phase's pseudo-labels, where it has some.
    """

    category: str
    model_dir: str
    settings: TrainingSettings
    model: ModelDescription
    images: Mapping[str, int]
    num_validation: int
    schedule: Schedule
    distribution: Distribution
    phase: Optional[Phase] = None
    clusters: Optional[Clusters] = None
