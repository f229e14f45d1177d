"""How a body stands: the paths of its arms and legs, and the bending of the whole plane."""

import dataclasses

import numpy as np

from tools.synthetic.shapes import curve, point, shortened

SIDES = {"left": -1.0, "right": 1.0}  # the image's left and right, as the data set names its keypoints

# Angles in degrees, outward from straight down, of the upper arm and of the forearm: lowest and highest.
_ARMS = {
    "hanging": ((6, 28), (-6, 24)),
    "spread": ((30, 60), (25, 55)),
    "on_hip": ((35, 60), (-60, -30)),
    "in_front": ((10, 30), (-95, -50)),
    "raised": ((60, 105), (120, 175)),
}
_ARM_SHARES = (0.6, 0.16, 0.14, 0.06, 0.04)


@dataclasses.dataclass
class Pose:
    """Paths in the body plane, by side.

    Attributes:
        arms: [24, 2] from the shoulder to the wrist.
        legs: [24, 2] from the hip to the ankle.
        behind: whether the arm goes behind the body.
    """

    arms: dict
    legs: dict
    behind: dict


def random_pose(rng, worn):
    """Draws a pose; a garment that nobody wears has its sleeves spread or hanging, and its legs almost straight."""
    arms, legs, behind = {}, {}, {}
    names = list(_ARMS) if worn else ["hanging", "spread"]
    shares = np.array(_ARM_SHARES[: len(names)])
    both = rng.choice(names, p=shares / shares.sum())
    for side, sign in SIDES.items():
        kind = both if rng.random() < 0.75 else rng.choice(names, p=shares / shares.sum())
        arms[side] = _arm(rng, kind) * (sign, 1.0)
        behind[side] = worn and kind in ("hanging", "on_hip") and rng.random() < 0.15
        legs[side] = _leg(rng, 14 if worn else 7) * (sign, 1.0)
    return Pose(arms, legs, behind)


def _arm(rng, kind):
    """Returns the path of a right arm of the given kind."""
    upper, fore = (np.deg2rad(rng.uniform(*bounds)) for bounds in _ARMS[kind])
    shoulder = point(0.41, 0.22)
    elbow = shoulder + rng.uniform(0.62, 0.7) * point(np.sin(upper), np.cos(upper))
    wrist = elbow + rng.uniform(0.58, 0.66) * point(np.sin(fore), np.cos(fore))
    return shortened(curve(shoulder, elbow, wrist, weight=2.5, count=60), 1.0)


def _leg(rng, spread):
    """Returns the path of a right leg, its thigh up to `spread` degrees outward."""
    thigh = np.deg2rad(rng.uniform(0, spread))
    shin = thigh + np.deg2rad(rng.uniform(-8, 8))
    hip = point(0.21, 1.42)
    knee = hip + rng.uniform(0.9, 1.05) * point(np.sin(thigh), np.cos(thigh))
    ankle = knee + rng.uniform(0.9, 1.05) * point(np.sin(shin), np.cos(shin))
    return shortened(curve(hip, knee, ankle, weight=2.5, count=60), 1.0)


def random_bend(rng, worn):
    """Draws how the plane is bent: the body leans, turns a little, and nothing hangs quite straight.

    Returns:
        A function from [N, 2] points of the body plane to [N, 2] points of it.
    """
    strength = 1.0 if worn else 0.6
    turn = rng.uniform(-0.16, 0.16) * strength
    narrow = rng.uniform(0.82, 1.0) if worn else 1.0
    lean = rng.normal(0, 0.06) * strength
    frequency = rng.uniform(0.8, 2.4, (2, 2))
    phase = rng.uniform(0, 2 * np.pi, 2)
    amplitude = rng.uniform(0, 0.03, 2) * strength

    def bend(points):
        x, y = np.asarray(points, np.float64).T
        x = x * narrow * (1 + turn * np.tanh(x)) + lean * y
        sway = amplitude[:, None] * np.sin(frequency @ np.stack([x, y]) + phase[:, None])
        return np.stack([x + sway[0], y + sway[1]], axis=1)

    return bend
