"""What is behind and in front of a garment: studios, rooms, streets, floors, clutter and advertising."""

import cv2
import numpy as np

from tools.synthetic.fabrics import random_color


def random_background(rng, width, height):
    """Returns [height, width, 3] uint8 RGB of a random place."""
    return _PLACES[rng.integers(len(_PLACES))](rng, width, height)


def _studio(rng, width, height):
    """A plain colour, lit from somewhere."""
    color = np.float32(random_color(rng, (0.0, 0.35), (0.35, 1.0)))
    corners = rng.uniform(0.75, 1.05, (2, 2)).astype(np.float32)
    light = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(color * light[..., None], 0, 255).astype(np.uint8)


def _white(rng, width, height):
    return np.full((height, width, 3), rng.integers(235, 256), np.uint8)


def _room(rng, width, height):
    """A wall and a floor, with frames, plants and furniture."""
    image = _studio(rng, width, height)
    horizon = int(height * rng.uniform(0.65, 0.9))
    image[horizon:] = random_color(rng, (0.1, 0.5), (0.2, 0.8))
    for y in np.linspace(horizon, height, 6).astype(int):
        cv2.line(image, (0, int(y)), (width, int(y)), random_color(rng, (0.1, 0.3), (0.2, 0.6)), 1)
    return _clutter(rng, image, int(rng.integers(2, 7)))


def _bricks(rng, width, height):
    image = np.empty((height, width, 3), np.uint8)
    image[:] = random_color(rng, (0.0, 0.1), (0.5, 0.9))
    brick = np.array(random_color(rng, (0.0, 0.5), (0.4, 0.85)))
    brick_height = int(rng.integers(height // 30 + 1, height // 14 + 2))
    for row, y in enumerate(range(0, height, brick_height)):
        for x in range(-brick_height * 3 * (row % 2) // 2, width, brick_height * 3):
            tone = tuple(float(channel) for channel in brick * rng.uniform(0.8, 1.1))
            cv2.rectangle(image, (x + 1, y + 1), (x + brick_height * 3 - 2, y + brick_height - 2), tone, -1)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2))


def _street(rng, width, height):
    """Houses, cars and passers-by, out of focus."""
    small = _clutter(rng, _studio(rng, width // 4, height // 4), 30)
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(1, 3))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _ground(rng, width, height):
    """Fur, carpet, planks or grass that a garment lies on."""
    color = np.float32(random_color(rng, (0.1, 0.5), (0.3, 0.9)))
    cells = (max(2, width // int(rng.integers(2, 12))), max(2, height // int(rng.integers(2, 40))))
    noise = rng.normal(0, rng.uniform(6, 22), (cells[1], cells[0])).astype(np.float32)
    noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(color + noise[..., None], 0, 255).astype(np.uint8)


_PLACES = (_studio, _studio, _studio, _white, _white, _room, _bricks, _street, _ground)


def _clutter(rng, image, count):
    """Draws `count` boxes, discs and bars of random colours."""
    height, width = image.shape[:2]
    for _ in range(count):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        breadth, depth = (int(size) for size in rng.integers(width // 30 + 1, width // 5 + 2, 2))
        color = random_color(rng)
        kind = rng.integers(3)
        if kind == 0:
            cv2.rectangle(image, (x, y), (x + breadth, y + 2 * depth), color, -1)
        elif kind == 1:
            cv2.ellipse(image, (x, y), (breadth // 2, depth // 2), 0, 0, 360, color, -1, cv2.LINE_AA)
        else:
            end = int(rng.integers(0, width)), int(rng.integers(0, height))
            cv2.line(image, (x, y), end, color, int(rng.integers(2, 9)), cv2.LINE_AA)
    return image


_WORDS = ("NEW", "SALE", "-30%", "HOT", "2018", "FREE", "STUDIO", "style", "atelier", "No. 5")


def advertise(rng, image, margin=0.14):
    """Writes badges and words near the edges of the [H, W, 3] image, in place.

    Returns:
        [H, W] uint8 mask of what they hide.
    """
    height, width = image.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        x = int(rng.choice([rng.uniform(0, margin), rng.uniform(0.8, 0.98)]) * width)
        y = int(rng.uniform(0.04, 0.97) * height)
        color = random_color(rng, (0.5, 1.0), (0.6, 1.0))
        if rng.random() < 0.5:
            radius = int(width * rng.uniform(0.03, 0.08))
            for canvas, paint in ((image, color), (mask, 255)):
                cv2.circle(canvas, (x, y), radius, paint, -1, cv2.LINE_AA)
        word = _WORDS[rng.integers(len(_WORDS))]
        scale = width / 512 * rng.uniform(0.5, 1.2)
        cv2.putText(image, word, (x - width // 20, y), cv2.FONT_HERSHEY_DUPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return mask
