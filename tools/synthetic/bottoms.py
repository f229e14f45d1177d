"""Skirts and trousers in random cuts."""

import numpy as np

from tools.synthetic.poses import SIDES
from tools.synthetic.shapes import (
    Garment,
    Layer,
    bulged,
    curve,
    hem_trim,
    line,
    normals,
    offset,
    outline,
    point,
    shortened,
)


def skirt(rng, pose):
    waist = rng.uniform(0.85, 1.12)
    length = rng.uniform(0.55, 2.0)
    flare = rng.uniform(-0.04, 0.35) * min(length, 1.3)
    sag = rng.uniform(-0.01, 0.12)
    places, chains = {}, {}
    for side, sign in SIDES.items():
        band = point(rng.uniform(0.29, 0.35) * sign, waist) + rng.normal(0, 0.01, 2)
        hem = point((0.42 + flare) * sign, waist + length) + rng.normal(0, 0.03, 2)
        places.update({f"waistband_{side}": band, f"hemline_{side}": hem})
        hip = point((0.4 + 0.6 * max(flare, 0)) * sign, waist + 0.35)
        chains[side] = curve(band, hip, hem)
    top = bulged(places["waistband_left"], places["waistband_right"], -rng.uniform(0, 0.04), count=20)
    hem = bulged(places["hemline_right"], places["hemline_left"], sag, count=60)
    if rng.random() < 0.5:  # pleats: a wavy hem that is still at both ends
        count = rng.integers(3, 9)
        wave = 0.03 * np.sin(np.linspace(0, np.pi * count, len(hem))) * np.sin(np.linspace(0, np.pi, len(hem)))
        hem = hem + np.stack([np.zeros_like(wave), wave], axis=1)
    body = Layer(outline(top, chains["right"], hem, chains["left"][::-1]), "fabric", places)
    front = [body, _band(rng, top)]
    if rng.random() < 0.3:
        front.append(hem_trim(places, ("hemline_left", "hemline_right"), sag))
    return Garment([], front, dict.fromkeys(SIDES, []))


def _band(rng, top):
    """Returns the waistband below the [N, 2] upper edge."""
    lower = top + (0, rng.uniform(0.05, 0.12))
    return Layer(outline(top, lower[::-1]), str(rng.choice(["trim", "fabric", "leather"])), covers=False)


_LEGS = {"shorts": (0.28, 0.42), "knee": (0.45, 0.6), "cropped": (0.7, 0.85), "long": (0.9, 1.0)}


def trousers(rng, pose):
    waist = rng.uniform(0.92, 1.12)
    kind = rng.choice(list(_LEGS), p=(0.25, 0.15, 0.2, 0.4))
    share = rng.uniform(*_LEGS[kind])
    bottom = rng.choice([0.17, 0.24, 0.32, 0.44]) + rng.uniform(0, 0.06) + (0.16 if kind == "shorts" else 0.0)
    crotch = point(rng.normal(0, 0.01), rng.uniform(1.46, 1.6))
    bands = {side: point(rng.uniform(0.3, 0.36) * sign, waist) for side, sign in SIDES.items()}
    top = bulged(bands["left"], bands["right"], -rng.uniform(0, 0.04), count=21)
    legs = []
    for side in rng.permutation(list(SIDES)):
        path = shortened(pose.legs[side], share)
        legs.append(_trouser_leg(path, bands[side], top[10], crotch, bottom, str(side)))
    return Garment([], [*legs, _band(rng, top)], dict.fromkeys(SIDES, []))


def _trouser_leg(path, band, middle, crotch, bottom, side):
    """Returns the layer of one leg, from the waistband down the outside and up to the crotch."""
    sign = SIDES[side]
    half = np.linspace(0.4, bottom, len(path)) / 2
    outer = offset(path[6:], -sign * half[6:])
    inner = offset(path[6:], sign * half[6:])
    hip = curve(band, point(0.43 * sign, 1.3), outer[0])
    end = normals(path)[-1] * sign
    cuff = bulged(outer[-1], inner[-1], 0.0) if bottom < 0.3 else line(outer[-1], inner[-1])
    places = {
        f"waistband_{side}": band,
        f"bottom_{side}_out": outer[-1],
        f"bottom_{side}_in": inner[-1],
        "crotch": crotch,
    }
    direction = float(np.arctan2(end[1], end[0])) if sign < 0 else float(np.arctan2(-end[1], -end[0]))
    return Layer(
        outline(middle, hip, outer[1:], cuff[1:-1], inner[::-1], crotch), "fabric", places, direction=direction
    )
