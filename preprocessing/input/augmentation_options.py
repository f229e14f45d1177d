"""What the random augmentation of the training input is told, declared once; the flags follow from here."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from base.options import option


@dataclass(frozen=True)
class AugmentationOptions:
    """How a training photo is flipped, rotated, cropped and recoloured at random."""

    flip_probability: float = option(0.5, "Probability that a training photo is flipped.", low=0, high=1)
    rotate_probability: float = option(
        0.4, "Probability that a training photo is rotated, about the centre of its keypoints.", low=0, high=1
    )
    rotate_degrees: float = option(30.0, "Maximum rotation in degrees (uniform in ±).", low=0, high=180)
    crop_probability: float = option(
        1.0, "Probability that a training photo is cropped to a box around its keypoints.", low=0, high=1
    )
    crop_area: tuple[float, ...] = option(
        (0.45, 1.0), "Least and greatest area of that box, as shares of the photo.", low=0.01, high=1
    )
    crop_aspect: tuple[float, ...] = option(
        (0.75, 1.33), "Least and greatest width of that box over its height.", low=0.1, high=10
    )
    bbox_border: float = option(
        25.0, "What the box covers beyond the keypoints on each side, in photo pixels.", low=0, high=10000
    )
    color_probability: float = option(
        1.0, "Probability that the colours of a training photo are distorted.", low=0, high=1
    )
    brightness: float = option(
        32.0 / 255.0, "Maximum change of brightness, as a share of the full range (uniform in ±).", low=0, high=1
    )
    saturation: tuple[float, ...] = option((0.5, 1.5), "Least and greatest factor of the saturation.", low=0, high=10)
    hue: float = option(0.2, "Maximum rotation of the hue, as a share of the circle (uniform in ±).", low=0, high=0.5)
    contrast: tuple[float, ...] = option((0.5, 1.5), "Least and greatest factor of the contrast.", low=0, high=10)
    resize_methods: tuple[str, ...] = option(
        ("bilinear",),
        "Methods of resizing, of which one is drawn for each training photo; bilinear is the fastest.",
        choices=("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"),
    )

    @classmethod
    def from_flags(cls, flags: Mapping[str, Any]) -> "Optional[AugmentationOptions]":
        """Returns the options that the flags {name: value} ask for, None where `augment` is off."""
        if not flags["augment"]:
            return None
        values: dict[str, Any] = {field.name: flags[field.name] for field in dataclasses.fields(cls)}
        return cls(**{name: _fixed(value) for name, value in values.items()})


def _fixed(value: Any) -> Any:
    """Returns a value that cannot be changed: lists of the command line become tuples."""
    return tuple(value) if isinstance(value, list) else value
