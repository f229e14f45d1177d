"""Imported weights against the nets that they came from: Keras' ResNet-50, and PyTorch's as recorded."""

import json
import runpy
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf
from made_models import make
from safetensors.numpy import save_file

from net import backbones, registry
from net.layers import Layers
from tools.weights import layouts

v1 = tf.compat.v1
HERE = Path(__file__).parent
draw, image = (runpy.run_path(HERE / "random_weights.py")[name] for name in ("draw", "image"))


def features_of(folder, backbone, images):
    """The levels of our backbone with the weights of an imported checkpoint, on images normalised by the caller."""
    description = json.loads((folder / "backbone.json").read_text())
    options = registry.make_options("cpn", {"backbone": backbone, **description["net_options"]})
    layers = Layers(False, options=options)
    with tf.Graph().as_default(), v1.Session() as session:
        levels = backbones.build(backbone, layers, tf.constant(images), options.backbone_options)
        v1.train.Saver().restore(session, str(folder / "model.ckpt"))
        return session.run(levels)


def assert_same(ours, theirs):
    for level, other in zip(ours, theirs):
        assert np.std(other) > 0.01
        np.testing.assert_allclose(level, other, atol=1e-4 * max(1, np.abs(other).max()), rtol=0)


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """(file of random weights as Keras writes it, images, features after each stage)."""
    names = ["conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"]
    path = tmp_path_factory.mktemp("keras") / "resnet50.h5"
    return path, *written_by_keras(tf.keras.applications.ResNet50, path, names)


def written_by_keras(net, path, names):
    """Writes random weights of a net of Keras' to a file; returns images and the features of some layers on them."""
    images = np.random.RandomState(3).uniform(0, 255, (1, 96, 64, 3)).astype(np.float32)
    model = net(include_top=False, weights=None, input_shape=(96, 64, 3))
    random = np.random.RandomState(4)
    weights = []
    for variable in model.weights:
        shape, name = tuple(variable.shape), variable.name
        if len(shape) > 1:
            weights.append(random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape))
        elif "variance" in name or "gamma" in name:
            weights.append(random.uniform(0.3, 1.0, shape))
        else:
            weights.append(random.normal(0, 0.2, shape))
    model.set_weights(weights)
    _save_weights(model, path)
    outputs = tf.keras.Model(model.input, [model.get_layer(name).output for name in names])
    prepared = tf.keras.applications.resnet50.preprocess_input(images.copy())
    return images, [level.numpy() for level in outputs(prepared)]


def _save_weights(model, path):
    """Writes what `model.save_weights` of Keras 2 does: Keras 3 writes it only as a part of a whole model's file."""
    whole = path.with_name("whole.h5")
    model.save(str(whole))
    with h5py.File(whole, "r") as source, h5py.File(path, "w") as target:
        for name in source["model_weights"]:
            source.copy(source["model_weights"][name], target, name)
        for name, value in source["model_weights"].attrs.items():
            target.attrs[name] = value


def normalised(images, folder):
    normalisation = json.loads((folder / "backbone.json").read_text())["normalisation"]
    return ((images - normalisation["mean"]) * normalisation["scale"]).astype(np.float32)


def import_weights(program, backbone, path, folder):
    words = (f"--backbone={backbone}", f"--weights={path}", f"--output_dir={folder}")
    assert program("tools/import_weights.py", *words) == 0


def test_keras_resnet50_at_every_stage(keras, program, tmp_path):
    path, images, features = keras
    import_weights(program, "resnet50", path, tmp_path)
    assert_same(features_of(tmp_path, "resnet50", normalised(images, tmp_path)), features)


def test_detnet_takes_the_first_stages(keras, program, tmp_path):
    path, images, features = keras
    import_weights(program, "detnet59", path, tmp_path)
    reader = tf.train.load_checkpoint(str(tmp_path))
    names = set(reader.get_variable_to_shape_map())
    assert len(names) == 5 * (1 + 13 * 3 + 3)  # stem, blocks, shortcuts; a kernel and four of batch norm each
    assert not any("stage5" in name or "stage6" in name for name in names)


def test_older_names_of_keras(keras, program, tmp_path):
    """The same arrays under the names that the file of the same name had before 2019."""
    path, images, features = keras
    older = tmp_path / "older.h5"
    renamed = {
        unit.conv: old.conv
        for unit, old in zip(
            layouts.layout("resnet50", "keras", {"conv1_conv"}).units,
            layouts.layout("resnet50", "keras", {"bn_conv1"}).units,
        )
    }
    renamed["conv1_bn"] = "bn_conv1"
    for new, old in list(renamed.items()):
        if new.startswith("conv") and old.startswith("res"):
            renamed[new.replace("_conv", "_bn")] = old.replace("res", "bn")
    assert renamed["conv4_block6_2_conv"] == "res4f_branch2b"
    assert renamed["conv2_block1_0_bn"] == "bn2a_branch1"
    with h5py.File(path, "r") as source, h5py.File(older, "w") as target:
        names = [name for name in source.attrs["layer_names"] if len(source[name].attrs["weight_names"])]
        target.attrs["layer_names"] = [renamed[name].encode() for name in names]
        for name in names:
            source.copy(name, target, renamed[name])
    import_weights(program, "resnet50", older, tmp_path / "checkpoint")
    folder = tmp_path / "checkpoint"
    assert_same(features_of(folder, "resnet50", normalised(images, folder)), features)


@pytest.mark.parametrize("backbone", ["resnet50", "efficientnet_lite0"])
def test_features_that_pytorch_computed(backbone, program, tmp_path):
    recorded = np.load(HERE / "data" / f"{backbone}.npz")
    shapes = {}
    for line in recorded["names"]:
        name, *shape = line.split()
        shapes[name] = tuple(map(int, shape))
    save_file(draw(shapes), tmp_path / "weights.safetensors")
    import_weights(program, backbone, tmp_path / "weights.safetensors", tmp_path)
    ours = features_of(tmp_path, backbone, image())
    assert_same([level[..., ::8] for level in ours], [recorded[f"level{number}"] for number in range(4)])


def test_features_that_pytorch_computes_now(program, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")  # a development check: the recorded features above stand for it
    monkeypatch.syspath_prepend(HERE)
    record = runpy.run_path(HERE / "record_torch.py")
    net = record["ResNet50"]()
    _, theirs = record["compute"](net, net)
    torch.save(net.state_dict(), tmp_path / "resnet50.pth")
    import_weights(program, "resnet50", tmp_path / "resnet50.pth", tmp_path / "imported")
    assert_same(features_of(tmp_path / "imported", "resnet50", image()), theirs)


def test_what_the_weights_expect_is_kept(program, tmp_path):
    shapes = dict(line.split(maxsplit=1) for line in np.load(HERE / "data" / "resnet50.npz")["names"])
    shapes = {name: tuple(map(int, shape.split())) for name, shape in shapes.items()}
    save_file(draw(shapes), tmp_path / "weights.safetensors")
    import_weights(program, "resnet50", tmp_path / "weights.safetensors", tmp_path)
    description = json.loads((tmp_path / "backbone.json").read_text())
    assert description["net_options"] == {"resnet_stride": "3x3", "padding": "symmetric", "bn_epsilon": 1e-5}
    assert np.allclose(description["normalisation"]["mean"], [123.675, 116.28, 103.53])
    assert np.allclose(1 / np.array(description["normalisation"]["scale"]), [58.395, 57.12, 57.375])


def test_a_models_folder_keeps_its_checkpoints(program, tmp_path, capsys):
    """The file `checkpoint`, by which a training finds its own ones, named the imported one."""
    model = Path(make(tmp_path / "skirt"))
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    assert program("tools/import_weights.py", "--backbone=efficientnet_lite0", f"--output_dir={model}") == 1
    assert "skirt: is a model's folder" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


def test_vgg16_of_keras_and_of_torchvision(program, tmp_path):
    path = tmp_path / "vgg16.h5"
    levels = [f"block{number}_pool" for number in (2, 3, 4, 5)]
    images, features = written_by_keras(tf.keras.applications.VGG16, path, levels)
    import_weights(program, "vgg16", path, tmp_path / "keras")
    assert_same(features_of(tmp_path / "keras", "vgg16", normalised(images, tmp_path / "keras")), features)
    # The same weights as torchvision names them: numbers count the activations and poolings, too, and photos are RGB.
    positions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    theirs = {"classifier.0.weight": np.zeros([2, 3], np.float32)}
    with h5py.File(path, "r") as file:
        convolutions = sorted(name for name in file if "conv" in name)
        for position, name in zip(positions, convolutions):
            kernel, bias = (file[name][str(weight)][()] for weight in file[name].attrs["weight_names"])
            kernel = kernel if position else kernel[:, :, ::-1]
            theirs[f"features.{position}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
            theirs[f"features.{position}.bias"] = bias
    save_file(theirs, tmp_path / "vgg16.safetensors")
    import_weights(program, "vgg16", tmp_path / "vgg16.safetensors", tmp_path / "torch")
    prepared = normalised(images, tmp_path / "keras")
    assert_same(features_of(tmp_path / "torch", "vgg16", prepared), features)
    assert json.loads((tmp_path / "torch" / "backbone.json").read_text())["normalisation"]["scale"][0] < 0.02


def wrong_weights(shapes):
    yield "is missing", {name: shape for name, shape in shapes.items() if name != "layer2.0.bn1.running_var"}
    yield "is unknown", {**shapes, "layer3.6.conv1.weight": (256, 1024, 1, 1)}
    yield "gets the shape", {**shapes, "layer1.0.conv2.weight": (64, 2, 3, 3)}


def test_weights_of_another_net_are_refused(program, tmp_path, capsys):
    shapes = dict(line.split(maxsplit=1) for line in np.load(HERE / "data" / "resnet50.npz")["names"])
    shapes = {name: tuple(map(int, shape.split())) for name, shape in shapes.items()}
    path = tmp_path / "weights.safetensors"
    for message, wrong in wrong_weights(shapes):
        save_file({name: np.zeros(shape, np.float32) for name, shape in wrong.items()}, path)
        code = program("tools/import_weights.py", f"--weights={path}", f"--output_dir={tmp_path}/checkpoint")
        lines = capsys.readouterr().err.splitlines()
        assert code == 1
        assert len(lines) == 1
        assert message in lines[0]
    assert not (tmp_path / "checkpoint").exists()
