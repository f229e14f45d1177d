"""What a training in phases keeps in its model's folder: the clusters of its pseudo-labels, and how it began."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from base import checked_json
from base.checked_json import boolean, fields, items, number
from base.files import atomic_write
from utility.model.pseudo_labels import Clusters

FILE = "phases.json"
_LARGEST = 64 << 20  # bytes: 1 024 clusters of a hundred keypoints in four networks
_POINT = items(number(-1e6, 1e6), 2, 2)
_CLUSTERS = fields(
    {
        "centres": items(items(items(_POINT, 1, 10_000), 1, 1024), 1, 8),
        "is_soft": boolean,
        "median": number(0, 1e6),
        "states": items(number(0, 1), 3, 3),
    }
)


@dataclass(frozen=True)
class Phases:
    """The content of the file.

    Attributes:
        copies: whether later stages start from the former one's weights; not where all came from a trained model.
        clusters: {number of the stage: its Clusters}.
    """

    copies: bool = True
    clusters: Mapping[int, Clusters] = field(default_factory=dict)


def read(model_dir: str) -> Phases:
    """Reads the file of a model's folder; raises DataError where it is damaged."""
    try:
        return checked_json.read(os.path.join(model_dir, FILE), _check, _LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return Phases()


def write(model_dir: str, phases: Phases) -> None:
    """Writes the file of a model's folder."""
    clusters = {
        str(stage): {**one._asdict(), "centres": [centres.tolist() for centres in one.centres]}
        for stage, one in phases.clusters.items()
    }
    os.makedirs(model_dir, exist_ok=True)
    with atomic_write(os.path.join(model_dir, FILE)) as file:
        json.dump({"copies": phases.copies, "clusters": clusters}, file)
        file.write("\n")


def _check(value: Any, key: str) -> Phases:
    content = fields({"copies": boolean, "clusters": fields({}, dict.fromkeys("0123456789", _CLUSTERS))})(value, key)
    clusters = {int(stage): _clusters(one, f"clusters.{stage}") for stage, one in content["clusters"].items()}
    return Phases(content["copies"], clusters)


def _clusters(content: Mapping[str, Any], key: str) -> Clusters:
    try:
        centres = tuple(np.array(one, np.float32).reshape(len(one), -1, 2) for one in content["centres"])
    except ValueError as error:
        raise checked_json.Unexpected(f"{key}.centres", "as many points in each centre", content["centres"]) from error
    return Clusters(centres, content["is_soft"], content["median"], tuple(content["states"]))
