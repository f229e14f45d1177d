"""The photos that are chosen: the worthiest, of those that look alike one, whatever the order."""

import hypothesis
import numpy as np
from hypothesis import strategies as st

from tools.suggestion import choice

seeds = st.integers(0, 2**32 - 1)
search = hypothesis.settings(max_examples=50, deadline=None, derandomize=True)


def photos(seed, count):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, [count, 24, 20, 3]).astype(np.uint8)
    return random.uniform(0.1, 5, count), images


def looks_of(images):
    return [choice.look_of(image) for image in images]


@search
@hypothesis.given(seeds, st.integers(1, 30), st.integers(1, 40))
def test_as_many_different_ones_as_wanted_the_worthiest_first(seed, count, wanted):
    values, images = photos(seed, count)
    chosen = choice.choose(values, looks_of(images), wanted)
    assert len(set(chosen)) == len(chosen) == min(count, wanted)
    assert chosen[0] == values.argmax()


@search
@hypothesis.given(seeds, st.integers(2, 30))
def test_fewer_are_the_first_of_more(seed, count):
    values, images = photos(seed, count)
    looks = looks_of(images)
    assert choice.choose(values, looks, count // 2) == choice.choose(values, looks, count)[: count // 2]


@search
@hypothesis.given(seeds, st.integers(2, 30))
def test_the_order_of_photos_does_not_matter(seed, count):
    values, images = photos(seed, count)
    order = np.random.default_rng(seed).permutation(count)
    moved = choice.choose(values[order], looks_of(images[order]), count)
    assert [int(order[number]) for number in moved] == choice.choose(values, looks_of(images), count)


@search
@hypothesis.given(seeds, st.integers(2, 10), st.booleans())
def test_the_same_photo_or_the_flipped_one_is_the_last_to_be_chosen(seed, count, flipped):
    values, images = photos(seed, count)
    best = int(values.argmax())
    again = images[best][:, ::-1] if flipped else images[best]
    looks = looks_of([*images, again])
    assert choice.choose([*values, values[best] * 0.999], looks, count + 1)[-1] == count


def test_photos_of_one_colour():
    looks = looks_of(np.full([3, 10, 10, 3], 255, np.uint8))
    assert sorted(choice.choose([1, 2, 0], looks, 5)) == [0, 1, 2]
    assert choice.choose([], [], 5) == []
