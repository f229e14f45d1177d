"""Every export in every runtime, for photos of any size: the points of the checkpoint, within the bounds of --help.

Small here; `pytest --hypothesis-profile=thorough tests/tools/test_export_runtimes.py` takes larger photos, and more.
"""

import contextlib
import io
import shutil

import cv2
import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from made_models import make
from PIL import Image

from preprocessing.input import decoding
from tools.export_model import TOLERANCE
from utility.model import inference_graph, model_directory
from utility.prediction import export, exported
from utility.prediction.predictor import Predictor

THOROUGH = hypothesis.settings.default.max_examples > 1000
EXAMPLES = hypothesis.settings(
    max_examples=60 if THOROUGH else 6, deadline=None, derandomize=True, database=None,
    phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip
LARGEST = 5000 if THOROUGH else 1300


@pytest.fixture(scope="module", params=["dark", "median"])
def runtimes(request, tmp_path_factory):
    """(Predictor, {name: (runner of exported, tolerance)}) of one small net in every format and runtime."""
    folder = tmp_path_factory.mktemp(request.param)
    loss = {"dark": "mse", "median": "softmax"}[request.param]
    made = make(folder / "skirt", seed=3)
    model_directory.write(made, model_directory.read(made).with_codec(decode=request.param, heatmap_loss=loss))
    model, graph_def = inference_graph.freeze(made, data_format="channels_last")
    export.saved_model(model, graph_def, str(folder / "saved"))
    portable = export.portable_graph(model, graph_def)
    (folder / "model.tflite").write_bytes(export.tflite(portable, (export.POINTS, export.SCORES)))
    runners = {
        "SavedModel of bytes": exported.saved_model_runner(str(folder / "saved"), "serving_default"),
        "SavedModel of pixels": exported.saved_model_runner(str(folder / "saved"), "image"),
        "TFLite": exported.tflite_runner(str(folder / "model.tflite")),
        "TFLite by TensorFlow": _tensorflow_lite(str(folder / "model.tflite")),
    }
    with contextlib.suppress(ImportError):  # the converter is for Python 3.10 and later
        import tf2onnx  # noqa: F401

        (folder / "model.onnx").write_bytes(export.onnx(portable, (export.POINTS, export.SCORES)))
        runners["ONNX"] = exported.onnx_runner(str(folder / "model.onnx"))
    with contextlib.suppress(ImportError):
        for name in ("model.tflite", "model.onnx"):
            if (folder / name).exists():
                runners[f"OpenVINO of {name}"] = _openvino(str(folder / name))
    return Predictor(made), runners


def _tensorflow_lite(path):
    """The older interpreter, by the names of the tensors' signature."""
    serve = tf.lite.Interpreter(path).get_signature_runner("serving_default")
    return lambda encoded, image: serve(image=image[None].astype(np.float32))["points"][0]


def _openvino(path):
    """By the names that --help gives, in 32 bits as it says."""
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    if path.endswith("onnx"):
        return lambda encoded, image: compiled({"image": image[None].astype(np.float32)})["points"][0]
    points = next(output for output in compiled.outputs if len(output.partial_shape) == 3)
    return lambda encoded, image: compiled([image[None].astype(np.float32)])[points][0]


def _tolerance(name):
    return TOLERANCE["saved_model" if name.startswith("SavedModel") else "onnx"]


def draw(width, height, noise, seed):
    """Returns [height, width, 3] uint8: smooth colours, with sensor noise where it is asked for."""
    random = np.random.default_rng(seed)
    image = cv2.resize(
        random.integers(0, 256, [5, 6, 3]).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    if noise:
        image += random.normal(0, 12, image.shape)
    return image.clip(0, 255).round().astype(np.uint8)


@st.composite
def photos(draw_from):
    """A photo of 16 to LARGEST px, odd or even, portrait or landscape, smooth or noisy, with or without subsampling."""
    longer = draw_from(st.integers(16, LARGEST))
    shorter = draw_from(st.integers(max(16, longer // 4), longer))
    size = (longer, shorter) if draw_from(st.booleans()) else (shorter, longer)
    image = draw(*size, noise=draw_from(st.booleans()), seed=draw_from(st.integers(0, 99)))
    encoded = io.BytesIO()
    Image.fromarray(image).save(encoded, "JPEG", quality=draw_from(st.sampled_from([75, 95])))
    return encoded.getvalue()


def decoded(encoded):
    """Returns the photo's pixels as TensorFlow, Pillow and OpenCV decode them."""
    return (
        tf.io.decode_jpeg(encoded, channels=3, dct_method=decoding.DCT).numpy(),
        np.asarray(Image.open(io.BytesIO(encoded))),
        cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)[..., ::-1],
    )


@EXAMPLES
@hypothesis.given(encoded=photos())
def test_every_runtime_finds_the_points_of_predict(runtimes, encoded):
    predictor, runners = runtimes
    image, *others = decoded(encoded)
    for other in others:  # so that a runtime's points do not depend on who decodes
        np.testing.assert_array_equal(other, image)
    (expected,), _ = predictor.find([image], ["skirt"])
    for name, run in runners.items():
        difference = np.linalg.norm(run(encoded, image) - expected, axis=-1).max()
        assert difference <= _tolerance(name), f"{name}, {image.shape[1]}x{image.shape[0]}: {difference:.3f} px"


def test_every_runtime_is_there(runtimes):
    """Which the development extras install; so nothing above passes for want of something to run."""
    _, runners = runtimes
    pytest.importorskip("tf2onnx", reason="the extra `export` needs Python 3.10")
    pytest.importorskip("openvino", reason="the extra `dev` has it")
    assert len(runners) == 7


def test_batches_of_unequal_files_and_of_one_size(runtimes, tmp_path):
    """The SavedModel's bytes may be of any sizes together; an array of N photos is N times one."""
    predictor, runners = runtimes
    del runners
    folder = str(tmp_path / "saved")
    model, graph_def = inference_graph.freeze(make(tmp_path / "skirt", seed=3), data_format="channels_last")
    export.saved_model(model, graph_def, folder)
    loaded = tf.saved_model.load(folder)
    images = [draw(*size, noise=True, seed=1) for size in ((70, 50), (300, 513), (16, 1000))]
    encoded = [tf.io.encode_png(image).numpy() for image in images]  # PNG: what is given is what is decoded
    together = loaded.signatures["serving_default"](image_bytes=tf.constant(encoded))
    expected, scores = Predictor(str(tmp_path / "skirt")).find(images, ["skirt"] * 3)
    np.testing.assert_allclose(together["points"], np.stack(expected), atol=0.1)
    np.testing.assert_allclose(together["scores"], np.stack(scores), atol=1e-3)
    pair = np.stack([images[1], images[1][::-1]]).astype(np.float32)
    points = loaded.signatures["image"](image=tf.constant(pair))["points"].numpy()
    expected, _ = Predictor(str(tmp_path / "skirt")).find([images[1], images[1][::-1]], ["skirt"] * 2)
    np.testing.assert_allclose(points, np.stack(expected), atol=0.1)
    shutil.rmtree(folder)


def test_names_and_dimensions_are_as_help_says(runtimes, tmp_path):
    model, graph_def = inference_graph.freeze(make(tmp_path / "skirt"), data_format="channels_last")
    portable = export.portable_graph(model, graph_def)
    (tmp_path / "model.tflite").write_bytes(export.tflite(portable, (export.POINTS, export.SCORES)))
    interpreter = tf.lite.Interpreter(str(tmp_path / "model.tflite"))
    signatures = interpreter.get_signature_list()
    assert {name: {side: sorted(value) for side, value in sides.items()} for name, sides in signatures.items()} == {
        "serving_default": {"inputs": ["image"], "outputs": ["points", "scores"]}
    }
    pytest.importorskip("tf2onnx", reason="the extra `export` needs Python 3.10")
    onnx = pytest.importorskip("onnx")
    graph = onnx.load_from_string(export.onnx(portable, (export.POINTS, export.SCORES)))
    onnx.checker.check_model(graph, full_check=True)
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.graph.input, *graph.graph.output)
    }
    assert shapes == {"image": ["N", "H", "W", 3], "points": ["N", 4, 2], "scores": ["N", 4]}
