"""AP by OKS against pycocotools, called by hand on COCO files that the test writes itself."""

import contextlib
import dataclasses
import io
import json
import os
import sys
import tempfile

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from base import schema as schemas
from base.errors import DataError
from preprocessing.data.annotations import Annotations
from utility.scoring import oks

SIGMAS = {"a": 0.03, "b": 0.05, "both": 0.08, "c": 0.12}
POINTS = list(SIGMAS)
OWN = {"first": ["a", "b", "both"], "second": ["both", "c"]}
SCHEMA = schemas.of_json(
    {
        "name": "made",
        "keypoints": POINTS,
        "categories": {
            name: {"keypoints": own, "normalise": own[:2], "sigmas": {point: SIGMAS[point] for point in own}}
            for name, own in OWN.items()
        },
    }
)
COORDINATES = st.integers(0, 60)


@dataclasses.dataclass(frozen=True)
class Row:
    """A garment and its prediction; of the points, (x, y, v) by the place of a keypoint in the schema."""

    photo: int
    category: str
    box: tuple
    points: tuple
    offsets: tuple
    score: float

    @property
    def labelled(self):
        """The points that COCO gives v > 0."""
        own = [POINTS.index(name) for name in OWN[self.category]]
        return {index: self.points[index][:2] for index in own if self.points[index][2] >= 0}

    def area(self, photo):
        """The area of the box; without one that of a photo of a size, or where it is None around the points."""
        if self.box:
            x0, y0, x1, y1 = self.box
            return (x1 - x0) * (y1 - y0)
        if photo:
            return photo[0] * photo[1]
        xs, ys = zip(*self.labelled.values())
        return (max(xs) - min(xs) + 1) * (max(ys) - min(ys) + 1)

    @property
    def predicted(self):
        return [(x + dx, y + dy) for (x, y, _), (dx, dy) in zip(self.points, self.offsets)]


BOXES = st.tuples(COORDINATES, COORDINATES, st.integers(1, 80), st.integers(1, 80)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
ROWS = st.builds(
    Row,
    photo=st.integers(0, 2),
    category=st.sampled_from(sorted(OWN)),
    box=st.none() | BOXES,
    points=st.tuples(*[st.tuples(COORDINATES, COORDINATES, st.integers(-1, 1))] * len(POINTS)),
    offsets=st.tuples(*[st.tuples(st.integers(-9, 9), st.integers(-9, 9))] * len(POINTS)),
    score=st.sampled_from([0.1, 0.5, 0.9]),
)
LISTS = st.lists(ROWS, max_size=6, unique_by=lambda row: (row.photo, row.category, row.box))


def annotations_of(rows):
    values = np.array([row.points for row in rows], float).reshape(-1, len(POINTS), 3)
    return Annotations(
        file="made.csv",
        lines=np.arange(len(rows)) + 2,
        image_ids=[f"Images/{row.photo}.jpg" for row in rows],
        categories=[row.category for row in rows],
        points=values[..., :2],
        visibility=values[..., 2].astype(int),
        schema=SCHEMA,
        boxes=[row.box for row in rows],
    )


def score(rows, scored=True, photo=None):
    truth = annotations_of(rows)
    predicted = np.array([row.predicted for row in rows], float).reshape(-1, len(POINTS), 2)
    scores = np.array([row.score for row in rows]) if scored else None
    sides = [np.subtract(row.box[2:], row.box[:2]) if row.box else photo for row in rows]
    sides = photo and np.array(sides, float).reshape(-1, 2)
    return oks.average_precision(truth, predicted, oks.sigmas(SCHEMA, set(OWN), "made.toml"), scores, sides)


def by_hand(rows, scored, photo):
    """Returns COCO's AP, AP50 and AP75 of all categories at once, their keypoints side by side in one vector."""
    coco, cocoeval = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    order = list(dict.fromkeys(row.photo for row in rows))
    rows = [row for row in rows if row.labelled]
    truth = {
        "images": [{"id": number} for number in range(len(order))],
        "categories": [{"id": 7, "name": "first"}, {"id": 3, "name": "second"}],
        "annotations": [],
    }
    found = []
    for number, row in enumerate(rows):
        where = {"image_id": order.index(row.photo), "category_id": {"first": 7, "second": 3}[row.category]}
        flat = [0] * (3 * len(POINTS))
        for index, (x, y) in row.labelled.items():
            flat[3 * index : 3 * index + 3] = x, y, 1 + row.points[index][2]
        extent = {"bbox": [0, 0, 1, 1], "area": row.area(photo), "iscrowd": 0, "num_keypoints": len(row.labelled)}
        truth["annotations"].append({"id": 100 + number, **where, **extent, "keypoints": flat})
        points = [value for x, y in row.predicted for value in (x, y, 1)]
        found.append({**where, "keypoints": points, "score": row.score if scored else 1})
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        paths = [os.path.join(folder, name) for name in ("truth.json", "found.json")]
        for path, content in zip(paths, (truth, found)):
            with open(path, "w") as file:
                json.dump(content, file)
        known = coco.COCO(paths[0])
        evaluation = cocoeval.COCOeval(known, known.loadRes(paths[1]), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(list(SIGMAS.values()))
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return list(evaluation.stats[:3])


@hypothesis.settings(max_examples=500, deadline=None)
@hypothesis.given(LISTS, st.booleans(), st.none() | st.tuples(st.integers(60, 200), st.integers(60, 200)))
def test_it_is_what_pycocotools_says(rows, scored, photo):
    pytest.importorskip("pycocotools")
    result = score(rows, scored, photo)
    counted = [row for row in rows if row.labelled]
    assert result.garments == len(counted)
    assert {name: one.garments for name, one in result.categories.items()} == {
        name: count for name in OWN if (count := sum(row.category == name for row in counted))
    }
    if counted:
        assert [result.ap, result.ap50, result.ap75] == pytest.approx(by_hand(rows, scored, photo), abs=1e-12)
    else:
        assert (result.ap, result.ap50, result.ap75, result.categories) == (None, None, None, {})


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(LISTS)
def test_right_predictions_have_precision_1(rows):
    pytest.importorskip("pycocotools")
    still = tuple((0, 0) for _ in POINTS)
    result = score([dataclasses.replace(row, offsets=still) for row in rows])
    for one in result.categories.values():
        assert (one.ap, one.ap50, one.ap75) == pytest.approx((1, 1, 1))


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(LISTS, st.integers(0, 500), st.integers(0, 500))
def test_where_in_the_photo_the_garments_are_does_not_matter(rows, dx, dy):
    pytest.importorskip("pycocotools")

    def moved(row):
        box = row.box and (row.box[0] + dx, row.box[1] + dy, row.box[2] + dx, row.box[3] + dy)
        return dataclasses.replace(row, box=box, points=tuple((x + dx, y + dy, v) for x, y, v in row.points))

    assert score([moved(row) for row in rows]) == score(rows)


def test_two_garments_of_a_photo_are_matched_by_their_points():
    """Each prediction is right for the other garment's row: by NE all wrong, by OKS all right."""
    pytest.importorskip("pycocotools")
    visible = ((10, 10, 1), (20, 10, 1), (15, 30, 0), (0, 0, -1))
    left = Row(0, "first", (0, 0, 40, 40), visible, ((100, 0),) * 4, 0.9)
    right = Row(0, "first", (100, 0, 140, 40), tuple((x + 100, y, v) for x, y, v in visible), ((-100, 0),) * 4, 0.8)
    assert (score([left, right]).ap, score([left, right]).garments) == (pytest.approx(1), 2)
    assert score([left]).ap == 0


def test_the_score_decides_which_of_two_ranks_first():
    """A wrong prediction costs precision only where it ranks above a right one."""
    pytest.importorskip("pycocotools")
    points = ((10, 10, 1), (20, 10, 1), (15, 30, 1), (0, 0, -1))
    right = Row(0, "first", (0, 0, 40, 40), points, ((0, 0),) * 4, 0.9)
    wrong = Row(1, "first", (0, 0, 40, 40), points, ((500, 0),) * 4, 0.1)
    above = score([right, wrong]).ap
    below = score([dataclasses.replace(right, score=0.1), dataclasses.replace(wrong, score=0.9)]).ap
    # Of the 101 recalls 0, 0.01, … the 51 up to a half are reached.
    assert above == pytest.approx(51 / 101)
    assert below == pytest.approx(51 / 101 / 2)


@pytest.mark.parametrize(
    ("name", "category", "expected"),
    [
        ("fashionai", "skirt", "waistband_left, waistband_right, hemline_left and 1 more"),
        ("fld", "lower", "waistline_left, waistline_right, hem_left and 1 more"),
    ],
)
def test_a_schema_without_sigmas_is_told_what_to_add(name, category, expected):
    schema = schemas.load(name)
    with pytest.raises(DataError) as raised:
        oks.sigmas(schema, {category}, "some.toml")
    first = schema.keypoint_names(category)[0]
    assert str(raised.value) == (
        f"some.toml: categories.{category}.sigmas: expected a sigma for each keypoint, such as {first} = 0.02, "
        f"as OKS needs it: got none for {expected}"
    )


def test_deepfashion2_has_a_sigma_for_every_keypoint():
    schema = schemas.load("deepfashion2")
    found = oks.sigmas(schema, set(schema.category_names), "deepfashion2")
    assert {name: len(values) for name, values in found.items()} == {
        name: schema.num_keypoints(name) for name in schema.category_names
    }
    assert found["short_sleeve_top"][[0, 11]].tolist() == [0.012, 0.0388]


def test_without_pycocotools_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(DataError, match=r"pycocotools: is not installed: run pip install -e '\.\[coco\]'"):
        score([])
