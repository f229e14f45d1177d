"""Options of nets and backbones: declared beside them, flat in flags and descriptions, typed in the builders."""

import re
from pathlib import Path

import every_net
import pytest
import tensorflow as tf

from base.options import rows
from configs.flag_table import FLAGS
from net import backbones, registry
from net.backbones import detnet
from net.declarations import Backbone
from net.layers import LayerOptions, Layers

ROOT = Path(__file__).parents[2]


def test_every_option_is_a_flag_with_the_choices_of_the_folder():
    for name in every_net.NAMES:
        assert registry.flag_rows(name).keys() <= FLAGS.keys()
        settled = registry.option_rows(name).keys() - registry.flag_rows(name).keys()
        assert not settled & FLAGS.keys()  # the weights of the net say those
        assert {row.name for row in rows(LayerOptions)} <= registry.option_rows(name).keys()
        assert registry.get_net(name).training.keys() <= FLAGS.keys()
    assert FLAGS["backbone"].choices == backbones.names()
    assert FLAGS["net"].choices == every_net.NAMES
    assert set(backbones.names()) >= {"resnet50", "resnet101", "resnet152", "detnet59", "efficientnet_lite0"}


def test_a_net_is_described_by_its_own_options_and_those_of_its_backbone():
    plain = registry.complete("cpn", {"backbone": "efficientnet_lite0", "detnet_laterals": "reference"})
    assert plain.keys() == {"backbone", "head_channels", "padding", "bn_momentum", "bn_epsilon", "initializer"}
    options = registry.complete("cpn", {"backbone": "detnet59", "resnet_stride": "3x3"})
    assert (options["detnet_laterals"], options["resnet_stride"]) == ("paper", "3x3")
    assert "feats_channels" not in options
    with pytest.raises(ValueError, match="cpn has no option feats_channels: expected one of"):
        registry.complete("cpn", {"feats_channels": 8})


def test_the_backbone_s_options_reach_it_typed_and_unread():
    options = registry.make_options("cpn", {"backbone": "detnet59", "detnet_laterals": "reference", "padding": "same"})
    assert options.backbone_options == detnet.Options(resnet_stride="1x1", detnet_laterals="reference")
    assert (options.padding, options.head_channels) == ("same", 256)
    others = backbones.option_rows().keys()
    assert not [name for name in others if name in (ROOT / "net/nets/cpn.py").read_text()]


def test_the_size_of_heatmaps_is_declared_beside_the_net():
    assert [registry.get_net("hourglass").heatmap_size(size) for size in (64, 66, 256)] == [16, 17, 64]
    assert registry.get_net("cpn").heatmap_size(384) is None


def test_nets_do_not_speak_of_flags():
    for path in ROOT.glob("net/**/*.py"):
        assert not re.findall(r"--\w+", path.read_text()), path


@pytest.mark.parametrize(
    ("sizes", "fits"),
    [
        ([16, 8, 4, 2], True),
        ([8, 4, 4, 4], True),
        ([16, 8, 4], False),
        ([16, 8, 4, 2, 1], False),
        ([16, 8, 16, 8], False),
    ],
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_backbone_of_other_levels_is_refused(monkeypatch, sizes, fits, data_format):
    def build(layers, images, options):
        shapes = [(1, size, size, 3) if data_format == "channels_last" else (1, 3, size, size) for size in sizes]
        return [tf.zeros(shape) for shape in shapes]

    monkeypatch.setattr(backbones, "find", lambda name: Backbone(build))
    layers = Layers(False, data_format)
    if fits:
        assert len(backbones.build("ours", layers, None)) == 4
    else:
        with pytest.raises(ValueError, match="backbone ours: expected four levels, fine to coarse, got levels of"):
            backbones.build("ours", layers, None)
