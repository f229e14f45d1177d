"""How far a model's points are off: covariances of the size that errors had on photos which it was not trained on.

B photos, K keypoints. All in the unit square of the net's input.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from base import checked_json
from base import late_tensorflow as tf
from base.checked_json import Unexpected, fields, number, whole

HIGHEST_POWER = 10.0
_LARGEST_GAIN = 50.0  # of a logarithm


@dataclass(frozen=True)
class Calibration:
    """The rule: log(size of a covariance) = gain of the keypoint + power . log(size of what the codec's `spread` says).

    The size of a covariance C is det(C)^(1/4), a standard deviation; its shape is the spread's. A power above 1 says
    that maps are too narrow where they are wide: nets are too sure of what they do not know.

    Attributes:
        gains: {keypoint: gain}.
        power: from 0, all of a keypoint's covariances have one size, upwards.
        checkpoint: whose errors these are, relative to the model's folder.
        num_photos, num_points: that it was fitted on.
    """

    gains: Mapping[str, float]
    power: float
    checkpoint: str
    num_photos: int
    num_points: int

    def covariances(self, spread: Any, keypoints: Sequence[str]) -> Any:
        """Returns the covariances [B, K, 2, 2] float32, as `base.ellipses` says what they mean.

        Args:
            spread: [B, K, 2, 2] float32, of the model's codec.
            keypoints: names of the K.
        """
        gains = tf.constant([self.gains[name] for name in keypoints], tf.float32)
        sizes = log_sizes(spread, tf.math.log)
        return spread * tf.exp(2 * (gains + (self.power - 1) * sizes))[..., tf.newaxis, tf.newaxis]

    def to_json(self) -> dict[str, Any]:
        """Returns the object of JSON values that `model.json` has."""
        return dataclasses.asdict(self)


def log_sizes(covariances: Any, log: Any) -> Any:
    """Returns the logarithms of the sizes det(C)^(1/4) of covariances [..., 2, 2]: [...].

    Args:
        covariances: a tensor or an array.
        log: the logarithm for it.
    """
    xx, xy, yy = covariances[..., 0, 0], covariances[..., 0, 1], covariances[..., 1, 1]
    return log(xx * yy - xy * xy) / 4


_FIELDS = fields(
    {
        "gains": fields({}, others=True),
        "power": number(0, HIGHEST_POWER),
        "checkpoint": checked_json.name,
        "num_photos": whole(1, 10**12),
        "num_points": whole(1, 10**12),
    }
)


def of_json(value: Any, key: str) -> Calibration:
    """The check, as of `base.checked_json`, of an object that `to_json` returned."""
    content = _FIELDS(value, key)
    for name, gain in content["gains"].items():
        number(-_LARGEST_GAIN, _LARGEST_GAIN)(gain, f"{key}.gains.{name}")
    return Calibration(**content)


def check_keypoints(calibration: Calibration, keypoints: Sequence[str], key: str) -> None:
    """Raises Unexpected where a calibration is of other keypoints than a model's."""
    if set(calibration.gains) != set(keypoints):
        raise Unexpected(f"{key}.gains", f"a number for each of {', '.join(keypoints)}", list(calibration.gains))
