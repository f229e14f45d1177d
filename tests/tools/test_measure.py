"""tools/measure.py and tools/draw_marker.py as someone runs them: numbers, pictures, and what is said of faults."""

import csv
import json
import math

import cv2
import made_trainings
import numpy as np
import pytest
from made_models import make
from PIL import Image

from base.schema import default
from tools.measuring import measurements, results
from utility.measurement import marker, plane
from utility.prediction.predictor import Predictor

CHAINS = dict(default().category("skirt").measurements)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make(tmp_path_factory.mktemp("models") / "skirt", net=made_trainings.NET)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with a photo with a marker of 60 px, and one without."""
    folder = tmp_path_factory.mktemp("photos")
    coarse = np.random.default_rng(3).integers(0, 255, [4, 5, 3]).astype(np.uint8)
    picture = cv2.resize(coarse, (400, 320), interpolation=cv2.INTER_CUBIC)
    Image.fromarray(picture).save(folder / "without.png")
    picture[20:100, 30:110] = marker.draw(5, 60, 10)[..., None]
    Image.fromarray(picture).save(folder / "with.png")
    return folder


def measure(program, model, image, output, *words):
    return program("tools/measure.py", f"--model_dir={model}", f"--image={image}", f"--output={output}", *words)


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_pixels_are_those_of_the_predicted_points(program, model, photos, tmp_path):
    assert measure(program, model, photos, tmp_path / "sizes.csv") == 0
    rows = read(tmp_path / "sizes.csv")
    assert [row["measurement"] for row in rows] == [*CHAINS, *CHAINS]
    found = Predictor(model).predict(photos / "with.png")["keypoints"]
    for row in rows[: len(CHAINS)]:
        assert row["image"] == str(photos / "with.png")
        chain = [(found[name]["x"], found[name]["y"]) for name in CHAINS[row["measurement"]]]
        assert math.isclose(float(row["pixels"]), sum(map(math.dist, chain, chain[1:])), abs_tol=1e-2)
        assert row["cm"] == row["cm_sd"] == ""


def test_a_marker_scales_and_the_other_photos_are_told(program, model, photos, tmp_path, capsys):
    sizes, pictures = tmp_path / "sizes.json", tmp_path / "pictures"
    assert measure(program, model, photos, sizes, "--marker_cm=15", f"--output_dir={pictures}") == 1
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith(f"measure.py: {photos / 'without.png'}: has no marker that can be found: expected a whole")
    (only,) = json.loads(sizes.read_text())
    assert only["image"] == str(photos / "with.png")
    for one in only["measurements"].values():
        assert math.isclose(one["cm"], one["pixels"] * 15 / 60, rel_tol=0.01)
    drawn = np.asarray(Image.open(pictures / "with.png"))
    assert drawn.shape == (320, 400, 3)
    assert [path.name for path in pictures.iterdir()] == ["with.png"]


def test_a_scale_divides(program, model, photos, tmp_path):
    assert measure(program, model, photos / "with.png", tmp_path / "sizes.csv", "--pixels_per_cm=4") == 0
    for row in read(tmp_path / "sizes.csv"):
        assert math.isclose(float(row["cm"]), float(row["pixels"]) / 4, abs_tol=1e-3)


def test_standard_deviations_are_written_where_points_have_covariances(tmp_path):
    chain = CHAINS["waistband"]
    keypoints = {
        name: {"x": 10.0, "y": 5.0, "score": 1.0, "covariance": [[4.0, 0], [0, 1]]} for name in default().keypoints
    }
    keypoints[chain[1]] = {**keypoints[chain[1]], "x": 110.0}
    found = {"category": "skirt", "width": 200, "height": 100, "keypoints": keypoints}
    own = measurements.measure(default(), found, plane.of_scale(10.0), "the photo")
    results.write(str(tmp_path / "sizes.csv"), [("1.jpg", "skirt", own)])
    (row,) = (row for row in read(tmp_path / "sizes.csv") if row["measurement"] == "waistband")
    assert (row["pixels"], row["pixels_sd"]) == ("100.000", f"{math.sqrt(8):.3f}")
    assert (row["cm"], row["cm_sd"]) == ("10.000", f"{math.sqrt(8) / 10:.3f}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pixels_per_cm=4", "--marker_cm=10"], "both give the scale: expected one of them"),
        (["--marker_cm=0"], "--marker_cm"),
        (["--category=hat"], "--category must name the garment"),
    ],
)
def test_wrong_words(program, model, photos, tmp_path, capsys, words, said):
    assert measure(program, model, photos, tmp_path / "sizes.csv", *words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "sizes.csv").exists()


def test_a_checkpoint_is_of_one_model(program, model, photos, tmp_path, capsys):
    assert measure(program, f"{model},{model}", photos, tmp_path / "sizes.csv", f"--checkpoint_path={model}") == 2
    assert capsys.readouterr().err == "measure.py: --checkpoint_path is one model's: --model_dir must name one model\n"


def test_nothing_is_overwritten(program, model, photos, tmp_path, capsys):
    assert measure(program, model, photos / "with.png", photos / "with.png") == 2
    assert measure(program, model, photos, tmp_path / "sizes.csv", f"--output_dir={photos}") == 2
    assert "expected another" in capsys.readouterr().err
    assert Image.open(photos / "with.png").size == (400, 320)


def test_a_drawn_marker_is_written(program, tmp_path, capsys):
    assert program("tools/draw_marker.py", f"--output={tmp_path / 'marker.svg'}") == 0
    assert (tmp_path / "marker.svg").read_text() == marker.to_svg(0, 10)
    assert "10 cm" in capsys.readouterr().out
