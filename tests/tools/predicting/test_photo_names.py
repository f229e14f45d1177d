"""Photos are found by every name that means one of them, and by none that means another."""

import hypothesis
import pytest
from hypothesis import strategies as st

from tools.predicting.photo_names import PhotoNames

names = st.lists(
    st.tuples(
        st.lists(st.sampled_from("ab"), max_size=3), st.sampled_from(["1", "02", "x", "x.y"]), st.just("jpg")
    ).map(lambda parts: "/".join([*parts[0], f"{parts[1]}.{parts[2]}"])),
    min_size=1,
    max_size=8,
    unique=True,
)


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(names, st.sampled_from(["", "./", "other/", "a/"]))
def test_a_name_finds_its_photo_and_only_photos_whose_folders_agree(photos, folder):
    found = PhotoNames({f"/photos/{name}": name for name in photos})
    for name in photos:
        assert found.find(name) == [f"/photos/{name}"]
        asked = folder + name
        for path in found.find(asked):
            parts, own = asked.removeprefix("./").split("/"), path.removeprefix("/photos/").split("/")
            shared = min(len(parts), len(own))
            assert parts[-shared:] == own[-shared:]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("1.jpg", ["a/1.jpg"]),
        ("a/1.jpg", ["a/1.jpg"]),
        ("elsewhere/a/1.jpg", ["a/1.jpg"]),
        ("b/1.jpg", []),
        ("1", ["a/1.jpg"]),
        ("42", ["b/000042.png"]),
        ("000042", ["b/000042.png"]),
        ("0042", []),
        ("two.jpg", ["a/two.jpg", "b/two.jpg"]),
        ("a/two", ["a/two.jpg"]),
        ("v1.2", ["v1.2.jpg"]),
        ("../a/1.jpg", ["a/1.jpg"]),
        ("/etc/passwd", []),
        ("", []),
    ],
)
def test_what_a_name_stands_for(asked, expected):
    photos = ["a/1.jpg", "b/000042.png", "a/two.jpg", "b/two.jpg", "v1.2.jpg"]
    assert PhotoNames({name: name for name in photos}).find(asked) == expected
