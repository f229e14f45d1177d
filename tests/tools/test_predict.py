"""tools/predict.py as someone runs it: files and their contents, EXIF, odd images, sizes, lists, videos, faults."""

import csv
import functools
import json
import os
import shutil

import cv2
import hypothesis
import made_trainings
import numpy as np
import pytest
import tensorflow as tf
from fashionai import keypoint_names
from hypothesis import strategies as st
from made_models import make
from PIL import Image

from base.errors import DataError
from base.files import exclusive_file
from tools.predict import output_names
from utility.prediction import smoothing, video
from utility.prediction.predictor import Predictor


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make(tmp_path_factory.mktemp("models") / "skirt", net=made_trainings.NET)


@pytest.fixture(scope="module")
def picture():
    """[120, 160, 3] uint8: smooth colours without symmetry."""
    coarse = np.random.default_rng(3).integers(0, 255, [4, 5, 3]).astype(np.uint8)
    return cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)


def predict(program, model, image, output_dir, *words):
    return program("tools/predict.py", f"--model_dir={model}", f"--image={image}", f"--output_dir={output_dir}", *words)


def points_of(path):
    keypoints = json.loads(path.read_text())["keypoints"]
    return np.array([[keypoints[name]["x"], keypoints[name]["y"]] for name in keypoint_names("skirt")])


def test_writes_json_picture_and_table(program, model, picture, tmp_path, capsys):
    Image.fromarray(picture).save(tmp_path / "photo.jpg", quality=95)
    assert predict(program, model, tmp_path / "photo.jpg", tmp_path / "out") == 0
    content = json.loads((tmp_path / "out/photo.json").read_text())
    assert {key: content[key] for key in ("image", "category", "width", "height")} == {
        "image": str(tmp_path / "photo.jpg"),
        "category": "skirt",
        "width": 160,
        "height": 120,
    }
    assert list(content["keypoints"]) == list(keypoint_names("skirt"))
    assert set(content["keypoints"]["hemline_left"]) == {"x", "y", "score"}
    assert Image.open(tmp_path / "out/photo.png").size == (160, 120)
    with open(tmp_path / "out/keypoints.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["keypoint"] for row in rows] == list(keypoint_names("skirt"))
    assert float(rows[0]["x"]) == pytest.approx(content["keypoints"]["waistband_left"]["x"], abs=1e-3)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_exif_orientation_turns_the_points(program, model, picture, tmp_path, orientation):
    """The file's pixels are turned so that its orientation turns them back: the upright photo's points."""
    turns = {3: 2, 6: 1, 8: 3}[orientation]  # quarter turns, counter-clockwise, from upright to stored
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(tmp_path / "upright.png")
    Image.fromarray(np.rot90(picture, turns)).save(tmp_path / "turned.jpg", exif=exif, quality=100, subsampling=0)
    assert predict(program, model, f"{tmp_path}/upright.png,{tmp_path}/turned.jpg", tmp_path / "out") == 0
    turned = json.loads((tmp_path / "out/turned.json").read_text())
    assert (turned["width"], turned["height"]) == (160, 120)
    difference = points_of(tmp_path / "out/turned.json") - points_of(tmp_path / "out/upright.json")
    assert np.linalg.norm(difference, axis=1).max() < 3  # JPEG's noise moves the peaks of a random net a little


@pytest.mark.parametrize("kind", ["png", "webp", "grey.jpg", "cmyk.jpg", "alpha.png"])
def test_images_as_people_have_them(program, model, picture, tmp_path, kind):
    image = Image.fromarray(picture)
    image = {"grey.jpg": image.convert("L"), "cmyk.jpg": image.convert("CMYK"), "alpha.png": image.convert("RGBA")}.get(
        kind, image
    )
    image.save(tmp_path / f"photo.{kind}")
    assert predict(program, model, tmp_path, tmp_path / "out") == 0
    (path,) = (tmp_path / "out").glob("*.json")
    assert np.isfinite(points_of(path)).all()


@pytest.mark.parametrize(("width", "height"), [(16, 16), (1, 3000), (3000, 1), (2600, 2000)])
def test_any_size_has_an_answer_inside_the_photo(program, model, picture, tmp_path, width, height):
    Image.fromarray(cv2.resize(picture, (width, height))).save(tmp_path / "photo.png")
    assert predict(program, model, tmp_path / "photo.png", tmp_path / "out") == 0
    points = points_of(tmp_path / "out/photo.json")
    assert ((points >= -1) & (points <= [width, height])).all()


@pytest.mark.parametrize("box", ["30,20,150,100", "30_20_150_100"])  # as a list, and as a CSV has it
def test_the_json_says_which_box_was_looked_at(program, model, picture, tmp_path, box):
    Image.fromarray(picture).save(tmp_path / "photo.png")
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    writer.write(picture[..., ::-1].copy())
    writer.release()
    files = f"{tmp_path}/photo.png,{tmp_path}/film.avi"
    assert predict(program, model, files, tmp_path / "out", f"--box={box}") == 0
    for name in ("photo", "film"):
        assert json.loads((tmp_path / f"out/{name}.json").read_text())["box"] == [30, 20, 150, 100]


def test_a_box_is_predicted_as_the_photo_that_it_cuts_out(model, picture):
    predictor = Predictor(model)
    part = predictor.predict(np.ascontiguousarray(picture[20:100, 30:150]))["keypoints"]
    whole = predictor.predict(picture, box=(30, 20, 150, 100))["keypoints"]
    for name, point in part.items():
        assert (whole[name]["x"] - 30, whole[name]["y"] - 20) == pytest.approx((point["x"], point["y"]), abs=1e-3)


def test_lists_folders_and_names_that_are_the_same(program, model, picture, tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/photo.jpg", "a/photo.png", "b.jpg"):
        Image.fromarray(picture).save(tmp_path / name)
    (tmp_path / "list.txt").write_text(f"{tmp_path}/b.jpg\n\n")
    assert predict(program, model, f"{tmp_path}/a,{tmp_path}/list.txt", tmp_path / "out") == 0
    names = {path.name for path in (tmp_path / "out").glob("*.json")}
    assert names == {"photo.jpg.json", "photo.png.json", "b.json"}


def test_videos_are_predicted_frame_by_frame(program, model, picture, tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for shift in range(3):
        writer.write(np.roll(picture, 8 * shift, axis=1)[..., ::-1].copy())
    writer.release()
    assert predict(program, model, tmp_path / "film.avi", tmp_path / "out") == 0
    content = json.loads((tmp_path / "out/film.json").read_text())
    assert [frame["seconds"] for frame in content["frames"]] == [0, 0.1, 0.2]
    capture = cv2.VideoCapture(str(tmp_path / "out/film.mp4"))
    assert [capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_COUNT)] == [160, 3]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["film.json", "film.mp4", "keypoints.csv"]


def test_a_video_is_smoothed_where_it_is_asked_for(program, model, picture, tmp_path, capsys):
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for shift in (0, 1, 0, 2):
        writer.write(np.roll(picture, shift, axis=1)[..., ::-1].copy())
    writer.release()
    found = {}
    for name, more in (("raw", []), ("smooth", ["--smooth"])):
        assert predict(program, model, tmp_path / "film.avi", tmp_path / name, *more) == 0
        frames = json.loads((tmp_path / name / "film.json").read_text())["frames"]
        found[name] = [[(point["x"], point["y"]) for point in frame["keypoints"].values()] for frame in frames]
    smoother = smoothing.Smoother(10.0)
    with video.frames(tmp_path / "film.avi") as (_, frames):
        expected = [smoother(image, np.array(points)) for image, points in zip(frames, found["raw"])]
    np.testing.assert_allclose(found["smooth"], expected, atol=1e-6)
    capsys.readouterr()
    assert predict(program, model, tmp_path / "film.avi", tmp_path / "x", "--smooth", "--boxes=b.csv") == 2
    assert capsys.readouterr().err == "predict.py: --smooth is for videos, --boxes for photos: choose one\n"


def test_a_broken_photo_is_reported_after_the_others(program, model, picture, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    Image.fromarray(picture).save(tmp_path / "in/b.jpg")
    (tmp_path / "in/a.jpg").write_text("no photo")
    (tmp_path / "in/c.mp4").write_bytes(b"no video")
    assert predict(program, model, tmp_path / "in", tmp_path / "out") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("predict.py: ")]
    assert [line.split(": ")[1] for line in lines] == [f"{tmp_path}/in/a.jpg", f"{tmp_path}/in/c.mp4"]
    assert (tmp_path / "out/b.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "names"),
    [
        (["--image=nothing.jpg"], 1, "nothing.jpg: is missing"),
        (["--image=a.jpg,"], 2, "--image=a.jpg, names an empty file"),
        (["--box=1,2,3"], 2, "--box=1,2,3"),
        (["--box=5,5,1,1"], 2, "--box=5,5,1,1"),
        (["--box=0,0,inf,inf"], 2, "--box=0,0,inf,inf"),
        (["--box=0,0,50,1e400"], 2, "--box=0,0,50,1e400"),
        (["--box=nan,0,50,50"], 2, "--box=nan,0,50,50"),
        (["--box=500,500,600,600"], 1, "leaves nothing of its 160x120 pixels"),
        (["--category=dress"], 1, "has no model of dress"),
        (["--crop_margin=3"], 2, "--crop_margin"),
        (["--model_dir=nowhere"], 1, "nowhere: holds no model"),
    ],
)
def test_faults_are_one_line(program, model, picture, tmp_path, capsys, words, code, names):
    Image.fromarray(picture).save(tmp_path / "photo.jpg")
    assert predict(program, model, tmp_path / "photo.jpg", tmp_path / "out", *words) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("predict.py: ")
    assert names in lines[0]


def test_a_model_of_all_needs_the_category(program, model, picture, tmp_path, capsys):
    shutil.copytree(model, tmp_path / "models/skirt")
    make(tmp_path / "models/all", category="all", net=made_trainings.NET)
    Image.fromarray(picture).save(tmp_path / "photo.jpg")
    assert predict(program, tmp_path / "models/all", tmp_path / "photo.jpg", tmp_path / "out") == 2
    assert "--category must name the garment" in capsys.readouterr().err
    words = ("--category=dress",)
    assert predict(program, tmp_path / "models", tmp_path / "photo.jpg", tmp_path / "out", *words) == 0
    assert len(json.loads((tmp_path / "out/photo.json").read_text())["keypoints"]) == 15


def test_a_table_in_use_is_refused(program, model, picture, tmp_path, capsys):
    Image.fromarray(picture).save(tmp_path / "photo.jpg")
    with exclusive_file(str(tmp_path / "out/keypoints.csv")):
        assert predict(program, model, tmp_path / "photo.jpg", tmp_path / "out") == 1
    assert "out/keypoints.csv: is in use by another process" in capsys.readouterr().err


def test_a_checkpoint_is_of_one_model(program, model, picture, tmp_path, capsys):
    """Both models had its weights, and the average was that model's own points."""
    Image.fromarray(picture).save(tmp_path / "photo.jpg")
    other = make(tmp_path / "skirt", seed=1, net=made_trainings.NET)
    words = (f"--checkpoint_path={model}",)
    assert predict(program, f"{model},{other}", tmp_path / "photo.jpg", tmp_path / "out", *words) == 2
    assert capsys.readouterr().err.startswith("predict.py: --checkpoint_path is one model's")
    with pytest.raises(ValueError, match="expected one model"):
        Predictor([model, other], checkpoint=model)


@pytest.mark.parametrize("box", [(0, 0, np.inf, np.inf), (-np.inf, 0, 9, 9), (0, np.nan, 9, 9), (0, 0, 1e300, -1e300)])
def test_a_box_without_numbers_is_refused_in_python_too(model, picture, box):
    with pytest.raises(DataError, match="leaves nothing of its 160x120 pixels"):
        Predictor(model).predict(picture, box=box)


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(
    st.lists(st.sampled_from([0, 1, 3, 4, 90]), max_size=4),
    st.sampled_from(["uint8", "bool", "int64", "uint16", "float32", "float64", "object"]),
)
def test_an_array_that_is_no_photo_is_refused(model, shape, dtype):
    """A grey one, or one with alpha, had the points of whatever the memory held before."""
    is_photo = dtype == "uint8" and len(shape) == 3 and shape[2] == 3 and 0 not in shape
    hypothesis.assume(not is_photo)
    predictor = _predictor(model)
    with pytest.raises(DataError, match=r"^the photo: is an array \[.*\] of .*: expected \[H, W, 3\] of uint8"):
        predictor.predict(np.zeros(shape, dtype))
    with pytest.raises(DataError, match="^photo 1: is an array"):
        predictor.find([np.zeros([8, 8, 3], np.uint8), np.zeros(shape, dtype)], ["skirt"] * 2)


_predictor = functools.cache(Predictor)


def test_no_photo_has_no_points(model):
    assert tuple(_predictor(model).find([], [])) == ([], [])


@pytest.mark.parametrize("photos", [0, 1, 2, 3])
@pytest.mark.parametrize("categories", [0, 1, 2, 3])
@pytest.mark.parametrize("boxes", [None, 0, 1, 2, 3])
def test_photos_categories_and_boxes_are_as_many(model, photos, categories, boxes):
    counts = {photos, categories, photos if boxes is None else boxes}
    words = [np.full([40, 30, 3], 99, np.uint8)] * photos, ["skirt"] * categories
    given = None if boxes is None else np.array([[0, 0, 20, 30]] * boxes)  # as a detector gives them
    if len(counts) == 1:
        assert [len(part) for part in _predictor(model).find(*words, given)] == [photos] * 2
    else:
        with pytest.raises(ValueError, match=f"got {photos} photos, {categories} categories"):
            _predictor(model).find(*words, given)


def test_a_video_without_frames_is_an_error(program, model, tmp_path, capsys):
    """OpenCV opens it, knows its size and its rate, and then reads nothing."""
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    writer.release()
    assert cv2.VideoCapture(str(tmp_path / "film.avi")).get(cv2.CAP_PROP_FRAME_WIDTH) == 160
    assert predict(program, model, tmp_path / "film.avi", tmp_path / "out") == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"predict.py: {tmp_path}/film.avi: has no frame")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["keypoints.csv"]


def test_a_video_that_is_cut_is_predicted_as_far_as_it_goes_and_said(program, model, tmp_path, capsys):
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for _ in range(40):
        writer.write(np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8))
    writer.release()
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 10])
    assert predict(program, model, film, tmp_path / "out") == 0
    frames = len(json.loads((tmp_path / "out/film.json").read_text())["frames"])
    assert 1 <= frames < 10
    assert f"{film}: {frames} frames of 40 could be read: the file is cut or damaged\n" in capsys.readouterr().err


def test_names_with_commas_spaces_brackets_dots_and_dashes(program, model, picture, tmp_path):
    names = ["a, b.jpg", "[1]*?.jpg", "Röcke ñ.jpg", ".hidden.jpg", "v1.2.jpg", "-dash.jpg", "none"]
    for name in names:
        Image.fromarray(picture).save(tmp_path / name, "JPEG")
    (tmp_path / "list.txt").write_text("\n".join(str(tmp_path / name) for name in names), encoding="utf-8")
    assert predict(program, model, tmp_path / "list.txt", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").glob("*.json"))) == len(names)
    assert predict(program, model, tmp_path / names[0], tmp_path / "alone") == 0
    assert (tmp_path / "alone/a, b.json").exists()


def test_a_name_that_is_no_utf8_stands_in_the_table_as_it_is(program, model, picture, tmp_path):
    name = os.fsdecode(b"r\xf6ck.jpg")
    Image.fromarray(picture).save(tmp_path / name)
    assert predict(program, model, tmp_path / name, tmp_path / "out") == 0
    assert os.fsencode(tmp_path / name) in (tmp_path / "out/keypoints.csv").read_bytes()
    assert json.loads((tmp_path / "out" / os.fsdecode(b"r\xf6ck.json")).read_text())["image"] == str(tmp_path / name)


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(
    st.lists(
        st.tuples(
            st.sampled_from("xyz"), st.sampled_from(["a", "a-2", "a.jpg", "a.jpg-2"]), st.sampled_from([".jpg", ".png"])
        ),
        max_size=8,
        unique=True,
    )
)
def test_every_file_has_a_name_of_its_own(parts):
    files = [f"{folder}/{stem}{ending}" for folder, stem, ending in parts]
    names = output_names(files)
    assert len(set(names)) == len(files)


def test_a_photo_is_never_overwritten_by_its_own_picture(program, model, picture, tmp_path, capsys):
    Image.fromarray(picture).save(tmp_path / "photo.png")
    before = (tmp_path / "photo.png").read_bytes()
    assert predict(program, model, tmp_path / "photo.png", tmp_path) == 2
    assert "would overwrite the file that it is made from; expected another folder" in capsys.readouterr().err
    assert (tmp_path / "photo.png").read_bytes() == before


def test_a_list_of_a_windows_editor(program, model, picture, tmp_path):
    Image.fromarray(picture).save(tmp_path / "photo.jpg")
    (tmp_path / "list.txt").write_bytes(f"\ufeff{tmp_path}/photo.jpg\r\n".encode())
    assert predict(program, model, tmp_path / "list.txt", tmp_path / "out") == 0
    assert (tmp_path / "out/photo.json").exists()


def test_drawn_pictures_never_count_as_photos(program, model, picture, tmp_path, capsys):
    Image.fromarray(picture).save(tmp_path / "photo.jpg")
    (tmp_path / "link").symlink_to(".")
    for folder in (tmp_path, tmp_path / "link"):
        assert predict(program, model, folder, tmp_path) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "is the folder of the photos" in line
    assert sorted(os.listdir(tmp_path)) == ["link", "photo.jpg"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00list", b"\n \n"])
def test_a_list_that_is_none_is_one_line(program, model, tmp_path, capsys, content):
    (tmp_path / "list.txt").write_bytes(content)
    assert predict(program, model, tmp_path / "list.txt", tmp_path / "out") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"predict.py: {tmp_path}/list.txt: ")


def test_a_predictor_works_while_its_caller_builds_a_graph(model, picture, tmp_path):
    """As programs do that are written with estimators."""
    Image.fromarray(picture).save(tmp_path / "photo.png")
    expected = _predictor(model).predict(tmp_path / "photo.png")
    with tf.Graph().as_default():
        assert Predictor(model).predict(tmp_path / "photo.png") == expected
    assert Predictor(model, checkpoint=model).predict(tmp_path / "photo.png") == expected


def test_what_a_predictor_cannot_do_is_named(model, picture):
    with pytest.raises(ValueError, match="expected the folder of a model"):
        Predictor([])
    with pytest.raises(ValueError, match="expected the precision float32 or bfloat16, got half"):
        Predictor(model, precision="half")
    for category in ("dress", "hat", "all"):
        with pytest.raises(DataError, match=f"finds the keypoints of skirt, not of {category}"):
            _predictor(model).find([picture], [category])
