"""Blouses, dresses and outwear: random cuts of garments for the upper body.

A style decides which keypoints exist: a sleeveless dress has no cuffs, a straight coat no waistline.
"""

import dataclasses

import numpy as np

from tools.synthetic.poses import SIDES
from tools.synthetic.shapes import (
    Garment,
    Layer,
    bulged,
    curve,
    hem_trim,
    line,
    offset,
    outline,
    point,
    shortened,
    tube,
)


@dataclasses.dataclass
class _Cut:
    """Measures of a garment for the upper body, for its right half, in units of the body plane."""

    neck: np.ndarray
    center: np.ndarray
    neck_shape: str
    shoulder: np.ndarray
    armpit: np.ndarray
    waist: np.ndarray
    hem: np.ndarray
    has_waistline: bool
    straps: bool
    sleeve: float  # share of the arm that is covered, 0 for none
    cuff: float  # breadth of the sleeve's end
    hem_sag: float


_SLEEVES = {"cap": (0.2, 0.26), "short": (0.3, 0.4), "half": (0.45, 0.55), "long": (0.9, 1.0)}
_NECKS = {  # depth of the centre below the neck's side, half breadth of the neckline: lowest and highest
    "round": ((0.1, 0.3), (0.16, 0.28)),
    "v": ((0.25, 0.55), (0.14, 0.24)),
    "square": ((0.15, 0.35), (0.2, 0.3)),
    "boat": ((0.06, 0.1), (0.26, 0.34)),
    "turtle": ((0.03, 0.06), (0.13, 0.16)),
}


def blouse(rng, pose):
    length = rng.uniform(1.0, 1.5)
    cut = _random_cut(rng, "blouse", length, flare=rng.uniform(-0.04, 0.14))
    return _upper_garment(rng, pose, cut, "top_hem")


def dress(rng, pose):
    length = rng.uniform(1.7, 2.7)
    cut = _random_cut(rng, "dress", length, flare=rng.uniform(-0.06, 0.4))
    garment = _upper_garment(rng, pose, cut, "hemline")
    if cut.has_waistline:
        garment.front.append(_belt(garment.front[0].points, ("waistline_left", "waistline_right"), rng))
    return garment


def outwear(rng, pose):
    length = rng.uniform(1.2, 2.1)
    cut = _random_cut(rng, "outwear", length, flare=rng.uniform(-0.02, 0.16))
    garment = _upper_garment(rng, pose, cut, "top_hem")
    body = garment.front[0]
    del body.points["center_front"]
    if cut.has_waistline:
        garment.front.append(_belt(body.points, ("waistline_left", "waistline_right"), rng))
    garment.front += _opening(rng, body.points)
    if rng.random() < 0.35:
        garment.back.append(_hood(rng, cut))
    return garment


def _random_cut(rng, category, length, flare):
    """Draws the measures of an upper garment that ends `length` below the neck and widens by `flare`."""
    shape = "v" if category == "outwear" else rng.choice(list(_NECKS), p=(0.35, 0.25, 0.15, 0.1, 0.15))
    drop, breadth = (rng.uniform(*bounds) for bounds in _NECKS[shape])
    lift = -0.1 if shape == "turtle" else 0.0
    kind = rng.choice(list(_SLEEVES), p=(0.1, 0.25, 0.2, 0.45) if category != "outwear" else (0, 0, 0.1, 0.9))
    bare = rng.random() < {"blouse": 0.08, "dress": 0.35, "outwear": 0.03}[category]
    straps = bare and category == "dress" and rng.random() < 0.4
    loose = rng.uniform(0, 0.07) + (0.05 if category == "outwear" else 0.0)
    has_waistline = category != "blouse" and rng.random() < {"dress": 0.65, "outwear": 0.4}[category]
    waist = (0.26 if has_waistline else 0.33) + rng.uniform(0, 0.05) + loose
    return _Cut(
        neck=point(breadth, lift + rng.uniform(-0.02, 0.02)),
        center=point(rng.normal(0, 0.008), lift + drop),
        neck_shape=shape,
        shoulder=point(0.36 if bare else rng.uniform(0.43, 0.5) + loose / 2, rng.uniform(0.08, 0.16)),
        armpit=point(0.37 + rng.uniform(0, 0.03) + loose, 0.46 + rng.uniform(0, 0.1)),
        waist=point(waist, rng.uniform(0.88, 1.05)),
        hem=point(0.38 + loose + max(flare * min(length, 2.2) / 1.2, -0.08), length),
        has_waistline=has_waistline,
        straps=straps,
        sleeve=0.0 if bare else rng.uniform(*_SLEEVES[kind]),
        cuff=rng.uniform(0.15, 0.22) + (loose if kind == "long" else 0.06) + 0.2 * (rng.random() < 0.2),
        hem_sag=rng.uniform(-0.02, 0.1),
    )


def _upper_garment(rng, pose, cut, hem_name):
    """Returns the garment with its trunk, lining, sleeves, and a trim now and then."""
    trunk = _trunk(rng, cut, hem_name)
    back, front = [], [trunk]
    if cut.straps:
        front += [_strap(trunk, side) for side in SIDES]
    elif cut.neck_shape != "turtle":
        nape = cut.neck + point(0, -0.02)
        rim = curve(nape * (-1, 1), point(0, nape[1] + 0.1), nape)
        back.append(Layer(outline(rim, cut.center + point(0, 0.05)), "lining", covers=False))
    sleeves = {side: _sleeve(cut, pose.arms[side], trunk.points, side) for side in SIDES}
    if rng.random() < 0.3:
        front.append(hem_trim(trunk.points, (f"{hem_name}_left", f"{hem_name}_right"), cut.hem_sag))
    if rng.random() < 0.3:
        front += _buttons(rng, cut)
    return Garment(back, front, sleeves)


def _trunk(rng, cut, hem_name):
    """Returns the layer from the neckline to the hem, with all keypoints but the cuffs."""
    places, chains = {"center_front": cut.center}, {}
    for side, sign in SIDES.items():
        flip = point(sign, 1)
        jitter = rng.normal(0, 0.012, (5, 2))
        neck, shoulder, armpit, waist, hem = (
            getattr(cut, name) * flip + shift
            for name, shift in zip(("neck", "shoulder", "armpit", "waist", "hem"), jitter)
        )
        places.update({f"neckline_{side}": neck, f"armpit_{side}": armpit, f"{hem_name}_{side}": hem})
        if cut.straps:
            top = [line(point(0.7 * armpit[0], cut.center[1] - 0.02), armpit)]
            places[f"neckline_{side}"] = point(0.62 * armpit[0], 0.02)
        else:
            armhole = line if cut.sleeve else _armhole
            top = [line(neck, shoulder), armhole(shoulder, armpit)]
            places[f"shoulder_{side}"] = shoulder
        if cut.has_waistline:
            places[f"waistline_{side}"] = waist
            hip = point(hem[0] * 0.75 + 0.25 * waist[0] + 0.08 * sign, waist[1] + 0.25 * (hem[1] - waist[1]))
            flank = [curve(armpit, (armpit + waist) / 2 - point(0.03 * sign, 0), waist), curve(waist, hip, hem)]
        else:
            flank = [curve(armpit, waist, hem)]
        chains[side] = outline(*top, *flank)
    return Layer(
        outline(
            _neckline(cut, places),
            chains["right"],
            bulged(places[f"{hem_name}_right"], places[f"{hem_name}_left"], cut.hem_sag, count=24),
            chains["left"][::-1],
        ),
        "fabric",
        places,
    )


def _armhole(shoulder, armpit):
    """Returns the curve from the shoulder to under the arm where no sleeve is sewn on."""
    inside = point(min(abs(shoulder[0]), abs(armpit[0])) - 0.05, armpit[1] - 0.08)
    return curve(shoulder, inside * (np.sign(armpit[0]), 1), armpit)


def _neckline(cut, places):
    """Returns the contour from the left side of the neck through center_front to the right one."""
    center = places["center_front"]
    if cut.straps:
        left, right = (point(0.7 * places[f"armpit_{side}"][0], center[1] - 0.02) for side in SIDES)
        return outline(line(left, center), line(center, right)[1:])
    left, right = places["neckline_left"], places["neckline_right"]
    if cut.neck_shape == "v":
        return outline(line(left, center), line(center, right)[1:])
    if cut.neck_shape == "square":
        corners = [point(0.85 * side[0], center[1]) for side in (left, right)]
        return outline(line(left, corners[0]), center, line(corners[1], right))
    halves = [curve(side, point(side[0] * 0.9, center[1]), center) for side in (left, right)]
    return outline(halves[0], halves[1][::-1][1:])


def _sleeve(cut, arm, places, side):
    """Returns the sleeve along the arm as a list of one layer, or none."""
    if not cut.sleeve:
        return []
    sign = SIDES[side]
    path = shortened(arm, cut.sleeve)
    upper_width = 0.31 if cut.sleeve > 0.3 else 0.3
    half = np.linspace(upper_width, max(cut.cuff, 0.27 * (cut.sleeve < 0.6)), len(path)) / 2
    # Near the body the sleeve runs from the shoulder and the armpit, wherever the arm is.
    start = int(np.clip(7 / cut.sleeve, 8, 21))
    outer = offset(path[start:], -sign * half[start:])
    inner = offset(path[start:], sign * half[start:])
    shoulder, armpit = places[f"shoulder_{side}"], places[f"armpit_{side}"]
    tangent = (path[-1] - path[-3]) / np.linalg.norm(path[-1] - path[-3])
    outer = _beyond_armhole(outer, shoulder, armpit, sign, shoulder + 0.1 * tangent)
    inner = _beyond_armhole(inner, shoulder, armpit, sign, armpit + 0.1 * tangent)
    cuffs = {f"cuff_{side}_out": outer[-1], f"cuff_{side}_in": inner[-1]}
    return [
        Layer(
            outline(shoulder, outer, inner[::-1], armpit),
            "fabric",
            {**cuffs, f"shoulder_{side}": shoulder, f"armpit_{side}": armpit},
            direction=float(np.arctan2(-tangent[0], tangent[1])),
        )
    ]


def _beyond_armhole(edge, shoulder, armpit, sign, shortest):
    """Returns the [N, 2] edge of a sleeve without what lies over the trunk beside the seam.

    A sleeve too short to have an end beyond the seam ends at `shortest`.
    """
    seam, reach = armpit - shoulder, edge - shoulder
    outside = sign * (seam[1] * reach[:, 0] - seam[0] * reach[:, 1]) > 0.02
    keep = outside | (edge[:, 1] > armpit[1] + 0.03)
    return edge[keep] if keep[-1] else shortest[None]


def _strap(trunk, side):
    """Returns the band from the top of a strap to the trunk."""
    top = trunk.points[f"neckline_{side}"]
    inner = point(0.035 * SIDES[side], 0)
    bottom = point(0.75 * trunk.points[f"armpit_{side}"][0], trunk.points["center_front"][1] + 0.06)
    band = outline(line(top, top + inner, 3), line(bottom + inner, bottom, 3))
    return Layer(band, "fabric", {f"neckline_{side}": top})


def _belt(places, names, rng):
    """Returns a belt or a seam that joins two keypoints."""
    height = rng.choice([0.012, 0.035, 0.05])
    path = line(places[names[0]], places[names[1]], 12)
    return Layer(tube(path, 2 * height, 2 * height), str(rng.choice(["trim", "leather"])), covers=False)


def _buttons(rng, cut):
    """Returns a row of buttons below the neckline."""
    layers = []
    for y in np.arange(cut.center[1] + 0.08, min(cut.hem[1], 1.3) - 0.05, rng.uniform(0.12, 0.22)):
        angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        disc = point(0, y) + 0.018 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        layers.append(Layer(disc, "trim", covers=False))
    return layers


def _opening(rng, places):
    """Returns the shirt that shows between the two halves of a coat, and its lapels."""
    left, right = places["neckline_left"], places["neckline_right"]
    hem = (places["top_hem_left"] + places["top_hem_right"]) / 2
    gap = rng.choice([0.0, 0.06, 0.16])
    depth = rng.uniform(0.45, 0.9)
    ends = [point(-gap, hem[1]), point(gap, hem[1])]
    shirt = outline(line(left, point(-gap, depth)), line(ends[0], ends[1], 4), line(point(gap, depth), right))
    layers = [Layer(shirt, "shirt", covers=False)]
    width = rng.uniform(0.05, 0.16)
    for side, sign in SIDES.items():
        top = places[f"neckline_{side}"]
        lapel = curve(top, point((abs(top[0]) + width) * sign, depth * 0.5), point(gap * sign, depth))
        layers.append(Layer(outline(lapel, point(gap * sign, depth * 0.98)), "trim", covers=False))
    front = line(point(gap, depth), point(gap, hem[1] - 0.01), 12)
    layers.append(Layer(tube(front, 0.012, 0.012), "lining", covers=False))
    return layers


def _hood(rng, cut):
    """Returns a hood that lies behind the head."""
    breadth = cut.neck[0] + rng.uniform(0.05, 0.12)
    top = point(0, rng.uniform(-0.75, -0.5))
    left, right = point(-breadth, 0.05), point(breadth, 0.05)
    arc = outline(curve(left, point(-breadth, top[1]), top), curve(top, point(breadth, top[1]), right))
    return Layer(arc, "lining", covers=False)
