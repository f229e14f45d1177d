"""Boxes in CSVs and records: what is written is read, what is wrong is one line, and what has none stays as it was."""

import hashlib

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from fashionai import KEYPOINTS
from hypothesis import strategies as st

from base.errors import DataError, DataErrors
from preprocessing.data import annotations, boxes, conversion_plan, layout, records

HEADER = ",".join(("image_id", "image_category", *KEYPOINTS))
POINTS = ",".join(["5_6_1", *["-1_-1_-1"] * 23])
JPEG = tf.io.encode_jpeg(np.zeros([40, 56, 3], np.uint8)).numpy()
SPANS = st.tuples(st.integers(0, 900), st.integers(1, 900)).map(lambda span: (span[0], span[0] + span[1]))
BOXES = st.tuples(SPANS, SPANS).map(lambda spans: (spans[0][0], spans[1][0], spans[0][1], spans[1][1]))


@hypothesis.given(BOXES | st.none())
def test_a_cell_is_read_as_it_is_written(box):
    assert boxes.parse(boxes.to_text(box)) == (box, None)


@hypothesis.given(st.text("0123456789_-.na+ e", max_size=20) | st.text(max_size=20))
def test_a_cell_of_anything_is_a_box_or_a_fault(cell):
    box, wrong = boxes.parse(cell)
    assert bool(wrong) == (box is None and cell != "")
    assert box is None or (0 <= box[0] < box[2] and 0 <= box[1] < box[3])


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    rows=st.lists(BOXES | st.none(), min_size=1, max_size=6, unique=True), ending=st.sampled_from(["", ".gz"])
)
def test_a_table_is_read_as_it_is_written(tmp_path_factory, rows, ending):
    """One photo, a row a box, and the column is the last one."""
    file = tmp_path_factory.getbasetemp() / f"boxes.csv{ending}"
    count = len(rows)
    points, visibility = np.full([count, 24, 2], 7), np.ones([count, 24], int)
    annotations.write(file, ["Images/dress/a.jpg"] * count, ["dress"] * count, points, visibility, boxes=rows)
    table = annotations.read(file)
    assert table.boxes == rows
    assert table.keys == [("Images/dress/a.jpg", "dress", box) for box in rows]
    if not ending:
        assert file.read_text().splitlines()[0] == f"{HEADER},box"
    assert annotations.read_images(file).boxes == rows


@hypothesis.settings(deadline=None)
@hypothesis.given(BOXES, st.tuples(*[st.integers(0, 50)] * 2), st.floats(0, 10))
def test_what_a_net_sees_is_the_box_its_margin_and_nothing_else(box, beyond, margin):
    size = box[2] + beyond[0], box[3] + beyond[1]
    seen = boxes.widened(np.array(box), np.array(size), margin).tolist()
    assert boxes.outside(seen, size) is None
    for low, high, wide_low, wide_high, side in zip(box[:2], box[2:], seen[:2], seen[2:], size):
        more = margin * (high - low)
        assert max(low - more - 1, 0) <= wide_low <= max(low - more, 0) + 1e-3
        assert min(high + more, side) - 1e-3 <= wide_high <= min(high + more + 1, side)
    in_training = boxes.widened(tf.constant(box), tf.constant(size), margin)
    assert in_training.numpy().tolist() == seen
    assert boxes.widened(np.array(box), np.array(size), 0.0).tolist() == list(box)
    assert boxes.widened(np.array([0, 0, *size]), np.array(size), margin).tolist() == [0, 0, *size]


def test_a_margin_is_a_share_of_each_side():
    both = np.array([[20, 10, 40, 20], [0, 0, 30, 40]])
    assert boxes.widened(both, np.array([60, 40]), 0.1).tolist() == [[18, 9, 42, 21], [0, 0, 33, 40]]


def test_a_table_without_boxes_has_no_such_column(tmp_path):
    file = tmp_path / "plain.csv"
    annotations.write(file, ["Images/dress/a.jpg"], ["dress"], np.full([1, 24, 2], 7), np.ones([1, 24], int))
    assert file.read_text().splitlines()[0] == HEADER
    assert annotations.read(file).boxes is None


WRONG = {
    "1_2_3": "is no box",
    "1_2_3_x": "is no box",
    "nan_0_5_5": "is no box",
    "0_0_inf_5": "is no box",
    "1.5_0_5_5": "is no box",
    "0_0_5_5_5": "is no box",
    "0_0_1234567_5": "is no box",
    " ": "is no box",
    "5_0_2_9": "holds no pixel",
    "0_9_5_2": "holds no pixel",
    "3_3_3_9": "holds no pixel",
    "-1_0_5_5": "lies outside of the photo",
}


@pytest.mark.parametrize("cell", WRONG)
@pytest.mark.parametrize("labelled", [True, False])
def test_a_wrong_box_is_one_line_with_line_and_column(tmp_path, cell, labelled):
    file = tmp_path / "boxes.csv"
    header, points = (HEADER, f"{POINTS},") if labelled else ("image_id,image_category", "")
    row = f"Images/skirt/a.jpg,skirt,{points}"
    file.write_text(f"{header},box\n{row}\n{row}{cell}\n")
    with pytest.raises(DataErrors) as caught:
        annotations.parse(file, labelled)[0] if False else (annotations.read if labelled else annotations.read_images)(
            file
        )
    (line,) = caught.value.lines()
    assert line.startswith(f"{file}: line 3, column box: {cell!r} {WRONG[cell]}: expected x0_y0_x1_y1 in whole pixels")


@pytest.mark.parametrize(
    ("second", "is_same"),
    [("a.jpg,skirt,0_0_5_5", True), ("a.jpg,skirt,00_0_5_05", True), ("a.jpg,skirt,0_0_5_6", False),
     ("a.jpg,dress,0_0_5_5", False), ("b.jpg,skirt,0_0_5_5", False), ("a.jpg,skirt,", False)],
)  # fmt: skip
def test_a_row_is_known_by_photo_category_and_box(tmp_path, second, is_same):
    file = tmp_path / "test.csv"
    file.write_text(f"image_id,image_category,box\nImages/a.jpg,skirt,0_0_5_5\nImages/{second}\n")
    table, faults = annotations.parse(file, False)
    assert len(table) == (1 if is_same else 2)
    lines = [str(fault) for fault in faults]
    assert (
        lines
        == [
            f"{file}: line 3, column image_id: 'Images/a.jpg' stands in line 2 already: "
            "expected one row per photo, category and box"
        ]
        * is_same
    )


def test_an_example_without_a_box_is_the_same_bytes_as_ever():
    plain = records.serialise("Images/x.jpg", JPEG, (56, 40), "skirt")
    assert b"box" not in plain
    assert records.parse(plain, labelled=False)["box"].numpy().tolist() == [0, 0, 56, 40]
    assert records.box_of(tf.train.Example.FromString(plain)) is None


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(st.lists(st.sampled_from([None, (0, 0, 56, 40), (3, 4, 50, 40), (55, 39, 56, 40)]), min_size=1))
def test_boxes_come_back_from_records(tmp_path_factory, rows):
    shard = str(tmp_path_factory.getbasetemp() / "skirt_0000.tfrecord")
    written = [records.serialise("Images/x.jpg", JPEG, (56, 40), "skirt", box=box) for box in rows]
    with tf.io.TFRecordWriter(shard) as writer:
        for example in written:
            writer.write(example)
    assert [records.box_of(example) for example in records.read_examples(shard)] == rows
    parsed = records.parse(tf.constant(written), labelled=False)["box"].numpy()
    np.testing.assert_array_equal(parsed, [box or (0, 0, 56, 40) for box in rows])


@pytest.mark.parametrize("box", [(0, 0, 57, 40), (5, 5, 5, 9), (-1, 0, 5, 5), (0, 0, 5), ()])
def test_a_record_with_a_wrong_box_is_one_line(tmp_path, box):
    shard = str(tmp_path / "skirt_0000.tfrecord")
    with tf.io.TFRecordWriter(shard) as writer:
        writer.write(records.serialise("Images/x.jpg", JPEG, (56, 40), "skirt", box=box))
    with pytest.raises(DataError, match="record 1: has .*image/box"):
        list(records.read_examples(shard))


def plan(rows, val_fraction):
    """The shards of rows (photo, category, box)."""
    nothing = np.zeros([24, 2]), np.zeros(24, int)
    full = [
        conversion_plan.Row("DATA/train_0", "a.csv", 2, f"Images/{name}.jpg", category, *nothing, None, box)
        for name, category, box in rows
    ]
    return conversion_plan.make_plan(full, True, val_fraction, seed=1)


@hypothesis.given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["skirt", "dress"]), BOXES), unique=True, min_size=1),
    st.floats(0, 0.9),
)
def test_the_garments_of_a_photo_are_all_for_training_or_all_for_validation(rows, val_fraction):
    shards = plan(rows, val_fraction)
    sides = {}
    for shard in shards:
        for row in shard.rows:
            sides.setdefault(row.image_id, set()).add(shard.validation)
    assert all(len(side) == 1 for side in sides.values())
    assert sorted((row.image_id, row.category, row.box) for shard in shards for row in shard.rows) == sorted(
        (f"Images/{name}.jpg", category, box) for name, category, box in rows
    )


@hypothesis.given(
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(["skirt", "dress", "blouse"]), BOXES), unique=True, min_size=1
    ),
    st.floats(0.01, 0.45),
)
@hypothesis.example([(1, "skirt", (0, 0, 1, 1)), (1, "dress", (0, 0, 1, 1)), (2, "skirt", (0, 0, 1, 1))], 0.05)
def test_no_category_of_two_photos_is_left_without_one_to_train_on(rows, val_fraction):
    trained = {row.category for shard in plan(rows, val_fraction) if not shard.validation for row in shard.rows}
    photos = {}
    for name, category, _ in rows:
        photos.setdefault(category, set()).add(name)
    assert trained >= {category for category, names in photos.items() if len(names) > 1}


@hypothesis.given(st.dictionaries(st.integers(0, 60), st.sampled_from(["skirt", "dress"])), st.floats(0.01, 1.0))
def test_photos_of_one_garment_each_are_split_as_ever(photos, val_fraction):
    """The first ones of each category by the hash of their names, as release 1.0.0 had it."""
    rows = [(name, category, None) for name, category in photos.items()]
    shards = plan(rows, val_fraction) if rows else []
    for category in ("skirt", "dress"):
        ids = [f"Images/{name}.jpg" for name, own in photos.items() if own == category]
        ids.sort(key=lambda image_id: hashlib.sha256(f"1 train_0/{image_id}".encode()).digest())
        count = max(1, int(len(ids) * val_fraction + 0.5)) if len(ids) > 1 else 0
        own = {
            side: [
                row.image_id
                for shard in shards
                if shard.validation == side
                for row in shard.rows
                if row.category == category
            ]
            for side in (True, False)
        }
        assert own == {True: ids[:count], False: ids[count:]}


def test_a_photo_s_row_knows_its_box(tmp_path):
    split = tmp_path / "train_0"
    (split / "Annotations").mkdir(parents=True)
    (split / "Annotations" / "a.csv").write_text(
        f"{HEADER},box\nImages/a.jpg,blouse,{POINTS},1_2_30_40\nImages/a.jpg,blouse,{POINTS},\n"
    )
    rows, faults = conversion_plan.read_rows([str(split)], annotations.schemas.default())
    assert not faults
    assert [row.box for row in rows] == [(1, 2, 30, 40), None]
    assert layout.is_labelled(str(split))
