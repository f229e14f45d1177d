"""Exports of a small net: loaded without our code, run by other libraries, the same points as the checkpoint's."""

import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from made_models import make
from PIL import Image

from configs.keypoints import keypoint_names
from utility import model_directory
from utility.predict import Predictor

PLAIN_TENSORFLOW = """
import json, sys
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
files = [open(path, "rb").read() for path in sys.argv[2:]]
together = loaded.signatures["serving_default"](image_bytes=tf.constant(files))
images = [tf.cast(tf.io.decode_jpeg(data)[None], tf.float32) for data in files]
alone = [loaded.signatures["image"](image=image)["points"].numpy()[0].tolist() for image in images]
ours = [name for name in sys.modules if name.split(".")[0] in ("utility", "net", "preprocessing", "configs")]
print(json.dumps([together["points"].numpy().tolist(), together["scores"].numpy().tolist(), alone, ours]))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make(tmp_path_factory.mktemp("models") / "skirt")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of three JPEGs of unequal sizes, one larger than the Predictor takes whole."""
    folder = tmp_path_factory.mktemp("photos")
    for number, size in enumerate([(160, 120), (90, 200), (1300, 900)]):
        coarse = np.random.default_rng(number).integers(0, 255, [4, 5, 3]).astype(np.uint8)
        smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
        Image.fromarray(smooth).save(folder / f"{number}.jpg", quality=95)
    return folder


def export(program, model, output_dir, *words):
    return program("tools/export_model.py", f"--model_dir={model}", f"--output_dir={output_dir}", *words)


def expected(model, photos):
    predictor = Predictor(model)
    found = [predictor.predict(path)["keypoints"] for path in sorted(photos.iterdir())]
    return [[[point[axis] for axis in ("x", "y")] for point in keypoints.values()] for keypoints in found]


def test_saved_model_in_plain_tensorflow_gives_the_points_of_predict(program, model, photos, tmp_path, capfd):
    assert export(program, model, tmp_path / "out", f"--photos={photos}") == 0
    printed = capfd.readouterr()
    assert [line.split(":")[0] for line in printed.out.splitlines()] == [
        "serving_default",
        "image",
        f"{tmp_path}/out/saved_model",
    ]
    assert printed.err == ""
    words = [sys.executable, "-c", PLAIN_TENSORFLOW, tmp_path / "out/saved_model", *sorted(photos.iterdir())]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    together, scores, alone, ours = json.loads(done.stdout.splitlines()[-1])
    assert ours == []
    right = np.array(expected(model, photos))
    assert np.array(together) == pytest.approx(right, abs=0.1)
    assert np.array(alone) == pytest.approx(right, abs=0.1)
    assert np.shape(scores) == (3, 4)
    assert json.loads((tmp_path / "out/model.json").read_text())["keypoints"] == list(keypoint_names("skirt"))


def test_onnx_under_onnxruntime(program, model, photos, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `export` needs Python 3.10")
    assert export(program, model, tmp_path, "--format=onnx", f"--photos={photos}", "--flip_on_test") == 0
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    image = np.asarray(Image.open(photos / "1.jpg"), np.float32)
    points, scores = session.run(["points:0", "scores:0"], {"image:0": np.stack([image, image])})
    assert points.shape == (2, 4, 2)
    assert scores.shape == (2, 4)
    assert points[0] == pytest.approx(points[1], abs=1e-3)


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_the_median_exports_too(program, model, photos, tmp_path, capfd, form):
    if form == "onnx":
        pytest.importorskip("onnxruntime", reason="the extra `export` needs Python 3.10")
    chances = shutil.copytree(model, tmp_path / "skirt")
    description = {**model_directory.read(model), "heatmap_loss": "softmax", "decode": "median"}
    model_directory.write(chances, description)
    assert export(program, chances, tmp_path, f"--format={form}", f"--photos={photos}") == 0
    difference = capfd.readouterr().out.split(" by ")[1].split(" px")[0]
    assert float(difference) < 0.01


@pytest.mark.parametrize("quantize", ["none", "float16", "int8"])
def test_tflite_under_its_interpreter(program, model, photos, tmp_path, capfd, quantize):
    words = ("--format=tflite", f"--quantize={quantize}", f"--photos={photos}")
    assert export(program, model, tmp_path, *words) == 0
    first, last = capfd.readouterr().out.splitlines()
    assert first.startswith(f"tflite {quantize}: 3 photos, points differ from the checkpoint's by ")
    assert last.endswith("MB, done")
    median = float(first.split(" by ")[1].split(" px")[0])
    assert median < {"none": 0.01, "float16": 0.5, "int8": 20}[quantize]


def test_drawn_photos_serve_where_none_are_given(program, model, tmp_path, capfd):
    assert export(program, model, tmp_path, "--format=tflite") == 0
    assert "tflite none: 8 photos" in capfd.readouterr().out


def test_an_export_that_differs_is_refused_and_leaves_nothing(model, photos, tmp_path):
    from configs.errors import DataError
    from tools import export_model

    with pytest.raises(DataError, match="differs from the checkpoint by 5.00 px, more than 0.5: not exported"):
        export_model._compare("onnx", [np.zeros([4, 2])], [np.full([4, 2], [3.0, 4.0])], 1, 0.5, "model.onnx")


def test_quantize_is_for_tflite(program, model, tmp_path, capsys):
    assert export(program, model, tmp_path / "out", "--format=onnx", "--quantize=int8") == 2
    assert capsys.readouterr().err == "export_model.py: --quantize=int8 is for --format=tflite\n"
    assert not (tmp_path / "out").exists()
