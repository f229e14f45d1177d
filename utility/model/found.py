"""What was found in photos: the seam between the nets' side, which computes it, and everything that uses it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class Found:
    """Keypoints of a batch of photos: tensors in a graph, arrays outside of it, or lists of arrays, one per photo.

    It unpacks as `points, scores`, and they have the indices 0 and 1: that is all that it was in release 1.0.0.

    Attributes:
        points: [B, K, 2], in each photo's own pixels as the CSV counts them (the first pixel's centre is 0).
        scores: [B, K], from 0 to 1, as the codec has them.
        covariances: [B, K, 2, 2], square pixels of the photo, of the error of each point; None where a model was not
            calibrated.
    """

    points: Any
    scores: Any
    covariances: Optional[Any] = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.points, self.scores))

    def __getitem__(self, index: int) -> Any:
        return (self.points, self.scores)[index]
