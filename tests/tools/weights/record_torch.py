"""Records what PyTorch's nets compute, for the tests of the importer: run where torch is, never in the tests.

    python tests/tools/weights/record_torch.py

needs `torch` and `efficientnet-lite-pytorch`, in an environment of their own, and writes `data/` beside this file:
features of nets with random weights (drawn by name, so that the tests can draw the same), and two small `.pth` files.
"""

from pathlib import Path

import numpy as np
import torch
from random_weights import draw, image
from torch import nn

DATA = Path(__file__).parent / "data"


class Bottleneck(nn.Module):
    """A block of ResNet-50 with torchvision's names and its stride in the 3x3 convolution."""

    def __init__(self, inputs, inner, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, 4 * inner, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * inner)
        self.downsample = None
        if stride > 1 or inputs != 4 * inner:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * inner, 1, stride, bias=False), nn.BatchNorm2d(4 * inner)
            )

    def forward(self, inputs):
        features = torch.relu(self.bn1(self.conv1(inputs)))
        features = torch.relu(self.bn2(self.conv2(features)))
        shortcut = inputs if self.downsample is None else self.downsample(inputs)
        return torch.relu(self.bn3(self.conv3(features)) + shortcut)


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for stage, (blocks, inner) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
            layers = []
            for block in range(blocks):
                layers.append(Bottleneck(channels, inner, 2 if block == 0 and stage > 1 else 1))
                channels = 4 * inner
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
        self.fc = nn.Linear(channels, 1000)

    def forward(self, images):
        features = self.maxpool(torch.relu(self.bn1(self.conv1(images))))
        levels = []
        for stage in (1, 2, 3, 4):
            features = getattr(self, f"layer{stage}")(features)
            levels.append(features)
        return levels


def lite_levels(net, images):
    """The features of EfficientNet-Lite0 after its blocks 2, 4, 10 and 15: the last of strides 4, 8, 16, 32."""
    features = net._swish(net._bn0(net._conv_stem(images)))
    levels = []
    for index, block in enumerate(net._blocks):
        features = block(features)
        if index in (2, 4, 10, 15):
            levels.append(features)
    return levels


def compute(net, forward):
    """Gives a net drawn weights; returns their {name: shape} and the features [B, h, w, C] of each level."""
    shapes = {key: tuple(value.shape) for key, value in net.state_dict().items() if value.is_floating_point()}
    weights = draw(shapes)
    net.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()}, strict=False)
    net.eval()
    with torch.no_grad():
        levels = forward(torch.from_numpy(image().transpose(0, 3, 1, 2)))
    return shapes, [level.numpy().transpose(0, 2, 3, 1) for level in levels]


def record(name, net, forward):
    """Writes the features of a net with drawn weights: every 8th channel."""
    shapes, levels = compute(net, forward)
    features = {f"level{number}": level[..., ::8] for number, level in enumerate(levels)}
    names = np.array([f"{key} {' '.join(map(str, shape))}" for key, shape in shapes.items()])
    np.savez_compressed(DATA / f"{name}.npz", names=names, **features)


def small_files():
    """Two `.pth` files with what real ones hold: a wrapped dict, views, parameters, half floats, counters."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = {
        "whole": base,
        "view": base[1:3, ::2],
        "turned": base.T,
        "parameter": nn.Parameter(torch.tensor([0.5, -1.5])),
        "half": torch.tensor([1.5, 2.5], dtype=torch.float16),
        "double": torch.tensor([[0.1]], dtype=torch.float64),
        "counter": torch.tensor(7),
    }
    state = nn.Linear(1, 1).state_dict()  # an ordered dict with metadata, as every state dict is
    state.clear()
    state.update(tensors)
    for name, new in (("zipped", True), ("sequence", False)):
        checkpoint = {"epoch": 3, "state_dict": state}
        torch.save(checkpoint, DATA / f"{name}.pth", _use_new_zipfile_serialization=new)


if __name__ == "__main__":
    from efficientnet_lite_pytorch import EfficientNet

    DATA.mkdir(exist_ok=True)
    resnet = ResNet50()
    record("resnet50", resnet, resnet)
    lite = EfficientNet.from_name("efficientnet-lite0")
    record("efficientnet_lite0", lite, lambda images: lite_levels(lite, images))
    small_files()
