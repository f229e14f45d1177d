"""Random damage to CSVs, photos, records and command lines: a good result or an error line, never anything else.

`pytest --hypothesis-profile=thorough tests/faults/test_fuzz.py` searches a hundred times longer.
"""

import csv
import io

import cv2
import hypothesis
import numpy as np
import tensorflow as tf
from fashionai import CATEGORIES, KEYPOINTS, keypoint_indices
from fuzzing import bounded_memory, cases, mutated, one_line_errors  # noqa: F401 (a fixture)
from hypothesis import strategies as st
from PIL import Image

from base.errors import DataError, UsageError
from configs import command_line, flag_table
from preprocessing.data import annotations, manifest, photos, records

HEADER = ["image_id", "image_category", *KEYPOINTS]


def table():
    """Returns the rows of a good CSV: three photos of each category."""
    rows = [HEADER]
    for number in range(15):
        category = CATEGORIES[number % 5]
        cells = ["-1_-1_-1"] * 24
        for index in keypoint_indices(category):
            cells[index] = f"{number + index}_{2 * index}_{index % 2}"
        rows.append([f"Images/{category}/{number}.jpg", category, *cells])
    return rows


CELLS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"-?[0-9]{1,8}_-?[0-9]{1,8}_(-1|0|1|2|)", fullmatch=True),
    st.from_regex(r"[-_0-9. +e]{0,9}", fullmatch=True),
    st.sampled_from(["1_1_1", "-1_-1_-1", "nan", "1_1_1\n", "１_1_1", "1__1", "1_000_1", "../x", "skirt", "blouse"]),
)


def is_point(cell):
    """Says without regular expressions whether a cell is `x_y_v` in plain digits, at most six of them."""
    parts = cell.split("_")
    plain = all(part.removeprefix("-").isdigit() and part.isascii() and len(part.lstrip("-")) <= 6 for part in parts)
    return (
        len(parts) == 3 and plain and not any(part.startswith("--") for part in parts) and parts[2] in ("-1", "0", "1")
    )


@cases(3)
@hypothesis.given(st.lists(st.tuples(st.integers(1, 15), st.integers(2, 25), CELLS), max_size=6))
def test_cells(tmp_path_factory, changes):
    rows = table()
    for line, column, cell in changes:
        rows[line][column] = cell
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    if any("\0" in cell or "\r" in cell or "\n" in cell for _, _, cell in changes):
        with one_line_errors(path):  # cells of several lines: which line an error names is not this test's matter
            annotations.read(path)
        return
    read, faults = annotations.parse(path, labelled=True)
    wrong = {
        (f"line {row + 1}", name)
        for row in range(1, 16)
        for name, cell in zip(KEYPOINTS, rows[row][2:])
        if not is_point(cell)
    }
    assert {tuple(fault.where.split(", column ")) for fault in faults} == wrong
    for line, image_id, points, visibility in zip(read.lines, read.image_ids, read.points, read.visibility):
        row = rows[line - 1]
        assert image_id == row[0]
        values = [[int(number) for number in cell.split("_")] for cell in row[2:]]
        assert np.concatenate([points, visibility[:, None]], 1).tolist() == values


def csv_bytes():
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(table())
    return buffer.getvalue().encode()


@cases(3)
@hypothesis.given(mutated(csv_bytes()))
def test_bytes_of_a_csv(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(data)
    for read in (annotations.read, annotations.read_images):
        with one_line_errors(path):
            read(path)


def jpegs():
    """Returns the bytes of small JPEGs: plain, progressive, grey, CMYK, with an orientation and a thumbnail."""
    noise = np.random.RandomState(0).randint(0, 256, [6, 5, 3]).astype(np.uint8)
    image = Image.fromarray(cv2.resize(noise, (75, 90), interpolation=cv2.INTER_CUBIC))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = [({}, "RGB"), ({"progressive": True}, "RGB"), ({}, "L"), ({}, "CMYK"), ({"exif": exif}, "RGB")]
    files = []
    for options, mode in kinds:
        buffer = io.BytesIO()
        image.convert(mode).save(buffer, "JPEG", quality=80, **options)
        files.append(buffer.getvalue())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return [*files, buffer.getvalue()]


@cases(6)
@hypothesis.given(st.sampled_from(jpegs()).flatmap(mutated))
def test_bytes_of_a_photo(data):
    photo, wrong = None, []
    try:
        photo = photos.check(data)
    except photos.BadPhoto as error:
        wrong = str(error).splitlines()
    if photo is None:
        assert len(wrong) == 1
        return
    height, width, _ = tf.io.decode_jpeg(photo.encoded, channels=3).shape
    assert photo.size == (width, height)
    assert width * height <= photos.MOST_PIXELS


def shard_bytes(tmp_path):
    path = tmp_path / "skirt_0000.tfrecord"
    points = np.full([24, 2], 7)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(3):
            writer.write(
                records.serialise(f"Images/skirt/{number}.jpg", jpegs()[0], (75, 90), "skirt", points, points[:, 0] * 0)
            )
    return path, path.read_bytes()


@cases(3)
@hypothesis.given(st.data())
def test_bytes_of_records(tmp_path_factory, choose):
    folder = tmp_path_factory.mktemp("records")
    path, whole = shard_bytes(folder)
    originals = list(records.read_examples(path))
    path.write_bytes(choose.draw(mutated(whole)))
    with one_line_errors(folder, DataError):
        for number, example in enumerate(records.read_examples(path)):
            assert example in originals, number  # what a checksum vouches for is what was written
    with one_line_errors(folder):
        counts = manifest.verify(folder, ["skirt"])
        assert 0 <= counts["skirt"][0] <= 12
    fault = manifest.find_fault([str(path)])
    assert fault is None or len(str(fault).splitlines()) == 1


WORDS = st.one_of(
    st.text(max_size=10),
    st.sampled_from(
        ["", "0", "-1", "1e9", "nan", "inf", "1e400", "skirt", "skirt,skirt", "all", "true", ",", "0x10", "١"]
    ),
    st.integers().map(str),
    st.floats().map(str),
)


@cases(3)
@hypothesis.given(st.lists(st.tuples(st.sampled_from([*flag_table.FLAGS, "nonsense", ""]), WORDS), max_size=3))
def test_command_lines(flags):
    own = ["places", "training", "codec", "net"]
    argv = ["program", *(f"--{name}={word}" for name, word in flags if "flagfile" not in name)]
    values, wrong = None, []
    try:
        values = command_line.parse(argv, own)
    except UsageError as error:
        wrong = [line for text in error.lines() for line in text.splitlines()]
    if values is None:
        assert len(wrong) == 1
        return
    for name in values.given:
        flag, value = flag_table.FLAGS[name], getattr(values, name)
        for item in value if isinstance(value, list) else [value]:
            assert flag.low is None or item is None or flag.low <= item
            assert flag.high is None or item is None or item <= flag.high
            assert not flag.choices or item in flag.choices


@cases(0.3)
@hypothesis.given(st.data())
def test_the_conversion(data, program, capfd, tmp_path_factory, choose):
    former = {}
    for file in choose.draw(
        st.sets(st.sampled_from(sorted(path for path in data.rglob("*") if path.is_file())), max_size=2)
    ):
        former[file] = file.read_bytes()
        file.write_bytes(choose.draw(mutated(former[file])))
    out = tmp_path_factory.mktemp("out")
    flags = choose.draw(st.sets(st.sampled_from(["--skip_bad", "--val_fraction=0", "--splits=test_0", "--seed=7"])))
    code = program("tools/convert_tfrecords.py", f"--data_dir={data}", f"--output_dir={out}", *sorted(flags))
    lines = capfd.readouterr().err.splitlines()
    for file, whole in former.items():
        file.write_bytes(whole)
    shards = list(map(str, out.glob("*.tfrecord")))
    assert all(line.startswith("convert_tfrecords.py: ") for line in lines), lines
    assert (code == 0 and shards and not manifest.find_fault(shards)) or (code == 1 and lines and not shards), lines
