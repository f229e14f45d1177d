"""The backbones: files that declare `BACKBONES`, {name: `net.declarations.Backbone`}, one or a family of them each.

This folder is listed; a new backbone is a new file. The files take TensorFlow from `base.late_tensorflow`, so that
their options can be read without it.
"""

import dataclasses
import functools
from typing import Any

from base import listing
from base.options import merged, option, rows
from net import declared
from net.layers import LayerOptions


@functools.cache
def _all():
    """Returns {name: Backbone}."""
    found = {}
    for module in listing.modules(__path__):
        found.update(declared.load_backbones(__name__, module))
    return found


def names():
    """Returns the names of the backbones."""
    return tuple(_all())


def find(name):
    """Returns the `Backbone` called `name`, one of `names`."""
    return _all()[name]


def option_rows():
    """Returns {name: Option} of the options that one or more of the backbones have."""
    return merged(*(rows(backbone.options) for backbone in _all().values()))


def build(name, layers, images, options=None):
    """Builds a backbone.

    Args:
      name: one of `names`.
      layers: the net's `Layers`.
      images: [B, H, W, 3] or [B, 3, H, W] float32, normalised as the weights expect it.
      options: an instance of the backbone's dataclass; None for its defaults.

    Returns:
      Its features of four levels, fine to coarse.

    Raises:
      ValueError: the backbone's file gives other levels than nets stand on.
    """
    backbone = find(name)
    levels = backbone.build(layers, images, backbone.options() if options is None else options)
    sizes = [list(layers.size(level)) for level in levels]
    if len(levels) != 4 or any(map(_is_finer, sizes[1:], sizes)):
        raise ValueError(f"backbone {name}: expected four levels, fine to coarse, got levels of {sizes}")
    return levels


def _is_finer(size, than):
    """Returns whether a level is larger than the one before it; DetNet's last ones have one size."""
    return None not in (*size, *than) and any(side > other for side, other in zip(size, than))


@dataclasses.dataclass(frozen=True)
class BackboneOptions(LayerOptions):
    """The options of a net that stands on a backbone; such a net derives its own from them.

    Attributes:
      backbone_options: those of the backbone, an instance of its dataclass, which the net hands on unread; None for
        the defaults. `net.registry.make_options` fills it.
    """

    backbone: str = option(
        "resnet50", "The net that makes features of the photo, on which this one stands.", choices=names()
    )
    backbone_options: Any = None
