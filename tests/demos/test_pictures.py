"""The scripts behind the pictures of the README run, and the committed pictures are small."""

import importlib.util
import shutil
import types
from pathlib import Path

import cv2
import made_trainings
import numpy as np
import pytest
from fashionai import CATEGORIES, SCHEMA, keypoint_indices, num_keypoints
from made_models import make

from base.errors import DataError
from preprocessing.data import annotations
from tools import make_synthetic_data
from tools.browsing import entries, gallery
from tools.synthetic import photos
from utility import drawing

ROOT = Path(__file__).parent.parent.parent


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "demos" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    make_synthetic_data.write_data_set(str(folder), 0, 12, 200, 1, SCHEMA, 1)
    return folder


def test_committed_pictures_are_small():
    pictures = [*(ROOT / "demos").glob("*.jpg"), *(ROOT / "demos").glob("*.png")]
    assert pictures
    for path in pictures:
        assert path.stat().st_size < 150_000, path


def test_the_outlines_show_every_keypoint_and_are_the_committed_ones(tmp_path):
    draw_outlines = script("draw_outlines")
    draw_outlines.main(types.SimpleNamespace(output=str(tmp_path / "outlines.jpg")))
    drawn, committed = drawing.read(tmp_path / "outlines.jpg"), drawing.read(ROOT / "demos" / "outlines.jpg")
    assert drawn.shape == committed.shape
    # Means of 8 x 8 pixels: OpenCV 5 has other letters than OpenCV 4.
    size = drawn.shape[1] // 8, drawn.shape[0] // 8
    drawn, committed = (cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (drawn, committed))
    assert cv2.absdiff(drawn, committed).mean() < 2
    for category, seed in draw_outlines.SEEDS.items():
        photo = photos.random_photo(draw_outlines.np.random.default_rng([seed]), category, 512)
        assert [state for _, _, state in photo.keypoints.values()] == [1] * num_keypoints(category)


def test_a_sheet_of_predictions(data_dir, tmp_path):
    answer = str(data_dir / "test_0_answer.csv")
    flags = types.SimpleNamespace(
        data_dir=str(data_dir / "test_0"), prediction=answer, ground_truth=answer, num_photos=3, output="",
        schema="fashionai",
    )  # fmt: skip
    flags.output = str(tmp_path / "sheet.jpg")
    script("draw_predictions").main(flags)
    assert drawing.read(flags.output).shape == (5 * 240, 3 * 240, 3)


def test_a_gallery_needs_a_photo_with_every_keypoint(data_dir, tmp_path):
    rows = annotations.read(data_dir / "test_0_answer.csv")
    found = entries.from_data_dir(str(data_dir / "test_0"), 64, SCHEMA)[0]
    for entry in found:
        entry.visibility[:] = 0
    assert len(found) == len(rows.image_ids)
    with pytest.raises(DataError, match="has no skirt that shows every keypoint"):
        gallery._choose("DATA", found, SCHEMA, "skirt")


@pytest.fixture(scope="module")
def shown_whole(data_dir, tmp_path_factory):
    """The drawn test split, its answer changed so that every photo shows every keypoint of its category."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copytree(data_dir / "test_0", folder / "test_0")
    rows = annotations.read(data_dir / "test_0_answer.csv")
    points, visibility = rows.points.copy(), np.full_like(rows.visibility, -1)
    for number, category in enumerate(rows.categories):
        own = list(keypoint_indices(category))
        visibility[number, own] = 1
        points[number, own] = np.where(rows.visibility[number, own, None] < 0, 30, points[number, own])
    annotations.write(folder / "test_0_answer.csv", rows.image_ids, rows.categories, points, visibility)
    return folder / "test_0"


def test_a_gallery_shows_each_category_step_by_step(shown_whole, tmp_path, program):
    model, output = make(tmp_path / "all", category="all", net=made_trainings.NET), tmp_path / "gallery.jpg"
    words = (f"--data_dir={shown_whole}", f"--model_dir={model}", f"--output={output}", "--seed=3")
    assert program("demos/draw_gallery.py", *words) == 0
    sheet = drawing.read(output)
    tile = gallery.TILE
    assert sheet.shape == (len(CATEGORIES) * tile, 4 * tile, 3)  # photo, augmented, the one stage, prediction
    tiles = sheet.reshape(len(CATEGORIES), tile, 4, tile, 3).swapaxes(1, 2).astype(int)
    found = entries.from_data_dir(str(shown_whole), 64, SCHEMA)[0]
    for row, category in zip(tiles[1:], CATEGORIES[1:]):  # the first has captions
        entry = next(entry for entry in found if entry.category == category)
        photo = drawing.fitted(drawing.read(entry.path), tile, tile).astype(int)
        for number, name in enumerate(("photo", "augmented", "stage", "prediction")):
            changed = (np.abs(row[number] - photo).max(-1) > 60).mean()
            low, high = (0, 0.3) if name in ("photo", "prediction") else (0.02, 1)
            assert low < changed < high, (category, name, changed)
