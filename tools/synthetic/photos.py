"""One photo: a scene put before a camera, painted layer by layer, and the keypoints that it shows."""

import dataclasses

import cv2
import numpy as np

from base import schema as schemas
from tools.synthetic import backgrounds, fabrics, people
from tools.synthetic.garments import random_garment
from tools.synthetic.poses import random_bend, random_pose

VISIBLE, OCCLUDED = 1, 0  # a keypoint that the photo cuts off is absent: it has no entry

_SHAPES = (
    (1.0, 1.0),
    (0.75, 1.0),
    (0.67, 1.0),
    (1.0, 0.75),
    (0.8, 0.8),
    (0.78, 1.0),
)  # width, height over the long side
_SHAPE_SHARES = (0.55, 0.12, 0.12, 0.08, 0.08, 0.05)
_FINENESS = 4  # a pixel of a mask is the mean of this many by this many
_SUBPIXEL_BITS = 6
_SKINS = ((255, 224, 196), (241, 194, 160), (224, 172, 130), (172, 120, 84), (120, 80, 56))
_HAIRS = ((30, 24, 22), (66, 42, 30), (120, 78, 44), (196, 158, 96), (110, 40, 30))


@dataclasses.dataclass
class Photo:
    """A drawn photo and its keypoints.

    Attributes:
        image: [H, W, 3] uint8 RGB, or [H, W] of a greyscale file.
        keypoints: {name: (x, y, visibility)} in whole pixels, without those that are absent.
        quality: JPEG quality to save it with.
    """

    image: np.ndarray
    keypoints: dict
    quality: int


@dataclasses.dataclass
class Scene:
    """Layers in painting order with their outlines and keypoints in the photo's continuous plane.

    Attributes:
        size: width and height in pixels.
        layers: `shapes.Layer` list whose outlines and points are in pixels; pixel i covers [i, i + 1).
        scale: pixels of one unit of the body plane.
        angle: radians by which the camera is turned.
    """

    size: tuple
    layers: list
    scale: float
    angle: float


def random_photo(rng, category, image_size, schema=None):
    """Draws a photo of a garment of the category whose long side is at most `image_size` pixels."""
    schema = schema or schemas.default()
    scene = random_scene(rng, category, image_size, schema)
    image, visibility = render(rng, scene)
    keypoints = {
        name: (int(x), int(y), visibility[name])
        for name, (x, y) in scene_points(scene).items()
        if 0 <= x < scene.size[0] and 0 <= y < scene.size[1]
    }
    if rng.random() < 0.3:
        image, keypoints = _mirrored(image, keypoints, schema)
    if rng.random() < 0.05:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return Photo(image, keypoints, int(rng.integers(55, 97)))


def random_scene(rng, category, image_size, schema):
    """Draws what is in the photo, and where: both points of the normalising pair are always inside."""
    shape = _SHAPES[rng.choice(len(_SHAPES), p=_SHAPE_SHARES)]
    size = tuple(int(round(side * image_size)) for side in shape)
    worn = rng.random() < 0.6
    pose = random_pose(rng, worn)
    garment = random_garment(rng, category, pose, schema)
    if worn:
        layers = people.person(rng, pose, garment, category) + people.carried_things(rng)
    elif rng.random() < 0.3:
        layers = people.mannequin(rng, garment)
    else:
        layers = people.hung_or_flat(rng, garment, category)
    bend = random_bend(rng, worn)
    angle = rng.normal(0, np.deg2rad(5 if worn else 12))
    pair = schema.category(category).normalise
    for _ in range(20):
        camera, scale = _random_camera(rng, garment, bend, angle, size)
        inside = [camera(bend(_points(layers)[name][None]))[0] for name in pair]
        if all((spot >= 6).all() and (spot < np.array(size) - 6).all() for spot in inside):
            break
    return Scene(size, [_photographed(layer, bend, camera) for layer in layers], scale, angle)


def _random_camera(rng, garment, bend, angle, size):
    """Returns the function from the body plane to pixels, and its scale, that frames the garment.

    One photo in eight comes so near that it cuts something off.
    """
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    extent = np.concatenate([bend(layer.outline) for layer in garment.layers()]) @ turn.T
    low, high = extent.min(axis=0), extent.max(axis=0)
    near = rng.random() < 0.12
    share = rng.uniform(1.03, 1.35) if near else rng.uniform(0.74, 0.98)
    scale = share * (np.array(size) / (high - low)).min()
    room = np.array(size) - scale * (high - low)
    shift = room * rng.uniform(0.15, 0.85, 2) - scale * low
    return (lambda points: scale * (points @ turn.T) + shift), scale


def _photographed(layer, bend, camera):
    points = {name: camera(bend(place[None]))[0] for name, place in layer.points.items()}
    return dataclasses.replace(layer, outline=camera(bend(layer.outline)), points=points)


def _points(layers):
    return {name: place for layer in layers for name, place in layer.points.items()}


def scene_points(scene):
    """Returns {name: [2] float64} of all keypoints in the photo's continuous plane, also of those outside it."""
    return _points(scene.layers)


def coverage(outline, size):
    """Returns [height, width] uint8: how much of each pixel the [N, 2] outline covers, 0 to 255."""
    mask = np.zeros(size[::-1], np.uint8)
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int), size)
    if (high > low).all():
        width, height = high - low
        fine = np.zeros((height * _FINENESS, width * _FINENESS), np.uint8)
        # OpenCV's coordinates name the centres of pixels, the continuous plane their corners.
        corners = np.round(((outline - low) * _FINENESS - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(fine, [corners], 255, shift=_SUBPIXEL_BITS)
        mask[low[1] : high[1], low[0] : high[0]] = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    return mask


def render(rng, scene):
    """Paints the scene.

    Returns:
        image: [H, W, 3] uint8 RGB.
        visibility: {name: VISIBLE or OCCLUDED} of the keypoints inside the photo.
    """
    materials = _random_materials(rng, {layer.material for layer in scene.layers})
    image = backgrounds.random_background(rng, *scene.size).astype(np.float32)
    masks = [coverage(layer.outline, scene.size) for layer in scene.layers]
    _cast_shadow(rng, image, masks)
    for layer, mask in zip(scene.layers, masks):
        _paint_layer(image, layer, mask, materials[layer.material], scene)
    image = np.clip(image, 0, 255).astype(np.uint8)
    visibility = _visibility(scene, masks)
    if rng.random() < 0.35:
        hidden = backgrounds.advertise(rng, image)
        visibility = {
            name: seen if not _at(hidden, scene_points(scene)[name]) else OCCLUDED for name, seen in visibility.items()
        }
    return _developed(rng, image), visibility


def _visibility(scene, masks):
    """Returns {name: VISIBLE or OCCLUDED}: hidden by any layer above the last one that carries the keypoint."""
    last = {name: index for index, layer in enumerate(scene.layers) for name in layer.points}
    seen = {}
    for name, place in scene_points(scene).items():
        if not ((place >= 0).all() and (place < scene.size).all()):
            continue
        above = zip(scene.layers[last[name] + 1 :], masks[last[name] + 1 :])
        seen[name] = OCCLUDED if any(layer.covers and _at(mask, place) for layer, mask in above) else VISIBLE
    return seen


def _at(mask, place):
    return mask[int(place[1]), int(place[0])] > 127


def _random_materials(rng, names):
    """Draws a material for each of the names."""
    fabric = fabrics.random_fabric(rng)
    trim = (
        fabrics.darker(fabric, 0.8)
        if rng.random() < 0.3
        else fabrics.plain_material(rng, fabrics.random_color(rng), 0.1)
    )
    drawn = {
        "fabric": lambda: fabric,
        "lining": lambda: fabrics.darker(fabric),
        "trim": lambda: trim,
        "shirt": lambda: fabrics.random_fabric(rng),
        "jeans": lambda: fabrics.random_fabric(rng),
        "skin": lambda: fabrics.plain_material(rng, _SKINS[rng.integers(len(_SKINS))]),
        "lips": lambda: fabrics.plain_material(rng, (190, 80, 84)),
        "hair": lambda: fabrics.plain_material(rng, _HAIRS[rng.integers(len(_HAIRS))], 0.5),
        "leather": lambda: fabrics.plain_material(rng, fabrics.random_color(rng, (0.2, 0.7), (0.1, 0.6))),
        "wood": lambda: fabrics.plain_material(rng, (140, 104, 70)),
        "linen": lambda: fabrics.plain_material(rng, (226, 218, 200)),
        "telephone": lambda: fabrics.plain_material(rng, (30, 30, 34), 0.1),
    }
    return {name: drawn[name]() for name in sorted(names)}


def _cast_shadow(rng, image, masks):
    """Darkens the background beside everything that stands before it."""
    depth = rng.uniform(0.0, 0.45)
    small = cv2.resize(np.maximum.reduce(masks), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    move = np.float32([[1, 0, rng.uniform(-5, 5)], [0, 1, rng.uniform(0, 5)]])
    small = cv2.warpAffine(cv2.GaussianBlur(small, (0, 0), rng.uniform(1, 4)), move, small.shape[::-1])
    shadow = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    image *= 1.0 - depth * (shadow.astype(np.float32) / 255.0)[..., None]


def _paint_layer(image, layer, mask, material, scene):
    """Paints one layer over the float32 image, in place."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width or not height:
        return
    region = np.s_[y : y + height, x : x + width]
    angle = -(scene.angle + layer.direction)
    zoom = fabrics.TILE / (scene.scale * material.repeat)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    anchor = turn @ (np.array([x, y]) - layer.outline[0])
    alpha = (mask[region].astype(np.float32) / 255.0)[..., None]
    surface = fabrics.paint(material, mask[region], np.column_stack([turn, anchor]))
    image[region] += alpha * (surface - image[region])


def _developed(rng, image):
    """Gives the picture a camera's exposure, tint, blur and noise."""
    gain = rng.uniform(0.8, 1.15) * rng.uniform(0.94, 1.06, 3)
    image = image.astype(np.float32) * gain.astype(np.float32)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))
    image += rng.uniform(0.5, 5) * rng.standard_normal((*image.shape[:2], 1), np.float32)
    return np.clip(image, 0, 255, out=image).astype(np.uint8)


def _mirrored(image, keypoints, schema):
    """Returns the mirrored image and its keypoints: left and right are the image's, so names change places."""
    width = image.shape[1]
    swapped = {schema.partner(name): (width - 1 - x, y, seen) for name, (x, y, seen) in keypoints.items()}
    return np.ascontiguousarray(image[:, ::-1]), swapped
