"""Boxes in their photos: whole pixels, and what is refused."""

import math

import hypothesis
import pytest
from hypothesis import strategies as st
from PIL import Image

from preprocessing.labelling.detections import COLUMNS, Detection, Keys
from preprocessing.labelling.labelled import Notes
from tools.predicting.photo_names import PhotoNames
from tools.predicting.placing import Rules, place

SIZE = (60, 40)
KEYS = Keys(*COLUMNS[:3])


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "a.jpg"
    Image.new("RGB", SIZE).save(path)
    return str(path)


def placed(photo, frames, category="skirt", wanted=None, default=None, size=None, names=("a.jpg",)):
    notes = Notes("boxes.csv")
    found = [
        Detection(f"line {number}", KEYS, name, category, frame, size=size)
        for number, (frame, name) in enumerate(zip(frames, names * len(frames)))
    ]
    rules = Rules(["dress", "skirt"], wanted, default)
    return place(found, PhotoNames({photo: "a.jpg"}), rules, "boxes.csv", notes), notes


spans = st.tuples(st.floats(-80, 80), st.floats(0.1, 80))


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(spans, spans)
def test_a_box_is_the_smallest_of_whole_pixels_in_the_photo_that_holds_the_frame(photo, columns, rows):
    (x, width), (y, height) = columns, rows
    found, notes = placed(photo, [(x, y, x + width, y + height)])
    inside = [
        {pixel for pixel in range(side) if pixel + 1 - 1e-5 > low and pixel + 1e-5 < low + length}
        for low, length, side in ((x, width, SIZE[0]), (y, height, SIZE[1]))
    ]
    if found:
        (garment,) = found[0].garments
        x0, y0, x1, y1 = garment.box
        assert 0 <= x0 < x1 <= SIZE[0]
        assert 0 <= y0 < y1 <= SIZE[1]
        for (low, high), pixels in zip(((x0, x1), (y0, y1)), inside):
            assert set(range(low, high)) <= pixels
            assert len(pixels) - (high - low) <= 2  # the edges, where a frame takes next to nothing of a pixel
    else:
        assert "lies outside of the photo of 60x40: expected a part of it" in str(notes.faults[0])
        assert not all(len(pixels) > 1 for pixels in inside)


def test_whole_pixels_stay_as_they_are(photo):
    found, _ = placed(photo, [(3, 4, 50, 40), (0, 0, 60, 40), (3.2, 4.9, 49.5, 39.1)])
    assert [garment.box for garment in found[0].garments] == [(3, 4, 50, 40), (0, 0, 60, 40), (3, 4, 50, 40)]


@pytest.mark.parametrize(
    ("frame", "change", "expected"),
    [
        ((5, 5, 5, 9), {}, "line 0, x0: 5, 5, 5, 9 holds no pixel"),
        ((5, 5, 9, 4), {}, "line 0, x0: 5, 5, 9, 4 holds no pixel"),
        ((70, 5, 90, 9), {}, "line 0, x0: 70, 5, 90, 9 lies outside of the photo of 60x40"),
        ((math.inf, 0, math.inf, 1), {}, "line 0, x0: inf"),
        (
            (5, 5, 9, 9),
            {"category": "hat"},
            "line 0, category: 'hat' is none that the models find: expected one of dress",
        ),
        ((5, 5, 9, 9), {"category": None}, "line 0, category: names no garment"),
        ((5, 5, 9, 9), {"size": (6, 4)}, "line 0, image: was looked at with 6x4 pixels"),
        ((5, 5, 9, 9), {"names": ("b.jpg",)}, "line 0, image: 'b.jpg' stands for no photo of --image"),
    ],
)
def test_what_is_wrong_is_named(photo, frame, change, expected):
    found, notes = placed(photo, [frame], **change)
    assert not found
    assert str(notes.faults[0]).startswith(f"boxes.csv: {expected}")


def test_categories(photo):
    frames = [(5, 5, 9, 9)]
    assert placed(photo, frames, category=None, default="dress")[0][0].garments[0].category == "dress"
    for category in ("dress", "hat"):
        found, notes = placed(photo, frames, category=category, wanted="skirt")
        assert (found, notes.faults) == ([], [])
        assert notes.remarks == ["boxes.csv: 1 detection of other categories than skirt passed over"]


def test_a_photo_has_one_name_in_a_file(photo):
    found, notes = placed(photo, [(5, 5, 9, 9)] * 3, names=("x/a.jpg", "y/a.jpg", "x/a.jpg"))
    assert len(found[0].garments) == 2
    assert "line 1, image: 'y/a.jpg' stands for" in str(notes.faults[0])


def test_a_damaged_photo_is_said_once(photo, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    found, notes = placed(str(tmp_path / "a.jpg"), [(5, 5, 9, 9)] * 3)
    assert not found
    assert [str(fault) for fault in notes.faults] == [f"{tmp_path}/a.jpg: is no image: expected a JPEG photo"]
