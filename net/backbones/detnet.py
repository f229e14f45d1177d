"""DetNet-59 (arXiv 1804.06215), which keeps stride 16 to the end, as a backbone."""

import dataclasses

from base import late_tensorflow as tf
from base.options import option
from net.backbones import resnet
from net.declarations import Backbone

NAME = "detnet59"
# The levels that CPN takes from stages 2 to 6: the paper keeps a fine one, the 2018 reference began at stride 8.
LATERALS = {"paper": (2, 3, 4, 6), "reference": (3, 4, 5, 6)}


@dataclasses.dataclass(frozen=True)
class Options(resnet.Options):
    """The options of DetNet-59: a ResNet's, and

    Attributes:
      detnet_laterals: which levels to return, a key of LATERALS.
    """

    detnet_laterals: str = option(
        "paper",
        "Levels that the net takes from DetNet: strides 4, 8, 16, 16 (paper) or 8, 16, 16, 16.",
        choices=tuple(LATERALS),
    )


def dilated_stage(layers, inputs, name):
    """Three bottlenecks of dilation 2, the first with a projection: stride kept, 1024 channels (figure 2, D)."""
    features = inputs
    for block in (1, 2, 3):
        features = resnet.bottleneck(
            layers, features, 256, 1024, f"{name}/block{block}", dilation=2, project=block == 1
        )
    return features


def build(layers, images, options):
    """Builds DetNet-59: stages 1 to 4 of ResNet-50, then stages 5 and 6 without further strides (section 3.2).

    Args:
      layers: the net's `Layers`.
      images: [B, H, W, 3] or [B, 3, H, W] float32, normalised as the weights expect it.
      options: an `Options`.

    Returns:
      Features from fine to coarse: of 256, 512, 1024, 1024 channels at strides 4, 8, 16, 16 ("paper"), or of
      512, 1024, 1024, 1024 at strides 8, 16, 16, 16 ("reference").
    """
    with tf.compat.v1.variable_scope(NAME):
        blocks = resnet.BLOCKS["resnet50"][:3]
        features = dict(enumerate(resnet.stages(layers, images, blocks, options.resnet_stride), start=2))
        features[5] = dilated_stage(layers, features[4], "stage5")
        features[6] = dilated_stage(layers, features[5], "stage6")
    return [features[stage] for stage in LATERALS[options.detnet_laterals]]


BACKBONES = {NAME: Backbone(build, Options)}
