"""Points of a video, smoothed over its frames: a One-Euro filter in which a frame counts by how certain it is.

The filter (Casiez, Roussel and Vogel, CHI 2012) is a running mean that forgets the faster, the faster a point moves:
still points do not tremble, moving ones do not lag. Here the weights of the mean are multiplied by the inverse of the
points' covariances, so that a frame in which a point is uncertain moves it little. Where every frame is as certain,
or without covariances, it is the filter as published.

K keypoints.
"""

from typing import Optional

import cv2
import numpy as np

_SLOWEST = 1.0  # Hz, cutoff of a point at rest
_RISE = 20.0  # Hz per long side of the frame and second
_OF_SPEEDS = 1.0  # Hz, cutoff of the speeds, which are differences of noisy points
_JUMP = 0.25  # of the garment's size, by the keypoint in the middle: no garment moves so far between two frames
_CHANGE = 0.12  # of the range of grey: by so much two frames differ in the mean where one is cut to another
_THUMBNAIL = 16  # pixels


class Smoother:
    """The filter of one garment's keypoints. It starts anew at a cut, where frames or points change at once.

    Args:
        rate: frames a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._last: Optional[np.ndarray] = None  # [K, 2], as it was found
        self._thumbnail: Optional[np.ndarray] = None

    def __call__(self, image: np.ndarray, points: np.ndarray, covariances: Optional[np.ndarray] = None) -> np.ndarray:
        """Returns the smoothed points [K, 2] of the next frame.

        Args:
            image: [H, W, 3] uint8, the frame.
            points: [K, 2] float64 px.
            covariances: [K, 2, 2] px^2; None where there are none.
        """
        certainty = np.tile(np.eye(2), [len(points), 1, 1]) if covariances is None else np.linalg.inv(covariances)
        thumbnail = cv2.resize(image, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).mean(axis=2) / 255
        if self._last is None or self._is_cut(points, thumbnail):
            self._place, self._certainty, self._speed = points, certainty, np.zeros_like(points)
        else:
            self._follow(points, certainty, max(image.shape[:2]))
        self._last, self._thumbnail = points, thumbnail
        return self._place

    def _is_cut(self, points: np.ndarray, thumbnail: np.ndarray) -> bool:
        size = np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=-1).mean())
        moved = np.median(np.linalg.norm(points - self._last, axis=-1))
        return bool(moved > _JUMP * size or np.abs(thumbnail - self._thumbnail).mean() > _CHANGE)

    def _follow(self, points: np.ndarray, certainty: np.ndarray, side: int) -> None:
        """Takes a frame into the mean."""
        share = self._share(np.array(_OF_SPEEDS))
        self._speed = (1 - share) * self._speed + share * (points - self._last) * self._rate
        pace = np.linalg.norm(self._speed, axis=-1) / side
        new = self._share(_SLOWEST + _RISE * pace)[:, None, None]
        before, now = (1 - new) * self._certainty, new * certainty
        self._certainty = before + now
        step = np.linalg.solve(self._certainty, now @ (points - self._place)[..., None])[..., 0]
        self._place = self._place + step

    def _share(self, cutoff: np.ndarray) -> np.ndarray:
        """Returns the share of the new frame in a mean with a cutoff, in Hz."""
        return 1 / (1 + self._rate / (2 * np.pi * cutoff))
