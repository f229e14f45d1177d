"""What the codec of heatmaps is told, declared once; flags and `model.json` follow from here."""

from dataclasses import dataclass
from typing import Optional

from base.options import option
from utility.model.decoders import METHODS


@dataclass(frozen=True)
class HeatmapSettings:
    """The settings of `heatmap_codec.HeatmapCodec`. Sizes are in cells of the (square) map."""

    heatmap_size: int = option(
        64, "Height and width of the heatmaps, in cells; it divides the input size.", low=4, high=1024
    )
    heatmap_sigma: float = option(1.0, "Standard deviation of a target's Gaussian, in cells.", low=0.1, high=100)
    heatmap_loss: str = option(
        "mse",
        "What heatmaps learn: the Gaussian's heights (mse), or the probability of each cell (softmax: cross-entropy).",
        choices=("mse", "softmax"),
    )
    target_scale: float = option(255.0, "Peak value of the target heatmaps in the loss.", low=0.001, high=1e06)
    decode: Optional[str] = option(
        None,
        "How a heatmap becomes a point; not given: as the model was trained for. median minimises the expected Euclidean error, with --heatmap_loss=softmax.",
        choices=METHODS,
    )
