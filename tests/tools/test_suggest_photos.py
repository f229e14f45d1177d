"""The list of photos to label: whole, the same for any order of the files, resumed, and what is said of bad input."""

import csv
import shutil

import cv2
import made_models
import numpy as np
import pytest
from fashionai import CATEGORIES

from tools.suggestion import disagreement

REAL = disagreement.Committee


class Cheap:
    """Stands for models: what they say of a photo depends on its pixels alone."""

    def __init__(self, *_):
        pass

    def look(self, images, categories):
        return [(float(image.mean()) / 100, float(image.std()) / 100) for image in images]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "all"
    return made_models.make(folder, category="all")


@pytest.fixture
def folder(tmp_path):
    """Six different photos of skirts and dresses, in folders called so, with names that are not plain."""
    random = np.random.default_rng(0)
    for category in ("skirt", "dress"):
        place = tmp_path / "photos" / category
        place.mkdir(parents=True)
        for name in ("a", "b é 中", "c,d"):
            pixels = random.integers(0, 256, [8, 6, 3]).astype(np.uint8)
            encoded = cv2.imencode(".jpg", cv2.resize(pixels, (72, 96)))[1]
            (place / f"{name}.jpg").write_bytes(encoded.tobytes())
    return tmp_path / "photos"


@pytest.fixture
def suggest(program, model, folder, tmp_path, monkeypatch):
    """Runs the program, and returns its exit code and the lines of the list, None where there is none."""
    monkeypatch.setattr(disagreement, "Committee", Cheap)

    def run(*words, image=folder):
        output = tmp_path / "list.txt"
        output.unlink(missing_ok=True)
        code = program(
            "tools/suggest_photos.py",
            f"--model_dir={model}",
            f"--image={image}",
            f"--output={output}",
            f"--scores_output={tmp_path / 'scores.csv'}",
            "--eval_batch_size=2",
            *words,
        )
        return code, output.read_text(encoding="utf-8").splitlines() if output.exists() else None

    return run


def test_the_list_and_the_table(suggest, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(disagreement, "Committee", REAL)
    code, chosen = suggest("--count=4")
    assert code == 0
    assert len(set(chosen)) == 4
    with open(tmp_path / "scores.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == {str(path) for path in folder.rglob("*.jpg")}
    assert [row["image"] for row in rows[:4]] == chosen
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "", ""]
    for row in rows:
        assert row["category"] == row["image"].split("/")[-2]
        assert float(row["value"]) == pytest.approx(float(row["disagreement"]) + float(row["doubt"]), abs=2e-6)
    assert float(rows[0]["value"]) == max(float(row["value"]) for row in rows)
    assert not list(tmp_path.glob(".*"))


def test_the_order_of_the_files_does_not_matter(suggest, folder, tmp_path):
    files = sorted(map(str, folder.rglob("*.jpg")))
    lists = []
    for order in (files, files[::-1]):
        (tmp_path / "photos.txt").write_text("\n".join(order), encoding="utf-8")
        lists.append(suggest("--category=skirt", image=tmp_path / "photos.txt")[1])
    assert lists[0] == lists[1]
    assert set(lists[0]) == set(files)
    # As the list of a run, so the input of the next.
    (tmp_path / "photos.txt").write_text("\n".join(lists[0][:3]), encoding="utf-8")
    assert set(suggest("--category=skirt", image=tmp_path / "photos.txt")[1]) == set(lists[0][:3])


def test_a_run_that_was_stopped_resumes(suggest, monkeypatch):
    _, expected = suggest()
    look, seen = Cheap.look, []

    def stopped(committee, images, categories):
        if len(seen) == 3:  # the dresses
            raise KeyboardInterrupt
        seen.extend(images)
        return look(committee, images, categories)

    monkeypatch.setattr(Cheap, "look", stopped)
    assert suggest() == (130, None)
    seen.clear()
    monkeypatch.setattr(Cheap, "look", lambda *words: seen.extend(words[1]) or look(*words))
    assert suggest() == (0, expected)
    assert len(seen) == 3


def test_a_second_copy_of_a_photo_comes_last(suggest, folder):
    _, chosen = suggest()
    copy = folder / "skirt" / "copy.jpg"
    shutil.copy(chosen[0] if "/skirt/" in chosen[0] else folder / "skirt" / "a.jpg", copy)
    twins = {str(copy), *(str(path) for path in folder.rglob("*.jpg") if path.read_bytes() == copy.read_bytes())}
    assert suggest()[1][-1] in twins


def test_what_cannot_be_read_is_told_of_when_the_others_are_done(suggest, folder, capfd):
    (folder / "skirt" / "broken.jpg").write_bytes(b"no photo")
    (folder / "dress" / "empty.png").touch()
    code, chosen = suggest("--count=100")
    assert code == 1
    assert len(chosen) == 6
    lines = [line for line in capfd.readouterr().err.splitlines() if "suggest_photos.py" in line]
    assert len(lines) == 2
    assert any("broken.jpg" in line for line in lines)


def test_bad_usage(suggest, folder, tmp_path, capfd):
    (folder / "hats").mkdir()
    (folder / "hats" / "a.png").write_bytes((folder / "skirt" / "a.jpg").read_bytes())
    for words, code, said in (
        ([], 1, "hats: is no category"),
        (["--category=hat"], 2, f"one of {', '.join(CATEGORIES)}"),
        (["--category=skirt", "--count=0"], 2, "count"),
        (["--category=skirt", "--model_dir="], 2, "model_dir"),
        (["--category=skirt", f"--image={tmp_path / 'none'}"], 1, "none: is missing"),
        (["--category=skirt", f"--scores_output={folder / 'skirt' / 'a.jpg'}"], 2, "scores_output"),
    ):
        assert suggest(*words) == (code, None)
        error = capfd.readouterr().err
        assert said in error
        assert "Traceback" not in error
