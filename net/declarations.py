"""What the file of a net and the file of a backbone declare. The listings are `net.registry` and `net.backbones`.

B images, H and W their height and width, h and w those of feature maps, K keypoints.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Optional


class Stage(NamedTuple):
    """How a stage of a net is trained.

    Attributes:
      loss: "mse" (all keypoints), "ohkm" (each photo's hardest), or "coordinates" (`utility.model.coordinate_codec`).
      weight: the loss's weight in the sum.
      sigma: cells by which the targets are widened, to a width of sqrt(heatmap_sigma^2 + sigma^2).
    """

    loss: str
    weight: float
    sigma: float


class Phase(NamedTuple):
    """A part of a training in which one stage of a net is trained, the others frozen.

    Attributes:
      share: of the training's steps; those of all phases make 1.
      stage: its number, from 0.
      variables: regular expression of the variables that are trained.
      copies: {beginning of a variable's name: that of another's, whose value it takes when the phase begins}; the
        endings are the same.
      labels: how many pseudo-labels each network of the stage has.
      until: {name: value} of the options of the net that ends with this stage.
    """

    share: float
    stage: int
    variables: str
    copies: Mapping[str, str]
    labels: tuple[int, ...]
    until: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Net:
    """A net: `NET` of a file of `net/nets/`, whose name is the net's.

    Attributes:
      build: function(images [B, H, W, 3] float32, num_keypoints, is_training, data_format, options, **arguments of the
        codec) -> a list of what each stage gives, coarse to final, whatever the data format inside: for the codec
        `heatmap`, which gives `heatmap_size`, heatmaps [B, h, w, K]; for `coordinates`, a `net.coordinates.Estimate`.
        A net with phases is given `trained`, the numbers of the stages that are trained (None: all), too.
      options: its dataclass of options (`base.options`), derived from `net.layers.LayerOptions`, or from
        `net.backbones.BackboneOptions` for a net on a backbone.
      stages: function(options) -> one `Stage` for each item of the list that `build` returns.
      keypoint_outputs: regular expression of the variables whose last axis runs over the keypoints.
      keypoint_inputs: of those whose input axis (the last but one) does; None: there are none.
      codec: the name of the codec (`utility.model.codec`) that reads what the net gives.
      phases: function(options) -> the `Phase` of each stage, which are then trained one after the other; None: all
        stages are trained at once.
      keep_aspect: whether the input shows its part of the photo undistorted, in the middle of a square, with black
        beside it (`preprocessing.input.letterbox`); else the part fills the input.
      backbone_scopes: regular expression of what stands before a backbone's own name in the names of its variables,
        where the net has several; each starts from the imported one.
      output_stride: pixels of the image per cell of the heatmaps, which are rounded up to whole cells; None: the net
        makes heatmaps of any size.
      training: {setting: value} where a training of this net starts from other values than most.
    """

    build: Callable[..., list]
    options: type
    stages: Callable[[Any], list[Stage]]
    keypoint_outputs: str
    keypoint_inputs: Optional[str] = None
    codec: str = "heatmap"
    output_stride: Optional[int] = None
    phases: Optional[Callable[[Any], list[Phase]]] = None
    keep_aspect: bool = False
    backbone_scopes: str = ""
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def heatmap_size(self, image_size):
        """Returns the cells that heatmaps of images of so many pixels have on a side; None: any number, as asked."""
        return -(-image_size // self.output_stride) if self.output_stride else None


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """The options of a backbone that has none."""


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A backbone: a value of `BACKBONES`, {name: Backbone}, of a file of `net/backbones/`.

    Attributes:
      build: function(layers, images, options) -> features of four levels, from fine to coarse, at strides 4, 8, 16 and
        32 or others (DetNet's last ones have one size). `layers` are the net's
        `net.layers.Layers`; images, [B, H, W, 3] or [B, 3, H, W] as their `data_format` says, and features float32.
      options: its dataclass of options (`base.options`).
    """

    build: Callable[..., list]
    options: type = NoOptions
