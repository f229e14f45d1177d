"""score.py --oks and --image_side_error as someone runs them: lines, JSON, exit codes."""

import json

import numpy as np
import pytest
from PIL import Image

from base import schema as schemas
from preprocessing.data import annotations, csv_rows

SCHEMA = schemas.load("deepfashion2")
BOX = (10, 10, 110, 110)
NAMES = ["Images/street/a.jpg", "Images/street/a.jpg", "Images/street/b.jpg"]
BOXES = [BOX, (120, 10, 180, 190), BOX]
OWN = slice(182, 190)  # the skirt's keypoints


@pytest.fixture
def files(tmp_path):
    """Writes answer.csv, three skirts of two photos, and p.csv, of which the last row is 15 px off."""
    points = np.full([3, len(SCHEMA.keypoints), 2], -1.0)
    visibility = np.full(points.shape[:2], -1)
    corners = np.array([(10, 20), (40, 20), (70, 20), (10, 50), (10, 80), (40, 80), (70, 80), (70, 50)])
    points[:, OWN], visibility[:, OWN] = corners + [[[20, 10]], [[110, 40]], [[20, 10]]], [[1, 1, 1, 1, 1, 0, 1, 1]]
    categories = ["skirt"] * 3
    annotations.write(tmp_path / "answer.csv", NAMES, categories, points, visibility, SCHEMA, BOXES)
    points[2, OWN] += 9, 12
    annotations.write(tmp_path / "p.csv", NAMES, categories, points, np.abs(visibility), SCHEMA, BOXES)
    return tmp_path


def write_scores(path, scores):
    cells = [""] * len(SCHEMA.keypoints)
    rows = [annotations.columns(SCHEMA, True)]
    for name, box, score in zip(NAMES, BOXES, scores):
        cells[OWN] = [str(score)] * 8
        rows.append([name, "skirt", *cells, "_".join(map(str, box))])
    csv_rows.write(path, rows)


def score(program, folder, *words):
    files = (f"--prediction={folder / 'p.csv'}", f"--ground_truth={folder / 'answer.csv'}")
    return program("tools/score.py", *files, "--schema=deepfashion2", *words)


def test_oks(files, program, capfd):
    pytest.importorskip("pycocotools")
    assert score(program, files, "--oks", f"--json={files / 's.json'}") == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1].startswith("NE ")
    result = json.loads((files / "s.json").read_text())["oks"]
    assert f"OKS AP   {result['ap']:.6f}   AP50 " in "\n".join(lines)
    assert result["categories"] == {"skirt": {name: result[name] for name in ("ap", "ap50", "ap75", "garments")}}
    # Two of three garments are right, and rank first as they stand: 67 of the 101 recalls are reached.
    assert (result["ap"], result["garments"]) == (pytest.approx(67 / 101), 3)


def test_a_row_without_a_box_among_boxes_has_the_area_of_its_photo(files, program, capfd):
    """In 16 times the area a distance counts a quarter."""
    pytest.importorskip("pycocotools")
    for name in ("p.csv", "answer.csv"):
        former = (files / name).read_text()
        (files / name).write_text(former.replace("_".join(map(str, BOX)), ""))
    (files / "Images" / "street").mkdir(parents=True)
    for name in set(NAMES):
        Image.new("RGB", (244, 244)).save(files / name)
    words = ("--oks", f"--json={files / 's.json'}")
    assert score(program, files, *words) == 0
    what = "2 rows without a box: OKS takes the area around the keypoints, with --data_dir that of the photo"
    assert capfd.readouterr().err == f"score.py: warning: {files / 'answer.csv'}: {what}\n"
    around = json.loads((files / "s.json").read_text())["oks"]
    assert score(program, files, *words, f"--data_dir={files}") == 0
    assert capfd.readouterr().err == ""
    whole = json.loads((files / "s.json").read_text())["oks"]
    assert around["ap50"] == pytest.approx(67 / 101)  # 15 px off in 61 * 61 px
    assert whole["ap50"] == pytest.approx(1)


def test_scores_rank_the_predictions(files, program):
    """The wrong one first: precision is 2/3 wherever it is above 0."""
    pytest.importorskip("pycocotools")
    write_scores(files / "scores.csv", [0.2, 0.3, 0.9])
    words = ("--oks", f"--scores={files / 'scores.csv'}", f"--json={files / 's.json'}")
    assert score(program, files, *words) == 0
    assert json.loads((files / "s.json").read_text())["oks"]["ap"] == pytest.approx(67 / 101 * 2 / 3)
    assert score(program, files, *words, "--category=skirt") == 0
    assert json.loads((files / "s.json").read_text())["oks"]["ap"] == pytest.approx(67 / 101 * 2 / 3)


def test_the_error_by_image_side_is_apart_from_ne(files, program, capfd):
    assert score(program, files, "--image_side_error", f"--json={files / 's.json'}") == 0
    lines = capfd.readouterr().out.splitlines()
    result = json.loads((files / "s.json").read_text())
    # One garment of three is 15 px off, in a box of 100 px; its waistband has 60 px.
    assert result["image_side_error"]["error"] == pytest.approx(0.15 / 3)
    assert result["ne"] == pytest.approx(15 / 60 / 3)
    assert result["image_side_error"]["points"]["skirt_01"] == {"error": pytest.approx(0.05), "keypoints": 3}
    assert "Error by image side 0.050000 over 21 keypoints (not NE)" in lines
    assert lines[-1] == "NE 0.083333 (8.3333 %) over 21 keypoints"


def test_rows_without_a_box_take_the_sides_of_their_photo(tmp_path, program, capfd):
    points, visibility = np.full([1, 24, 2], -1.0), np.full([1, 24], -1)
    points[0, 15:19], visibility[0, 15:19] = [(0, 0), (9, 0), (0, 9), (9, 9)], 1
    annotations.write(tmp_path / "answer.csv", ["Images/skirt/a.jpg"], ["skirt"], points, visibility)
    annotations.write(tmp_path / "p.csv", ["Images/skirt/a.jpg"], ["skirt"], points + [3, 4], visibility)
    (tmp_path / "Images" / "skirt").mkdir(parents=True)
    Image.new("RGB", (30, 80)).save(tmp_path / "Images" / "skirt" / "a.jpg")
    words = [f"--prediction={tmp_path / 'p.csv'}", f"--ground_truth={tmp_path / 'answer.csv'}", "--image_side_error"]
    assert program("tools/score.py", *words, f"--data_dir={tmp_path}") == 0
    assert f"Error by image side {np.hypot(0.1, 0.05):.6f} over 4 keypoints (not NE)" in capfd.readouterr().out
    assert program("tools/score.py", *words) == 2
    assert capfd.readouterr().err.startswith("score.py: --image_side_error needs --data_dir")
    assert program("tools/score.py", *words, f"--data_dir={tmp_path / 'none'}") == 1
    photo = tmp_path / "none" / "Images" / "skirt" / "a.jpg"
    assert capfd.readouterr().err == f"score.py: {photo}: is missing: expected a JPEG photo\n"


def test_a_schema_without_sigmas_and_scores_without_oks_are_one_line(tmp_path, files, program, capfd):
    answer = tmp_path / "f.csv"
    annotations.write(answer, ["Images/skirt/a.jpg"], ["skirt"], np.zeros([1, 24, 2]), np.ones([1, 24], int))
    assert program("tools/score.py", f"--prediction={answer}", f"--ground_truth={answer}", "--oks") == 1
    error = capfd.readouterr().err
    assert error.startswith("score.py: fashionai: categories.skirt.sigmas: expected a sigma for each keypoint, such")
    assert error.count("\n") == 1
    write_scores(files / "scores.csv", [0.2, 0.5, 0.9])
    assert score(program, files, f"--scores={files / 'scores.csv'}") == 1
    error = capfd.readouterr().err
    assert error.startswith(
        f"score.py: {files / 'scores.csv'}: has no covariances: expected cells score_xx_xy_yy, of mod"
    )
    assert score(program, files, f"--plot={files / 'plot.svg'}") == 2
    assert capfd.readouterr().err == "score.py: --plot draws what --scores say: expected --scores, too\n"


def test_a_garment_without_a_score_is_named(files, program, capfd):
    write_scores(files / "scores.csv", [0.2, "", 0.9])
    assert score(program, files, "--oks", f"--scores={files / 'scores.csv'}") == 1
    expected = (
        f"score.py: {files / 'scores.csv'}: has no score for line 3 of {files / 'p.csv'}: expected one for each point"
    )
    assert capfd.readouterr().err == expected + "\n"
