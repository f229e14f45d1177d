"""What a net gives that finds coordinates instead of heatmaps.

B images, K keypoints, C pseudo-labels.
"""

from typing import Any, NamedTuple


class Head(NamedTuple):
    """What one of the networks of a stage gives.

    Attributes:
      previous: [B, K, 2] float32, the points that the network starts from.
      points: [B, K, 2] float32, those that it finds. No gradient leads from it through `previous`.
      visibility: [B, K, 3] float32, logits of visible, occluded, absent.
      labels: [B, C] float32, logits of the pseudo-labels: clusters of the way from `previous` to the truth.
      unit: what the network's outputs count in, as a share of the input's side.
    """

    previous: Any
    points: Any
    visibility: Any
    labels: Any
    unit: float


class Estimate(NamedTuple):
    """What a stage gives, in the unit square of the input, where (0.5, 0.5) is its middle; points may lie outside.

    Attributes:
      points: [B, K, 2] float32.
      visibility: [B, K, 3] float32, logits of visible, occluded, absent.
      heads: a `Head` for each of the stage's networks: one; or two, for easy and for hard samples.
    """

    points: Any
    visibility: Any
    heads: tuple
