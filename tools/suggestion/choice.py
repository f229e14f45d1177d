"""A choice of photos that are worth much and differ: of several that look alike, one is enough.

N photos.
"""

import cv2
import numpy as np

_SIDE = 8  # of the small picture by which photos are compared
_SAMPLE = 2000  # photos, of whose distances the median is taken


def look_of(image):
    """Returns how a photo [H, W, 3] uint8 looks, [8, 8, 3] float32: small, of mean 0 and norm 1 (0 for one colour)."""
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    norm = np.linalg.norm(small)
    return small / norm if norm > 0 else small


def choose(values, looks, count):
    """Returns the positions of the photos to take, the best first.

    Each time the photo is taken whose value, times its distance from the nearest one that is taken already, is largest:
    farthest-first, as for a core-set (Sener and Savarese, ICLR 2018), but weighted. Distances above the median of two
    photos count as that. A photo and the same one flipped look alike.

    Args:
        values: [N] float, not negative.
        looks: [N, 8, 8, 3] float32, of `look_of`.
        count: how many; all where there are no more.
    """
    if not len(looks):
        return []
    values, looks = np.asarray(values, np.float64), np.asarray(looks, np.float32)
    flat = looks.reshape(len(looks), -1)
    usual = _usual_distance(flat)
    nearest = np.full(len(flat), np.inf)  # distances, of the photos taken
    left, chosen = np.ones(len(flat), bool), []
    for _ in range(min(count, len(flat))):
        worth = np.where(left, values * np.minimum(nearest / usual, 1), -1)
        best = int(np.argmax(worth))
        chosen.append(best)
        left[best] = False
        for look in (looks[best], looks[best][:, ::-1]):
            nearest = np.minimum(nearest, np.linalg.norm(flat - look.ravel(), axis=1))
    return chosen


def _usual_distance(flat):
    """Returns the median distance of two different photos, of a sample that takes every so many of them."""
    sample = flat[:: max(1, len(flat) // _SAMPLE)]
    squares = (sample**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * sample @ sample.T, 0))
    others = distances[np.triu_indices(len(sample), 1)]
    return max(float(np.median(others)), 1e-6) if len(others) else 1.0
