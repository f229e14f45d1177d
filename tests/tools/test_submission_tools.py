"""score, ensemble and check_submission as someone runs them: output, files, exit codes, error lines."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from fashionai import KEYPOINTS, keypoint_indices
from hypothesis import strategies as st
from made_models import make

from base.errors import UsageError
from preprocessing.data import annotations
from tools import ensemble
from utility.scoring import submission

ROOT = Path(__file__).resolve().parents[2]
HEADER = ",".join(("image_id", "image_category", *KEYPOINTS))


def run(program, **flags):
    words = [f"--{name}={value}" for name, value in flags.items()]
    return subprocess.run([sys.executable, ROOT / "tools" / program, *words], capture_output=True, text=True)


def row(name, x, visibility=1):
    cells = ["-1_-1_-1"] * 24
    for offset, index in enumerate(keypoint_indices("skirt")):
        cells[index] = f"{x + 100 * offset}_10_{visibility}"
    return ",".join((f"Images/skirt/{name}.jpg", "skirt", *cells))


@pytest.fixture
def files(tmp_path):
    """Writes CSVs of the given rows; answer.csv has skirts a and b."""

    def write(name, *rows, header=HEADER):
        path = tmp_path / name
        path.write_text("\n".join((header, *rows)) + "\n")
        return path

    write("answer.csv", row("a", 0), row("b", 50))
    write("test.csv", "Images/skirt/a.jpg,skirt", "Images/skirt/b.jpg,skirt", header="image_id,image_category")
    return write


def test_score_prints_the_table_and_writes_the_json(files, tmp_path):
    prediction = files("p.csv", row("b", 60), row("a", 0))  # another order; b is 10 px off, norm 100
    done = run(
        "score.py", prediction=prediction, ground_truth=tmp_path / "answer.csv", json=tmp_path / "s.json", worst=1
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "NE 0.050000 (5.0000 %) over 8 keypoints"
    assert done.stdout.splitlines()[0] == f"{prediction}: line 2: Images/skirt/b.jpg: NE 0.100000"
    result = json.loads((tmp_path / "s.json").read_text())
    assert result["ne"] == pytest.approx(0.05)
    assert result["categories"]["skirt"]["points"]["hemline_left"] == {"ne": pytest.approx(0.05), "keypoints": 2}
    assert set(result) >= {"ne", "keypoints", "categories", "pck", "auc", "epe"}


def test_a_difference_says_whether_it_may_be_chance(files, tmp_path):
    """Of two photos one is better and one as good: two photos are too few to tell."""
    answer, output = tmp_path / "answer.csv", tmp_path / "s.json"
    prediction, other = files("p.csv", row("a", 0), row("b", 60)), files("o.csv", row("b", 60), row("a", 20))
    done = run("score.py", prediction=prediction, ground_truth=answer, against=other, json=output)
    assert done.returncode == 0, done.stderr
    line, last = done.stdout.splitlines()[-2:]
    assert line.startswith(
        f"NE less that of {other}: -0.100000, 95 % interval -0.200000 to +0.000000, which may be chance"
    )
    assert last == "NE 0.050000 (5.0000 %) over 8 keypoints"
    assert json.loads(output.read_text())["against"]["value"] == pytest.approx(-0.1)
    done = run("score.py", prediction=prediction, ground_truth=answer, against=files("short.csv", row("a", 0)))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"score.py: {tmp_path / 'short.csv'}: has no row for Images/skirt/b.jpg")


def test_columns_in_another_order_are_accepted(files, tmp_path):
    names = HEADER.split(",")
    turned = [",".join(reversed(line.split(","))) for line in (row("a", 0), row("b", 50))]
    prediction = files("p.csv", *turned, header=",".join(reversed(names)))
    done = run("score.py", prediction=prediction, ground_truth=tmp_path / "answer.csv")
    assert done.stdout.splitlines()[-1].startswith("NE 0.000000 ")


FAULTS = {
    "missing row": ([row("a", 0)], "has no row for Images/skirt/b.jpg (line 3 of "),
    "double row": (
        [row("a", 0), row("b", 0), row("a", 0)],
        "line 4, column image_id: 'Images/skirt/a.jpg' stands in line 2",
    ),
    "unknown row": (
        [row("a", 0), row("b", 0), row("x", 0)],
        "line 4, column image_id: Images/skirt/x.jpg is not among",
    ),
    "malformed cell": ([row("a", 0), row("b", 0).replace("_10_1", "_1O_1")], "line 3, column waistband_left: '0_1O_1'"),
}


@pytest.mark.parametrize("program", ["score.py", "check_submission.py"])
@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_submissions_fail_in_one_line_each(files, tmp_path, program, fault):
    rows, expected = FAULTS[fault]
    prediction = files("p.csv", *rows)
    truth = {"ground_truth": tmp_path / "answer.csv"} if program == "score.py" else {"test_csv": tmp_path / "test.csv"}
    done = run(program, prediction=prediction, **truth)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{program}: {prediction}: {expected}")
    assert "Traceback" not in done.stderr


def test_check_submission_accepts_a_right_one_and_refuses_absent_points(files, tmp_path):
    right = files("right.csv", row("a", 0), row("b", 0))
    done = run("check_submission.py", prediction=right, test_csv=tmp_path / "test.csv")
    assert (done.returncode, "2 rows" in done.stdout) == (0, True)
    wrong = files("wrong.csv", row("a", 0), row("b", 0, visibility=-1))
    done = run("check_submission.py", prediction=wrong, test_csv=tmp_path / "test.csv")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 4
    assert "line 3, column waistband_left: 0_10_-1, but skirt has this point" in done.stderr


def test_ensemble_writes_the_weighted_mean(files, tmp_path):
    a, b = files("a.csv", row("a", 10), row("b", 20)), files("b.csv", row("b", 50), row("a", 40))
    done = run("ensemble.py", predictions=f"{a},{b}", weights="1,2", output=tmp_path / "c.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "c.csv").read_text() == "\n".join((HEADER, row("a", 30), row("b", 40))) + "\n"


@hypothesis.settings(max_examples=300, deadline=None, derandomize=True)
@hypothesis.given(st.lists(st.floats(0, exclude_min=True), min_size=2, max_size=4), st.booleans())
def test_equal_submissions_have_themselves_as_average_or_the_weights_are_refused(weights, median):
    """Weights whose sum is infinite made every point -9223372036854775808."""
    points = np.full([1, 24, 2], 1234.0)
    same = annotations.Annotations("a.csv", np.array([2]), ["a.jpg"], ["skirt"], points, np.full([1, 24], 1))
    with contextlib.suppress(UsageError):
        weights = ensemble._read_weights(",".join(map(str, weights)), len(weights))
        found, visibility = submission.average([same] * len(weights), weights, median)
        np.testing.assert_allclose(found[visibility == 1], 1234)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_without_a_sign_gets_the_table_all_the_same(files, tmp_path, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = run("score.py", prediction=files("p.csv", row("a", 0), row("b", 50)), ground_truth=tmp_path / "answer.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("NE 0.000000 ")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("score.py", {"prediction": "p.csv", "ground_truth": "answer.csv", "json": "p.csv"}),
        ("score.py", {"prediction": "p.csv", "ground_truth": "answer.csv", "json": "link.csv"}),
        ("ensemble.py", {"predictions": "p.csv,answer.csv", "output": "./answer.csv"}),
        ("../eval_all.py", {"data_dir": ".", "model_dir": "m", "output": "o.csv", "scores_output": "o.csv"}),
        ("../eval_all.py", {"data_dir": ".", "model_dir": "m", "output": "test.csv"}),
    ],
)
def test_an_output_never_takes_the_place_of_an_input(files, tmp_path, monkeypatch, program, words):
    files("p.csv", row("a", 0), row("b", 0))
    (tmp_path / "link.csv").symlink_to("p.csv")
    (tmp_path / "Images/skirt").mkdir(parents=True)
    for name in "ab":
        (tmp_path / f"Images/skirt/{name}.jpg").write_bytes(b"")
    make(tmp_path / "m" / "skirt")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = run(program, **words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.endswith(", too: expected another\n")
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")} == before


@pytest.mark.parametrize("weights", ["1", "0,1", "-1,1", "inf,inf", "1e308,1e-308"])
def test_ensemble_refuses_weights_that_fit_not(files, tmp_path, weights):
    a = tmp_path / "answer.csv"
    done = run("ensemble.py", predictions=f"{a},{a}", weights=weights, output=tmp_path / "c.csv")
    assert done.returncode == 2
    assert done.stderr.startswith("ensemble.py: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "c.csv").exists()
