"""The CSV reader and writer, on files written by hand; what faults look like is in tests/faults/test_data.py."""

import gzip
import os
import tracemalloc
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from fashionai import KEYPOINTS
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import DataError, DataErrors
from preprocessing.data import annotations, csv_rows

HEADER = ",".join(("image_id", "image_category", *KEYPOINTS))
ABSENT = ["-1_-1_-1"] * 24


def row(image_id, category, **cells):
    return ",".join([image_id, category, *(cells.get(name, "-1_-1_-1") for name in KEYPOINTS)])


@pytest.fixture
def path(tmp_path):
    lines = [
        HEADER,
        row("Images/skirt/a.jpg", "skirt", waistband_left="10_20_1", hemline_right="511_300_0"),
        "",
        row("Images/dress/b.jpg", "dress", neckline_left="0_0_1"),
    ]
    (tmp_path / "train.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "train.csv"


def test_read(path):
    read = annotations.read(path)
    assert len(read) == 2
    assert read.file == str(path)
    assert read.lines.tolist() == [2, 4]  # as an editor counts, the empty one too
    assert read.image_ids == ["Images/skirt/a.jpg", "Images/dress/b.jpg"]
    assert read.categories == ["skirt", "dress"]
    assert read.points.shape == (2, 24, 2)
    assert read.points.dtype == np.float64
    assert read.points[0, KEYPOINTS.index("hemline_right")].tolist() == [511, 300]
    assert read.visibility[0].tolist() == [
        {"waistband_left": 1, "hemline_right": 0}.get(name, -1) for name in KEYPOINTS
    ]
    assert read.points[1, 1:].tolist() == [[-1, -1]] * 23


def test_read_images_passes_over_keypoints(path):
    read = annotations.read_images(path)
    assert read.image_ids == ["Images/skirt/a.jpg", "Images/dress/b.jpg"]
    assert (read.visibility == -1).all()
    assert read.points.shape == (2, 24, 2)


def test_compressed(path):
    compressed = path.with_suffix(".csv.gz")
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    assert annotations.read(compressed).points.tolist() == annotations.read(path).points.tolist()
    compressed.write_bytes(gzip.compress(path.read_bytes())[:60])
    with pytest.raises(DataError, match=r"train.csv.gz: is not text"):
        annotations.read(compressed)


@pytest.mark.parametrize("part", [b"x" * 1_000_000, b"a,b\n" * 25_000, b"\n" * 100_000], ids=["line", "rows", "empty"])
def test_a_compressed_file_that_grows_a_thousandfold_is_refused_early(tmp_path, part, monkeypatch):
    monkeypatch.setattr(csv_rows, "_MOST_CHARACTERS", 500_000)
    monkeypatch.setattr(annotations, "_MOST_FAULTS", 1_000)
    file = tmp_path / "bomb.csv.gz"
    with gzip.open(file, "wb") as bomb:
        bomb.write(HEADER.encode() + b"\n")
        for _ in range(40):
            bomb.write(part)
    tracemalloc.start()
    try:
        with pytest.raises((DataError, DataErrors)) as raised:
            annotations.read(file)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert raised.value.lines()[0].startswith(f"{file}: line ")


def test_a_file_is_as_long_as_it_looks(path, monkeypatch):
    """A plain file of any length is read, and a compressed one whose length is no surprise."""
    expected = annotations.read(path).keys
    monkeypatch.setattr(csv_rows, "_MOST_CHARACTERS", 10)
    assert annotations.read(path).keys == expected
    packed = path.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert annotations.read(packed).keys == expected
    monkeypatch.setattr(csv_rows, "_MOST_TIMES", 1)
    with pytest.raises(DataError, match=f"file longer than {packed.stat().st_size:,}"):
        annotations.read(packed)


def test_points_that_stay_whole_pixels_are_the_same(path):
    (small, _), (usual, _) = (annotations.parse(path, True, whole_pixels=whole) for whole in (True, False))
    assert (small.points.dtype, usual.points.dtype) == (np.int32, np.float64)
    np.testing.assert_array_equal(small.points, usual.points)
    np.testing.assert_array_equal(small.visibility, usual.visibility)


def test_a_table_is_read_in_the_memory_that_its_points_take(tmp_path, monkeypatch):
    monkeypatch.setattr(annotations, "_MOST_KNOWN_CELLS", 1_000)
    file, generator = tmp_path / "many.csv", np.random.default_rng(0)
    points = generator.integers(0, 999_999, [5_000, 24, 2])
    ids = [f"Images/skirt/{number}.jpg" for number in range(len(points))]
    annotations.write(file, ids, ["skirt"] * len(ids), points, np.ones(points.shape[:2], int))
    tracemalloc.start()
    try:
        read = annotations.read(file)
        assert tracemalloc.get_traced_memory()[1] < 5 * read.points.nbytes
    finally:
        tracemalloc.stop()
    assert np.array_equal(read.points, points)


def test_write_then_read(tmp_path):
    random = np.random.RandomState(0)
    visibility = random.randint(-1, 2, [5, 24])
    points = random.uniform(-50, 900, [5, 24, 2])
    ids = [f"Images/skirt/{name}.jpg" for name in ("a", "b,c", 'd"e', "é", "f g")]
    for name in ("out.csv", "out.csv.gz"):
        annotations.write(tmp_path / name, ids, ["skirt"] * 5, points, visibility)
        read = annotations.read(tmp_path / name)
        assert read.image_ids == ids
        assert read.visibility.tolist() == visibility.tolist()
        absent = visibility[..., None] < 0
        assert read.points.tolist() == np.where(absent, -1, np.round(points)).tolist()


def test_written_text(tmp_path):
    points, visibility = np.full([1, 24, 2], 3.4), np.full([1, 24], -1)
    visibility[0, :2] = [1, 0]
    annotations.write(tmp_path / "out.csv", ["Images/skirt/a.jpg"], ["skirt"], points, visibility)
    expected = ",".join(["Images/skirt/a.jpg", "skirt", "3_3_1", "3_3_0", *ABSENT[2:]])
    assert (tmp_path / "out.csv").read_bytes() == f"{HEADER}\n{expected}\n".encode()


def test_same_rows_same_bytes(tmp_path):
    for name in ("a.csv.gz", "b.csv.gz"):
        annotations.write(tmp_path / name, ["a.jpg"], ["skirt"], np.zeros([1, 24, 2]), np.ones([1, 24], int))
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_lines_are_an_editors_where_a_field_holds_line_breaks(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("\n".join([HEADER, '"Images/\n\nskirt/a.jpg"' + ",skirt" + ",1_1_1" * 24, "short"]) + "\n")
    _, faults = annotations.parse(path, labelled=True)
    assert [fault.where for fault in faults] == ["line 2, column image_id", "line 5"]


@pytest.mark.parametrize(
    ("image_id", "good"),
    [
        ("Images/skirt/a.jpg", True),
        ("a.jpg", True),
        ("Images/..skirt/a..jpg", True),
        ("../a.jpg", False),
        ("Images/../../a.jpg", False),
        ("Images\\..\\a.jpg", False),
        ("/etc/passwd", False),
        ("\\\\server\\a.jpg", False),
        ("C:/a.jpg", False),
        ("", False),
        (" a.jpg", False),
        ("a\0.jpg", False),
        ("a\n.jpg", False),
    ],
)
def test_image_ids_stay_in_their_folder(image_id, good):
    assert (annotations.wrong_image_id(image_id) is None) == good


@pytest.mark.parametrize("points", [(1, 4, 2), (2, 24, 2), (1, 24, 3), (1, 24)])
@pytest.mark.parametrize("visibility", [(1, 24), (1, 4)])
def test_points_of_another_schema_are_not_written(tmp_path, points, visibility):
    with pytest.raises(ValueError, match="expected points .* by the schema fashionai, got"):
        annotations.write(tmp_path / "a.csv", ["a.jpg"], ["skirt"], np.zeros(points), np.zeros(visibility, int))
    assert not list(tmp_path.iterdir())


LIMIT = 60


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text("a,\n ", max_size=30), min_size=1, max_size=4), min_size=1, max_size=8))
def test_rows_are_read_whatever_the_file_has_and_none_that_is_too_long(tmp_path_factory, rows):
    """A limit of a row's characters, however many lines it has in quotes, is none of the file's."""
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    lengths = []
    for row in rows:
        csv_rows.write(path, [row])
        lengths.append(len(path.read_text()))
    csv_rows.write(path, rows)
    with mock.patch.object(csv_rows, "_LONGEST_ROW", LIMIT):
        if max(lengths) < LIMIT:
            assert [row for _, row in csv_rows.read(path)] == rows
        else:
            with pytest.raises(DataError, match="row longer than 60 characters"):
                list(csv_rows.read(path))


def test_the_columns_of_another_schema_are_one_line(tmp_path):
    path = tmp_path / "socks.csv"
    path.write_text("image_id,image_category,cuff,heel,toe,sole\n")
    with pytest.raises(DataError) as error:
        annotations.read(path)
    assert error.value.lines() == [
        f"{path}: line 1: has the columns 'cuff', 'heel', 'toe' and 1 more, and lacks the columns 'neckline_left', "
        "'neckline_right', 'center_front' and 21 more: expected image_id, image_category and the 24 keypoints of the "
        "schema fashionai, or another --schema"
    ]


@pytest.mark.parametrize(
    ("start", "part", "message"),
    [
        ("", "a", "line 1: is no CSV row"),
        ("", "a\n", "column 'a': is not known"),
        (HEADER + "\n", "a\n", "has 1 field"),
        (HEADER + "\n", '"\n",', "row longer than 1,000,000 characters"),
    ],
    ids=["one line", "another header", "rows", "a row of quoted line breaks"],
)
def test_a_bomb_takes_little_memory(tmp_path, start, part, message):
    """Its 50 kB were a gigabyte of rows, or one line of whatever length."""
    packed = gzip.compress(f"{start}{part * (40_000_000 // len(part))}".encode())
    assert len(packed) < 100_000
    (tmp_path / "bomb.csv.gz").write_bytes(packed)
    tracemalloc.start()
    try:
        with pytest.raises((DataError, DataErrors)) as error:
            annotations.read(tmp_path / "bomb.csv.gz")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message in error.value.lines()[0]
    assert peak < 200e6


def test_header_of_two_names_over_26_columns(tmp_path):
    """As the submission of one team had it."""
    path = bad_header(tmp_path)
    with pytest.raises(DataError, match="line 1: names 2 columns where the rows have 26"):
        annotations.read(path)


def bad_header(tmp_path):
    if "FASHION_DATA" in os.environ:
        return Path(os.environ["FASHION_DATA"]) / "round1_test_a/submission_bad_header.csv.gz"
    path = tmp_path / "submission.csv"
    path.write_text("\n".join(["image_id,image_category", row("Images/skirt/a.jpg", "skirt")]) + "\n")
    return path


def test_every_fault_of_a_row_is_listed(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("\n".join([HEADER, row("../a.jpg", "shirt", crotch="x", hemline_left="1_1_3")]) + "\n")
    with pytest.raises(DataErrors) as caught:
        annotations.read(path)
    assert [error.where for error in caught.value.errors] == [
        "line 2, column image_id",
        "line 2, column image_category",
        "line 2, column hemline_left",
        "line 2, column crotch",
    ]


@pytest.mark.parametrize("again", ["./Images/a.jpg", "Images/./a.jpg", "Images//a.jpg"])
def test_a_photo_of_another_spelling_is_the_same_photo(tmp_path, again):
    """It was in the training and in the validation records."""
    file = tmp_path / "test.csv"
    file.write_text(f"image_id,image_category\nImages/a.jpg,skirt\n{again},skirt\n")
    with pytest.raises(DataErrors) as error:
        annotations.read_images(file)
    (line,) = error.value.lines()
    assert "line 3, column image_id" in line
    assert "stands in line 2 already" in line
