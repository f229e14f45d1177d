"""The nets by name: a new one is a function and a row here."""

from typing import Any, Callable, NamedTuple

from net.cpn import cpn
from net.hourglass import stacked_hourglass

# The data set's own mean, for nets that start from nothing: RGB, and the input is (pixel - mean) * scale. An imported
# backbone brings its own.
MEAN_RGB = (171.04, 162.98, 159.89)
SCALE = 1 / 255

_LAYER_OPTIONS = {"padding": "symmetric", "bn_momentum": 0.97, "bn_epsilon": 1e-5, "initializer": "he"}


class Stage(NamedTuple):
    """How a stage of a net is trained.

    Attributes:
      loss: "mse" (all keypoints) or "ohkm" (each photo's hardest).
      weight: the loss's weight in the sum.
      sigma: cells by which the targets are widened, to a width of sqrt(heatmap_sigma^2 + sigma^2).
    """

    loss: str
    weight: float
    sigma: float


class Net(NamedTuple):
    """A row of the registry.

    Attributes:
      build: function(images [B, H, W, 3], num_keypoints, is_training, data_format, **arguments of the codec,
        **options) -> a list of what each stage gives, coarse to final, whatever the data format inside: for the codec
        `heatmap`, heatmaps [B, h, w, K].
      options: name -> default of the options that `build` takes.
      stages: function(options) -> one `Stage` for each item of the list that `build` returns.
      keypoint_outputs: regular expression of the variables whose last axis runs over the keypoints.
      keypoint_inputs: of those whose input axis (the last but one) does; None: there are none.
      codec: the name of the codec (`utility.model.codec`) that reads what the net gives.
    """

    build: Callable[..., list]
    options: dict[str, Any]
    stages: Callable[[dict], list[Stage]]
    keypoint_outputs: str
    keypoint_inputs: str
    codec: str = "heatmap"


def _cpn_stages(options):
    """GlobalNet against widened targets, the coarsest widest; RefineNet on the hard keypoints (CPN, section 3.2)."""
    del options  # the same for every backbone
    return [Stage("mse", 0.5, sigma) for sigma in (2.4, 1.73, 1.37, 1.0)] + [Stage("ohkm", 1.0, 0.0)]


def _hourglass_stages(options):
    return [Stage("mse", 1.0, 0.0)] * options["num_stacks"]


_NETS = {
    "cpn": Net(
        build=cpn,
        options={
            "backbone": "resnet50",
            "head_channels": 256,
            "resnet_stride": "1x1",
            "detnet_laterals": "paper",
            **_LAYER_OPTIONS,
        },
        stages=_cpn_stages,
        keypoint_outputs=r"cpn/(global/level\d|refine)/heatmaps/",
        keypoint_inputs=None,
    ),
    "hourglass": Net(
        build=stacked_hourglass,
        options={"num_stacks": 8, "num_modules": 1, "feats_channels": 256, **_LAYER_OPTIONS},
        stages=_hourglass_stages,
        keypoint_outputs=r"hourglass/stack\d+/heatmaps/",
        keypoint_inputs=r"hourglass/stack\d+/remap_heatmaps/",
    ),
}

NAMES = tuple(_NETS)


def names():
    """Returns the names of the nets."""
    return tuple(_NETS)


def get_net(name):
    """Returns the `Net` called `name`, one of NAMES."""
    return _NETS[name]
