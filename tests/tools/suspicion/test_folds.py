"""Folds: even, of whole photos, by the photos' names alone; and a folder of predictions is of one work."""

import collections

import hypothesis
import numpy as np
import pytest
from fashionai import CATEGORIES, SCHEMA
from hypothesis import strategies as st

from base.errors import DataError
from preprocessing.data.conversion_plan import Row
from tools.suspicion import folds

garments = st.tuples(st.integers(0, 30), st.sampled_from(CATEGORIES))


def rows_of(made):
    return [
        Row("DATA/train_0", "a.csv", 2, f"Images/{name}.jpg", category, None, None, SCHEMA) for name, category in made
    ]


@hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
@hypothesis.given(st.lists(garments, min_size=7, unique=True), st.integers(2, 7), st.randoms(use_true_random=False))
def test_a_photo_is_in_one_fold_whatever_the_order(made, count, random):
    hypothesis.assume(len({name for name, _ in made}) >= count)
    numbers = folds.deal(rows_of(made), count)
    fold_of = {}
    for (name, _), number in zip(made, numbers):
        assert fold_of.setdefault(name, number) == number
    assert set(numbers) == set(range(count))
    shuffled = random.sample(made, len(made))
    assert dict(zip(shuffled, folds.deal(rows_of(shuffled), count))) == dict(zip(made, numbers))


@hypothesis.settings(max_examples=50, deadline=None, derandomize=True)
@hypothesis.given(st.lists(st.sampled_from(CATEGORIES), min_size=5, max_size=60), st.integers(2, 5))
def test_every_category_is_dealt_out_evenly(categories, count):
    made = list(enumerate(categories))
    numbers = folds.deal(rows_of(made), count)
    for category in set(categories):
        sizes = collections.Counter(number for number, (_, own) in zip(numbers, made) if own == category)
        assert max(sizes.values()) - min(sizes[number] for number in range(count)) <= 1


def test_more_folds_than_photos():
    with pytest.raises(DataError, match="expected one for each fold at least, 3"):
        folds.deal(rows_of([(0, "skirt"), (1, "skirt"), (1, "dress")]), 3)


def test_a_folder_is_of_one_work(tmp_path):
    folder = tmp_path / "[folds]"
    folds.claim(str(folder), {"folds": 4})
    (folder / "fold_1" / "records").mkdir(parents=True)
    for _ in range(2):  # what has no result yet makes way
        folds.claim(str(folder), {"folds": 3, "scales": (1.0,), "path": None})
        assert not list((folder).glob("fold_1"))
    (folder / "fold_1").mkdir()
    (folder / "fold_1" / "found.csv").touch()
    with pytest.raises(DataError, match=r"of other folds, more: .* --output_dir"):
        folds.claim(str(folder), {"folds": 2, "scales": (1.0,), "path": None, "more": 1})
    (folder / "work.json").write_text("[")
    with pytest.raises(DataError, match="cannot be read"):
        folds.claim(str(folder), {"folds": 3})


def test_other_annotations_have_another_digest():
    (row,) = rows_of([(0, "skirt")])
    points, visibility = np.zeros([24, 2]), np.ones(24, int)
    row = row._replace(points=points, visibility=visibility)
    moved = row._replace(points=points + 1)
    assert len({folds.digest([one]) for one in (row, moved, row._replace(category="dress"))}) == 3
    assert folds.digest([row]) == folds.digest([row._replace(points=points.copy())])
