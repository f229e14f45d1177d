"""What the codec of coordinates is told, declared once; flags and `model.json` follow from here."""

from dataclasses import dataclass

from base.options import option


@dataclass(frozen=True)
class CoordinateSettings:
    """The settings of `coordinate_codec.CoordinateCodec`: the weights of its losses, the paper's by default."""

    point_weight: float = option(20.0, "Weight of the points in DFA's loss.", low=0, high=1e6)
    point_warmup: float = option(
        0.2, "Share of each stage's training in which the points weigh 1 instead (0.2 in the paper).", low=0, high=1
    )
    visibility_weight: float = option(1.0, "Weight of the visibility in DFA's loss.", low=0, high=1e6)
    visibility_balance: float = option(
        0.0,
        "How much more rare states of the visibility count: 0 no more (the paper), 1 each state as much as any other.",
        low=0,
        high=1,
    )
    pseudo_label_weight: float = option(1.0, "Weight of the pseudo-labels in DFA's loss.", low=0, high=1e6)
