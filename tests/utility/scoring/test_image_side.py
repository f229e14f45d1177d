"""The error by image side against a plain loop; where the sides come from."""

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from base import schema as schemas
from base.errors import DataErrors, UsageError
from preprocessing.data.annotations import Annotations
from utility.scoring import image_side

SCHEMA = schemas.load("fld")
CELLS = st.tuples(st.integers(-1, 300), st.integers(-1, 300), st.integers(-1, 1))
ROWS = st.lists(
    st.tuples(
        st.sampled_from(SCHEMA.category_names),
        st.tuples(*[CELLS] * 8),
        st.tuples(*[st.tuples(st.floats(-50, 400), st.floats(-50, 400))] * 8),
        st.tuples(st.integers(1, 600), st.integers(1, 600)),
    ),
    max_size=6,
)


def truth_of(rows, boxes=None):
    values = np.array([cells for _, cells, *_ in rows], float).reshape(-1, 8, 3)
    return Annotations(
        file="made.csv",
        lines=np.arange(len(rows)) + 2,
        image_ids=[f"Images/{number}.jpg" for number in range(len(rows))],
        categories=[category for category, *_ in rows],
        points=values[..., :2],
        visibility=values[..., 2].astype(int),
        schema=SCHEMA,
        boxes=boxes,
    )


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(ROWS)
def test_it_is_the_mean_distance_in_an_image_of_sides_1(rows):
    predicted = np.array([found for *_, found, _ in rows], float).reshape(-1, 8, 2)
    sides = np.array([size for *_, size in rows], float).reshape(-1, 2)
    result = image_side.score(truth_of(rows), predicted, sides)
    errors = {}
    for category, cells, found, (width, height) in rows:
        for name, (x, y, v), (px, py) in zip(SCHEMA.keypoints, cells, found):
            if v == 1 and name in SCHEMA.keypoint_names(category):
                errors.setdefault(name, []).append(math.hypot((px - x) / width, (py - y) / height))
    everything = [error for group in errors.values() for error in group]
    assert result.keypoints == len(everything)
    assert {name: point.keypoints for name, point in result.points.items()} == {
        name: len(group) for name, group in errors.items()
    }
    for name, group in errors.items():
        assert result.points[name].error == pytest.approx(sum(group) / len(group), rel=1e-12, abs=1e-15)
    if everything:
        assert result.error == pytest.approx(sum(everything) / len(everything), rel=1e-12, abs=1e-15)
    else:
        assert result.error is None
    assert any(line.startswith("Error by image side ") for line in image_side.lines(result))


def test_in_a_square_photo_it_is_the_distance_divided_by_the_side():
    absent = ((-1, -1, -1),)
    truth = truth_of([("lower", absent * 4 + ((10, 20, 1),) + absent * 3, None, None)])
    result = image_side.score(truth, truth.points + [3, 4], np.array([[224, 224]]))
    assert (result.error, result.keypoints) == (pytest.approx(5 / 224), 1)
    assert set(result.points) == {"waistline_left"}


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(ROWS, st.floats(0.1, 10))
def test_a_scaled_photo_has_the_same_error(rows, scale):
    truth = truth_of(rows)
    predicted = np.array([found for *_, found, _ in rows], float).reshape(-1, 8, 2)
    sides = np.array([size for *_, size in rows], float).reshape(-1, 2)
    former = image_side.score(truth, predicted, sides)
    truth.points[:] *= scale
    later = image_side.score(truth, predicted * scale, sides * scale)
    assert later.error == pytest.approx(former.error, rel=1e-9) if former.keypoints else later == former


def test_the_sides_are_the_box_s_or_those_of_the_upright_photo(tmp_path):
    (tmp_path / "Images").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "Images/0.jpg")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "Images/1.jpg", exif=turned)
    row = ("lower", ((0, 0, 1),) * 8, None, None)
    truth = truth_of([row] * 3, [None, None, (5, 10, 25, 90)])
    assert image_side.sides(truth, str(tmp_path)).tolist() == [[40, 30], [30, 40], [20, 80]]
    boxed = truth_of([row], [(5, 10, 25, 90)])
    assert image_side.sides(boxed, None).tolist() == [[20, 80]]
    with pytest.raises(UsageError, match="--data_dir"):
        image_side.sides(truth, None)
    with pytest.raises(DataErrors) as caught:
        image_side.sides(truth, str(tmp_path / "elsewhere"))
    assert [line.split("/")[-1] for line in caught.value.lines()] == [
        "0.jpg: is missing: expected a JPEG photo",
        "1.jpg: is missing: expected a JPEG photo",
    ]
