"""The backbones by name: a new one is a row here."""

from net import detnet, efficientnet_lite, resnet


def _resnet(name):
    return lambda layers, images, options: resnet.backbone(layers, images, name, options["resnet_stride"])


def _detnet59(layers, images, options):
    return detnet.backbone(layers, images, options["resnet_stride"], options["detnet_laterals"])


def _efficientnet_lite0(layers, images, options):
    del options  # it has none
    return efficientnet_lite.backbone(layers, images)


# name -> function(layers, images, options) -> features of four levels, from fine to coarse.
BACKBONES = {
    **{name: _resnet(name) for name in resnet.BLOCKS},
    detnet.NAME: _detnet59,
    efficientnet_lite.NAME: _efficientnet_lite0,
}


def build(name, layers, images, options):
    """Builds the backbone `name` on [B, H, W, 3] (or channels first) and returns its four levels, fine to coarse."""
    return BACKBONES[name](layers, images, options)
