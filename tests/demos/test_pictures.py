"""The scripts behind the pictures of the README run, and the committed pictures are small."""

import importlib.util
import types
from pathlib import Path

import cv2
import pytest

from configs.errors import DataError
from configs.keypoints import num_keypoints
from preprocessing import annotations
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
    make_synthetic_data.write_data_set(str(folder), 0, 12, 200, 1, 1)
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
    assert cv2.absdiff(drawn, committed).mean() < 3
    for category, seed in draw_outlines.SEEDS.items():
        photo = photos.random_photo(draw_outlines.np.random.default_rng([seed]), category, 512)
        assert [state for _, _, state in photo.keypoints.values()] == [1] * num_keypoints(category)


def test_a_sheet_of_predictions(data_dir, tmp_path):
    answer = str(data_dir / "test_0_answer.csv")
    flags = types.SimpleNamespace(
        data_dir=str(data_dir / "test_0"), prediction=answer, ground_truth=answer, num_photos=3, output="",
    )  # fmt: skip
    flags.output = str(tmp_path / "sheet.jpg")
    script("draw_predictions").main(flags)
    assert drawing.read(flags.output).shape == (5 * 240, 3 * 240, 3)


def test_a_gallery_needs_a_photo_with_every_keypoint(data_dir, tmp_path):
    rows = annotations.read(data_dir / "test_0_answer.csv")
    found = entries.from_data_dir(str(data_dir / "test_0"), 64)[0]
    for entry in found:
        entry.visibility[:] = 0
    assert len(found) == len(rows.image_ids)
    with pytest.raises(DataError, match="has no skirt that shows every keypoint"):
        gallery._choose("DATA", found, "skirt")
