"""What layers are made of: woven, printed and plain tiles, folds and the shade of a round body."""

import dataclasses

import cv2
import numpy as np

TILE = 256  # pixels; a tile covers about one unit of the body plane


@dataclasses.dataclass
class Material:
    """A surface to paint layers with.

    Attributes:
        tile: [TILE, TILE, 3] uint8 RGB, repeated over the plane.
        repeat: units of the body plane that one tile covers.
        folds: [TILE, TILE] float32 around 0, what the folds add to the brightness.
        roundness: how much darker the rim is, 0 to 1.
    """

    tile: np.ndarray
    repeat: float
    folds: np.ndarray
    roundness: float


def random_color(rng, saturation=(0.1, 0.9), value=(0.15, 1.0)):
    """Returns an RGB colour, three floats of 0 to 255."""
    hsv = np.float32([[[rng.uniform(0, 360), rng.uniform(*saturation), rng.uniform(*value)]]])
    return tuple(float(channel) for channel in cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * 255)


def solid(rng, color, grain=4.0):
    """Returns a tile of one colour with a little noise."""
    half = np.float32(color) + grain * rng.standard_normal((TILE // 2, TILE // 2, 1), np.float32)
    return cv2.resize(np.clip(half, 0, 255).astype(np.uint8), (TILE, TILE), interpolation=cv2.INTER_LINEAR)


def _stripes(rng, tile):
    """Draws stripes along x, of one or two colours."""
    count = int(rng.choice([4, 8, 16]))
    period = TILE // count
    thickness = max(2, int(period * rng.uniform(0.2, 0.6)))
    color = random_color(rng)
    for start in range(0, TILE, period):
        tile[start : start + thickness] = color
    return tile


def _upright_stripes(rng, tile):
    return np.ascontiguousarray(_stripes(rng, tile).transpose(1, 0, 2))


def _checks(rng, tile):
    crossed = _upright_stripes(rng, _stripes(rng, tile.copy()))
    return cv2.addWeighted(tile, 0.4, crossed, 0.6, 0)


def _dots(rng, tile):
    period = TILE // int(rng.choice([4, 8]))
    radius = int(period * rng.uniform(0.12, 0.35))
    color = random_color(rng)
    for row, y in enumerate(range(period // 2, TILE, period)):
        for x in range(0, TILE + 1, period):
            cv2.circle(tile, (x + (row % 2) * period // 2, y), radius, color, -1, cv2.LINE_AA)
    return tile


def _flowers(rng, tile):
    colors = [random_color(rng) for _ in range(3)]
    for _ in range(int(rng.integers(8, 22))):
        x, y = rng.integers(24, TILE - 24, 2)
        radius = int(rng.integers(4, 12))
        color = colors[rng.integers(3)]
        for angle in np.arange(5) * 2 * np.pi / 5 + rng.uniform(0, 6):
            petal = (int(x + radius * np.cos(angle)), int(y + radius * np.sin(angle)))
            cv2.circle(tile, petal, max(2, int(radius * 0.7)), color, -1, cv2.LINE_AA)
        cv2.circle(tile, (int(x), int(y)), max(2, radius // 2), colors[0], -1, cv2.LINE_AA)
    return tile


def _blotches(rng, tile):
    """Lays smooth patches of a second colour over the tile, as on tie-dye, camouflage or fur."""
    field = rng.normal(0, 1, (int(rng.integers(5, 20)),) * 2).astype(np.float32)
    field = cv2.resize(field, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
    weight = np.clip(field * rng.uniform(1, 5) + 0.5, 0, 1)[..., None]
    return (tile * (1 - weight) + np.float32(random_color(rng)) * weight).astype(np.uint8)


def _denim(rng, tile):
    """Adds the twill's diagonal threads and a worn patch."""
    y, x = np.mgrid[:TILE, :TILE]
    threads = 9.0 * np.sin((x + y) * 2 * np.pi / 8)
    worn = 35.0 * np.exp(-((x - TILE / 2) ** 2 + (y - TILE / 2) ** 2) / (2 * (TILE / 5) ** 2))
    return np.clip(tile + (threads + worn)[..., None], 0, 255).astype(np.uint8)


def _plain(rng, tile):
    return tile


_PATTERNS = (_plain, _plain, _plain, _stripes, _upright_stripes, _checks, _dots, _flowers, _blotches, _denim)


def random_folds(rng, strength):
    """Returns [TILE, TILE] float32 brightness of folds, long in y: smooth waves and a few sharper creases."""
    coarse = rng.normal(0, 1, (int(rng.integers(3, 6)), int(rng.integers(6, 14)))).astype(np.float32)
    folds = cv2.resize(coarse, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
    creases = np.zeros((TILE, TILE), np.float32)
    for _ in range(int(rng.integers(3, 10))):
        x, y = rng.uniform(0, TILE, 2)
        slant, length = rng.normal(0, 0.4), rng.uniform(30, 120)
        end = (int(x + slant * length), int(y + length))
        cv2.line(creases, (int(x), int(y)), end, float(rng.choice([-2.5, 2.0])), 3)
    return strength * (0.6 * folds + cv2.GaussianBlur(creases, (0, 0), 3))


def random_fabric(rng):
    """Draws a cloth: colour, pattern, folds."""
    saturation = (0.0, 0.12) if rng.random() < 0.3 else (0.15, 0.85)
    tile = solid(rng, random_color(rng, saturation, (0.12, 0.98)), grain=rng.uniform(2, 9))
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
    folds = random_folds(rng, rng.uniform(0.04, 0.11))
    return Material(pattern(rng, tile), rng.uniform(0.5, 1.1), folds, rng.uniform(0.3, 0.55))


def plain_material(rng, color, roundness=0.3):
    """Returns a smooth surface: skin, hair, leather, wood."""
    return Material(solid(rng, color, 3.0), 1.0, random_folds(rng, 0.02), roundness)


def darker(material, factor=0.55):
    """Returns the same material in the shade, such as the inside of a collar."""
    return dataclasses.replace(material, tile=(material.tile * factor).astype(np.uint8))


def paint(material, mask, matrix):
    """Returns the surface as it looks inside a mask.

    Args:
        material: what to paint.
        mask: [H, W] uint8 coverage of the layer.
        matrix: [2, 3] float64, from pixels of the mask to pixels of the tile.

    Returns:
        [H, W, 3] float32 RGB, 0 to 255 and somewhat beyond.
    """
    size = mask.shape[1], mask.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    surface = cv2.warpAffine(material.tile, matrix, size, flags=flags, borderMode=cv2.BORDER_WRAP)
    light = 1.0 + cv2.warpAffine(material.folds, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    depth = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    rim = max(4.0, 0.5 * float(depth.max()))
    light *= 1.0 - material.roundness * (1.0 - np.minimum(depth / rim, 1.0)) ** 2
    return surface * light[..., None]
