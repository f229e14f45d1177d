"""A garment's row: points and box in whole pixels, inside of the photo, whatever the places in the export."""

import dataclasses
import math

import hypothesis
import pytest
from fashionai import SCHEMA
from hypothesis import strategies as st
from made_labels import SIZES

from base.errors import DataErrors
from preprocessing.labelling import placing
from preprocessing.labelling.labelled import Garment, Notes

NAMES = SCHEMA.keypoint_names("dress")
PLACES = st.floats(-100, 6000)


def garment(points=(), box=None, **more):
    labelled = [(name, x, y, False) for name, (x, y) in zip(NAMES, points)]
    return Garment("file", "item", ["a.jpg"], None, ["dress"], labelled, box, **more)


def to_row(made, size):
    notes = Notes("file")
    return placing.to_row(made, size, None, SCHEMA, notes), notes


@hypothesis.given(
    size=SIZES,
    points=st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=5),
    sides=st.tuples(PLACES, PLACES, PLACES, PLACES),
)
def test_points_are_in_the_photo_and_the_box_is_the_smallest_that_holds_box_and_points(size, points, sides):
    (x0, x1), (y0, y1) = sorted(sides[::2]), sorted(sides[1::2])
    hypothesis.assume(x1 - x0 > 1 and y1 - y0 > 1)
    row, notes = to_row(garment(points, (x0, y0, x1, y1), drops_outside=True), size)
    inside = [all(-1e-3 < place < side + 1e-3 for place, side in zip(point, size)) for point in points]
    hypothesis.assume(inside == [all(0 <= place <= side for place, side in zip(point, size)) for point in points])
    assert sum(inside) == (len(row.cells) if row else 0)
    assert sum(inside) + sum(
        int(line.split()[1]) for line in notes.remarks if " point" in line and "left" in line
    ) == len(points)
    if row is None:
        return
    for name, point in zip(NAMES, points):
        if name in row.cells:
            for pixel, place, side in zip(row.cells[name], point, size):
                assert 0 <= pixel < side
                assert pixel <= place + 0.02 <= pixel + 1.05
    box = row.box or (0, 0, *size)
    for axis, side in enumerate(size):
        pixels = [cell[axis] for cell in row.cells.values()]
        low, high = ((x0, x1), (y0, y1))[axis]
        assert 0 <= box[axis] < box[axis + 2] <= side
        assert box[axis] <= min(pixels)
        assert max(pixels) < box[axis + 2]
        assert box[axis] in (0, *pixels) or abs(box[axis] - math.floor(low + 0.01)) <= 0.02
        assert box[axis + 2] in (side, *(pixel + 1 for pixel in pixels)) or box[axis + 2] >= math.ceil(high - 0.01)


@hypothesis.given(size=SIZES, data=st.data())
def test_six_digits_of_a_fraction_are_enough_for_whole_pixels(size, data):
    """What was a whole number of pixels, or the middle of one, comes back after six digits as a part of the photo."""
    pixels = [data.draw(st.integers(0, side - 1)) for side in size]
    shift = data.draw(st.sampled_from([0, 0.5]))
    points = [tuple(round((pixel + shift) / side, 6) for pixel, side in zip(pixels, size))]
    row, _ = to_row(garment(points, in_fractions=True), size)
    assert row.cells[NAMES[0]] == (*pixels, 1)


def test_a_box_round_the_whole_photo_is_none():
    row, _ = to_row(garment([(3, 4)], (0, 0, 60, 40)), (60, 40))
    assert row.box is None
    row, _ = to_row(garment([(3, 4)], (-5, -5, 1.5, 2.5)), (60, 40))
    assert row.box == (0, 0, 4, 5)


def test_a_garment_with_all_points_outside_is_passed_over():
    row, notes = to_row(garment([(70, 4)], (0, 0, 9, 9), drops_outside=True), (60, 40))
    assert row is None
    assert [line.split(": ", 1)[1] for line in notes.remarks] == [
        "1 point outside of the photo left out (item, neckline_left)",
        "1 garment without a point in the photo passed over",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": [("neckline_left", 60.5, 1.0, False)]}, "neckline_left: is at 60.5, 1: expected a place in the"),
        ({"points": [("neckline_left", 1.0, 1.0, False)] * 2}, "neckline_left: stands twice"),
        ({"points": [("crotch", 1.0, 1.0, False)]}, "crotch: is no keypoint of dress: expected one of neckline_left"),
        ({"box": (5.0, 5.0, 5.0, 9.0)}, "its box 5, 5, 5, 9 holds no pixel"),
        ({"box": (70.0, 5.0, 75.0, 9.0), "points": []}, None),
        ({"categories": ["coat"]}, "'coat' is no category: expected one of blouse"),
        ({"categories": ["skirt", "dress"]}, "has 2 categories (dress, skirt): expected one"),
        ({"categories": []}, "has no category"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    made = dataclasses.replace(garment([(3, 4)]), **change)
    if message is None:
        assert to_row(made, (60, 40))[0] is None
        return
    with pytest.raises(DataErrors) as caught:
        to_row(made, (60, 40))
    assert message in "\n".join(caught.value.lines())
