"""Suspicions: an error in otherwise right annotations comes first, and nothing depends on size, side or order."""

import dataclasses

import hypothesis
import numpy as np
import pytest
from fashionai import CATEGORIES, KEYPOINTS, SCHEMA, keypoint_indices
from hypothesis import strategies as st

from preprocessing.data.annotations import Annotations
from tools.suspicion import ranking

PARTNERS = [KEYPOINTS.index(SCHEMA.partner(name)) for name in KEYPOINTS]
seeds = st.integers(0, 2**32 - 1)
search = hypothesis.settings(max_examples=25, deadline=None, derandomize=True)


def garments(seed, count=60, noise=0.02):
    """Returns Annotations of garments of random shapes, some points occluded or absent, and predictions near them."""
    random = np.random.default_rng(seed)
    shapes = {name: random.uniform(50, 400, [len(KEYPOINTS), 2]) for name in CATEGORIES}
    categories = [str(name) for name in random.choice(CATEGORIES, count)]
    points = np.stack([shapes[name] for name in categories]) + random.normal(0, 20, [count, len(KEYPOINTS), 2])
    visibility = np.full(points.shape[:2], -1)
    for row, name in enumerate(categories):
        own = list(keypoint_indices(name))
        visibility[row, own] = random.choice([1, 0, -1], len(own), p=[0.8, 0.15, 0.05])
    predicted = points + random.normal(0, 400 * noise, points.shape)
    points[visibility < 0] = -1
    names = [f"Images/{name}/{row}.jpg" for row, name in enumerate(categories)]
    truth = Annotations("made.csv", np.arange(count) + 2, names, categories, points, visibility, SCHEMA)
    return truth, predicted, random.uniform(0.2, 0.9, visibility.shape)


def by_place(suspects):
    return {(suspect.row, suspect.keypoint): suspect for suspect in suspects}


def same(one, other):
    """Returns whether two {place: Suspect} say the same."""
    return one.keys() == other.keys() and all(
        one[place].kind == other[place].kind and np.isclose(one[place].suspicion, other[place].suspicion, atol=1e-6)
        for place in one
    )


def annotated_pair(truth, random):
    """Returns a row and two of its annotated keypoints, partners that are apart."""
    places = [
        (row, keypoint)
        for row, keypoint in np.argwhere((truth.visibility >= 0) & (truth.visibility[:, PARTNERS] >= 0))
        if PARTNERS[keypoint] != keypoint
        and np.linalg.norm(truth.points[row, keypoint] - truth.points[row, PARTNERS[keypoint]]) > 80
    ]
    hypothesis.assume(places)
    row, keypoint = places[random.integers(len(places))]
    return int(row), int(keypoint), PARTNERS[keypoint]


@search
@hypothesis.given(seeds)
def test_every_keypoint_of_a_garment_once_the_most_suspicious_first(seed):
    truth, predicted, scores = garments(seed)
    suspects = ranking.rank(truth, predicted, scores)
    own = {(row, k) for row, name in enumerate(truth.categories) for k in keypoint_indices(name)}
    assert len(suspects) == len(own)
    assert by_place(suspects).keys() == own
    values = [suspect.suspicion for suspect in suspects]
    assert values == sorted(values, reverse=True)
    assert all(0 <= value <= 1 for value in values)
    for suspect in suspects:
        assert (suspect.kind == ranking.MISSING) == (truth.visibility[suspect.row, suspect.keypoint] < 0)


@search
@hypothesis.given(seeds)
def test_an_exchanged_pair_comes_first(seed):
    truth, predicted, scores = garments(seed)
    row, left, right = annotated_pair(truth, np.random.default_rng(seed))
    truth.points[row, [left, right]] = truth.points[row, [right, left]]
    first = ranking.rank(truth, predicted, scores)[:2]
    assert {(suspect.row, suspect.keypoint) for suspect in first} == {(row, left), (row, right)}
    assert all(suspect.kind == ranking.EXCHANGED and suspect.suspicion > 0.9 for suspect in first)


@search
@hypothesis.given(seeds, st.booleans())
def test_a_point_in_a_wrong_place_comes_first(seed, on_another):
    truth, predicted, scores = garments(seed)
    row, keypoint, other = annotated_pair(truth, np.random.default_rng(seed))
    size = np.linalg.norm(predicted[row] - predicted[row].mean(axis=0), axis=1).max()
    truth.points[row, keypoint] = truth.points[row, other] if on_another else truth.points[row, keypoint] + 4 * size
    first = ranking.rank(truth, predicted, scores)[0]
    assert (first.row, first.keypoint) == (row, keypoint)
    assert first.kind == (ranking.ON_ANOTHER if on_another else ranking.MISPLACED)


@search
@hypothesis.given(seeds)
def test_where_the_model_is_perfect_no_annotation_is_suspicious(seed):
    truth, _, scores = garments(seed)
    for suspect in ranking.rank(truth, truth.points, scores):
        assert suspect.kind == ranking.MISSING or suspect.suspicion < 0.1


@search
@hypothesis.given(seeds)
def test_the_size_of_photos_does_not_matter(seed):
    truth, predicted, scores = garments(seed)
    factors = np.random.default_rng(seed).uniform(0.1, 10, [len(truth), 1, 1])
    larger = dataclasses.replace(truth, points=truth.points * factors)
    suspects = ranking.rank(truth, predicted, scores), ranking.rank(larger, predicted * factors, scores)
    assert same(*map(by_place, suspects))


@search
@hypothesis.given(seeds)
def test_flipped_photos_are_as_suspicious(seed):
    truth, predicted, scores = garments(seed)
    there = (truth.visibility >= 0)[..., None]
    mirrored = dataclasses.replace(
        truth,
        points=np.where(there, truth.points * (-1, 1) + (511, 0), -1)[:, PARTNERS],
        visibility=truth.visibility[:, PARTNERS],
    )
    flipped = ranking.rank(mirrored, (predicted * (-1, 1) + (511, 0))[:, PARTNERS], scores[:, PARTNERS])
    back = {(row, PARTNERS[keypoint]): suspect for (row, keypoint), suspect in by_place(flipped).items()}
    assert same(by_place(ranking.rank(truth, predicted, scores)), back)


@search
@hypothesis.given(seeds)
def test_the_order_of_rows_does_not_matter(seed):
    truth, predicted, scores = garments(seed)
    order = np.random.default_rng(seed).permutation(len(truth))
    moved = dataclasses.replace(
        truth,
        lines=truth.lines[order],
        image_ids=[truth.image_ids[row] for row in order],
        categories=[truth.categories[row] for row in order],
        points=truth.points[order],
        visibility=truth.visibility[order],
    )
    suspects = by_place(ranking.rank(moved, predicted[order], scores[order]))
    back = {(int(order[row]), keypoint): suspect for (row, keypoint), suspect in suspects.items()}
    assert same(by_place(ranking.rank(truth, predicted, scores)), back)


def test_a_point_that_is_found_and_not_annotated_is_missing():
    truth, predicted, scores = garments(0, count=300)
    row, keypoint = np.argwhere(truth.visibility == 1)[0]
    scores[truth.visibility < 0] *= 0.1
    truth.visibility[row, keypoint], truth.points[row, keypoint], scores[row, keypoint] = -1, -1, 0.95
    missing = [suspect for suspect in ranking.rank(truth, predicted, scores) if suspect.kind == ranking.MISSING]
    assert (missing[0].row, missing[0].keypoint) == (row, keypoint)


@pytest.mark.parametrize("visibility", [-1, 0, 1])
def test_one_row(visibility):
    truth, predicted, scores = garments(0, count=1)
    truth.visibility[truth.visibility >= 0] = visibility
    assert len(ranking.rank(truth, predicted, scores)) == len(keypoint_indices(truth.categories[0]))
