"""How often a training went back for a loss that was not finite: each time it goes on with half the learning rate."""

import json
import os

from base import checked_json
from base.files import atomic_write

NAME = "rollbacks.json"
_SMALLEST_FACTOR = 1 / 1024
_CONTENT = checked_json.fields({"rate_factor": checked_json.number(_SMALLEST_FACTOR, 1)}, others=True)


def rate_factor(model_dir: str) -> float:
    """Returns the factor of the learning rate that the rollbacks of a model's training left: 1 without any.

    Raises:
        DataError: the note of them is damaged.
    """
    try:
        return checked_json.read(os.path.join(model_dir, NAME), _CONTENT)["rate_factor"]
    except (FileNotFoundError, NotADirectoryError):
        return 1.0


def add(model_dir: str, factor: float) -> bool:
    """Halves the factor that a training went on with; returns False where that has not helped often enough."""
    if factor / 2 < _SMALLEST_FACTOR:
        return False
    with atomic_write(os.path.join(model_dir, NAME), encoding="utf-8") as file:
        json.dump({"rate_factor": factor / 2}, file)
    return True
