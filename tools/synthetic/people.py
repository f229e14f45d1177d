"""Who or what carries a garment: a person, a mannequin, a hanger, or nothing; with what hides keypoints."""

import dataclasses

import numpy as np

from tools.synthetic.poses import SIDES
from tools.synthetic.shapes import Layer, curve, ellipse, line, outline, point, shortened, tube


def person(rng, pose, garment, category):
    """Returns the layers of a dressed person, in the order in which they are painted."""
    lower = category in ("skirt", "trousers")
    long_hair = rng.random() < 0.55
    hair_length = rng.uniform(0.15, 0.9) if long_hair else -0.25
    layers = [*garment.back, *_hair_behind(rng, hair_length), *_legs(pose), _neck()]
    layers += [Layer(tube(pose.arms[side][:12], 0.16, 0.13), "skin") for side in SIDES]
    for side in SIDES:
        if pose.behind[side]:
            layers += _arm(rng, pose, garment, side, lower)
    if lower:
        layers += _with_shirt(rng, garment)
    else:
        layers += _bottoms(rng, pose, category) + garment.front
    for side in SIDES:
        if not pose.behind[side]:
            layers += _arm(rng, pose, garment, side, lower)
    layers += _head(rng)
    if long_hair and rng.random() < 0.6:
        layers += _hair_in_front(rng, hair_length)
    return layers


def mannequin(rng, garment):
    """Returns the layers of a garment on a stand."""
    stand = tube(line(point(0, 0.5), point(0, 3.6)), 0.06, 0.06)
    neck = outline(point(-0.11, -0.22), point(0.11, -0.22), point(0.15, 0.2), point(-0.15, 0.2))
    cap = ellipse(point(0, -0.22), 0.12, 0.04)
    trunk = dataclasses.replace(_shirt(rng, 1.3), material="linen")
    behind = [Layer(stand, "wood"), trunk, Layer(neck, "linen"), Layer(cap, "wood")]
    return [*garment.back, *behind, *garment.front, *garment.sleeves["left"], *garment.sleeves["right"]]


def hung_or_flat(rng, garment, category):
    """Returns the layers of a garment that hangs on a hanger or lies flat."""
    behind = []
    if rng.random() < 0.5:
        top = 0.85 if category in ("skirt", "trousers") else -0.04
        bar = curve(point(-0.42, top + 0.13), point(0, top - 0.1), point(0.42, top + 0.13))
        hook = curve(point(0, top), point(0.02, top - 0.3), point(0.1, top - 0.12), weight=3)
        behind = [Layer(tube(bar, 0.05, 0.05), "wood"), Layer(tube(hook, 0.018, 0.018), "wood")]
    return [*garment.back, *behind, *garment.front, *garment.sleeves["left"], *garment.sleeves["right"]]


def carried_things(rng):
    """Returns a bag with its strap, or a telephone held before the body; often nothing."""
    chance = rng.random()
    sign = rng.choice([-1, 1])
    if chance < 0.1:
        center = point(rng.uniform(0.2, 0.6) * sign, rng.uniform(1.0, 1.8))
        strap = tube(curve(point(0.4 * sign, 0.12), point(0.55 * sign, 0.6), center), 0.03, 0.03)
        breadth, height = rng.uniform(0.12, 0.24), rng.uniform(0.1, 0.2)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (breadth, height) + center
        bag = outline(*(line(corners[i], corners[(i + 1) % 4]) for i in range(4)))
        return [Layer(strap, "leather"), Layer(bag, "leather")]
    if chance < 0.15:
        center = point(rng.uniform(-0.2, 0.2), rng.uniform(-0.1, 0.4))
        corners = center + np.array([[-0.08, -0.15], [0.08, -0.15], [0.08, 0.15], [-0.08, 0.15]])
        return [Layer(corners, "telephone")]
    return []


def _neck():
    base = curve(point(0.36, 0.12), point(0, 0.9), point(-0.36, 0.12))
    return Layer(outline(point(-0.12, -0.3), point(0.12, -0.3), point(0.14, 0.0), base, point(-0.14, 0.0)), "skin")


def _head(rng):
    """Returns face and short hair, and eyes and mouth that barely show."""
    center = point(rng.normal(0, 0.02), -0.38)
    layers = [Layer(ellipse(center, 0.19, 0.26), "skin")]
    fringe = curve(center + point(-0.2, 0.0), center + point(rng.uniform(-0.1, 0.1), -0.25), center + point(0.2, 0.0))
    crown = curve(center + point(0.22, 0.05), center + point(0, -0.6), center + point(-0.22, 0.05), weight=1.3)
    layers.append(Layer(outline(fringe, crown), "hair"))
    layers += [Layer(ellipse(center + point(0.075 * sign, 0.0), 0.028, 0.014, 12), "hair") for sign in SIDES.values()]
    layers.append(Layer(ellipse(center + point(0, 0.14), 0.05, 0.018, 12), "lips"))
    return layers


def _hair_behind(rng, length):
    center = point(0, -0.4)
    left, right = point(-0.25, length), point(0.25, length + rng.normal(0, 0.05))
    crown = curve(left, center + point(-0.34, -0.55), center + point(0, -0.3), weight=1.2)
    other = curve(center + point(0, -0.3), center + point(0.34, -0.55), right, weight=1.2)
    return [Layer(outline(crown, other[1:], line(right, left)), "hair")]


def _hair_in_front(rng, length):
    """Returns strands that fall over one shoulder or both and hide what is under them."""
    layers = []
    sides = [rng.choice(list(SIDES))] if rng.random() < 0.6 else list(SIDES)
    for side in sides:
        sign = SIDES[str(side)]
        path = curve(point(0.19 * sign, -0.5), point(0.24 * sign, 0.0), point(rng.uniform(0.16, 0.34) * sign, length))
        layers.append(Layer(tube(path, rng.uniform(0.1, 0.2), 0.05), "hair"))
    return layers


def _legs(pose):
    layers = []
    for side in SIDES:
        path = pose.legs[side]
        layers.append(Layer(tube(path, 0.33, 0.13), "skin"))
        foot = path[-1] + point(0.03 * SIDES[side], 0.07)
        layers.append(Layer(ellipse(foot, 0.1, 0.13), "leather"))
    return layers


def _arm(rng, pose, garment, side, lower):
    """Returns the arm below its root, the hand and the sleeve; with a skirt or trousers, the shirt's sleeve."""
    path = pose.arms[side]
    hand = path[-1] + 0.06 * (path[-1] - path[-3]) / np.linalg.norm(path[-1] - path[-3])
    layers = [Layer(tube(path[7:], 0.14, 0.1), "skin"), Layer(ellipse(hand, 0.065, 0.085), "skin")]
    if lower:
        sleeve = shortened(path, rng.uniform(0.25, 1.0))
        root = point(0.4 * SIDES[side], 0.12)
        return layers + [Layer(outline(root, tube(sleeve, 0.24, 0.18)), "shirt")]
    return layers + garment.sleeves[side]


def _shirt(rng, length):
    """Returns a plain shirt that ends at `length`."""
    right = outline(
        point(0.2, 0.0),
        line(point(0.2, 0), point(0.46, 0.12)),
        curve(point(0.46, 0.12), point(0.36, 0.4), point(0.4, 0.5)),
        curve(point(0.4, 0.5), point(0.33, 0.95), point(0.37, length)),
    )
    collar = curve(point(-0.2, 0), point(0, rng.uniform(0.2, 0.6)), point(0.2, 0))
    return Layer(outline(collar, right, (right * (-1, 1))[::-1]), "shirt")


def _with_shirt(rng, garment):
    """Returns the shirt and the skirt or trousers over it, or under it where the shirt hangs out."""
    if rng.random() < 0.3:
        return [*garment.front, _shirt(rng, rng.uniform(1.0, 1.3))]
    return [_shirt(rng, 1.3), *garment.front]


def _bottoms(rng, pose, category):
    """Returns what a person wears below a blouse or coat: trousers or a skirt; below a dress, sometimes nothing."""
    if category == "dress":
        return []
    if rng.random() < 0.6:
        legs = [Layer(tube(shortened(pose.legs[side], 0.95), 0.42, 0.22), "jeans") for side in SIDES]
        waist = outline(point(-0.34, 1.0), point(0.34, 1.0), point(0.42, 1.5), point(-0.42, 1.5))
        return [*legs, Layer(waist, "jeans")]
    breadth, length = rng.uniform(0.4, 0.6), rng.uniform(1.6, 2.3)
    hips = outline(point(-0.33, 1.0), point(0.33, 1.0), point(breadth, length), point(-breadth, length))
    return [Layer(hips, "jeans")]
