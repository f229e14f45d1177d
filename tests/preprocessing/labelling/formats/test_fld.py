"""DeepFashion's landmark tables: ragged rows, numbers with zeros in front, columns by name, parts in other files."""

import hypothesis
import pytest
from fuzzing import cases
from hypothesis import strategies as st
from made_labels import SIZES, as_made, garments, rows, write

from base import schema as schemas
from base.errors import DataError
from preprocessing.labelling.formats import fld
from preprocessing.labelling.labelled import Notes

SCHEMA = schemas.load("fld")
TYPES = {"upper": 1, "lower": 2, "full": 3}
# In the order of the data set's page.
ORDER = {
    "upper": "collar_left collar_right sleeve_left sleeve_right hem_left hem_right",
    "lower": "waistline_left waistline_right hem_left hem_right",
    "full": "collar_left collar_right sleeve_left sleeve_right waistline_left waistline_right hem_left hem_right",
}
TRIPLES = "  ".join(f"landmark_visibility_{n} landmark_location_x_{n} landmark_location_y_{n}" for n in range(1, 9))
HEADER = f"image_name  clothes_type  variation_type  {TRIPLES}"


def table(header, lines):
    return "\n".join([str(len(lines)), header, *lines]) + "\n"


def line(name, made):
    fields = [f"img/{name}", f"{TYPES[made.category]}", "1"]
    for keypoint in ORDER[made.category].split():
        x, y, v = made.cells.get(keypoint, (0, 0, -1))
        fields.append(f"{1 - v} {x:03d} {y:03d}")
    return "  ".join(fields)


@cases(0.5)
@hypothesis.given(data=st.data(), size=SIZES, kind=st.sampled_from(["", "_inshop", "_consumer2shop"]))
def test_rows_come_back(tmp_path_factory, data, size, kind):
    made = data.draw(garments(SCHEMA, size))
    folder = tmp_path_factory.mktemp("fld")
    names = [f"{number:08d}.jpg" for number in range(len(made))]
    write(folder / "Anno" / f"list_landmarks{kind}.txt", table(HEADER, list(map(line, names, made))))
    columns = "clothes_type source_type " if kind else ""
    more = "1 2 " if kind else ""
    boxes = [f"img/{name} {more}" + " ".join(f"{side:03d}" for side in one.box) for name, one in zip(names, made)]
    write(folder / "Anno" / f"list_bbox{kind}.txt", table(f"image_name {columns}x_1 y_1 x_2 y_2", boxes))
    parts = [data.draw(st.sampled_from(["train", "val", "test"])) for _ in made]
    status = [f"img/{name}  {part}" for name, part in zip(names, parts)]
    write(folder / "Eval" / "list_eval_partition.txt", table("image_name evaluation_status", status))
    found, notes = rows(fld, folder, SCHEMA, size)
    assert (notes.faults, notes.remarks) == ([], [])
    assert as_made(found) == made
    assert [photo for photo, _ in found] == [f"img/{name}" for name in names]
    path = str(folder / "Anno" / f"list_landmarks{kind}.txt")
    assert [garment.partition for garment in fld.read(path, SCHEMA, Notes("a"))] == parts


def test_a_pair_of_images_in_a_partition(tmp_path):
    write(tmp_path / "list_landmarks_consumer2shop.txt", table(HEADER, ["img/b.jpg 2 1 0 1 2 1 3 4 2 0 0 2 0 0"]))
    header = "image_pair_name_1 image_pair_name_2 item_id evaluation_status"
    write(tmp_path / "list_eval_partition.txt", table(header, ["img/a.jpg img/b.jpg id_1 val"]))
    (garment,) = fld.read(str(tmp_path), SCHEMA, Notes("a"))
    assert (garment.partition, garment.box) == ("val", None)
    assert garment.points == [("waistline_left", 1, 2, False), ("waistline_right", 3, 4, True)]


def test_columns_go_by_name(tmp_path):
    header = HEADER.replace("image_name  clothes_type  variation_type", "image_name clothes_type")
    write(tmp_path / "list_landmarks.txt", table(header, ["img/b.jpg 2 0 001 2 0 3 4 0 5 6 0 072 8"]))
    (garment,) = fld.read(str(tmp_path), SCHEMA, Notes("a"))
    assert garment.points[-1] == ("hem_right", 72, 8, False)


GOOD = "img/a.jpg 2 1 0 1 2 0 3 4 0 5 6 0 7 8"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (table(HEADER, [GOOD]).replace("1\n", "2\n", 1), "line 1: says that there are 2 rows, and there are 1"),
        (table(HEADER, [GOOD + " 9"]), "line 3: expected 12 fields of landmarks, v, x and y for each of 4, got 13"),
        (table(HEADER, [GOOD.replace(" 2 1", " 4 1")]), "line 3, clothes_type: expected 1, 2, 3, got '4'"),
        (table(HEADER, [GOOD.replace("0 3", "3 3")]), "line 3, waistline_right: expected 0, 1, 2, got '3'"),
        (table(HEADER, [GOOD.replace("7", "x")]), "line 3, hem_right: 'x' is not valid: expected a finite number"),
        (table(HEADER.replace("clothes_type", "type"), [GOOD]), "line 2: expected a column clothes_type, got"),
        (table(HEADER, [GOOD]).replace("1\n", "one\n", 1), "line 1: expected the number of rows, got 'one'"),
        ("", "line 1: expected the number of rows, got ''"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    path = write(tmp_path / "list_landmarks.txt", text)
    try:
        _, notes = rows(fld, path, SCHEMA, (60, 60))
        lines = [str(fault) for fault in notes.faults]
    except DataError as error:
        lines = error.lines()
    assert f"{path}: {message}" in "\n".join(lines)


def test_a_folder_with_several_tables(tmp_path):
    for name in ("list_landmarks.txt", "list_landmarks_inshop.txt"):
        write(tmp_path / name, table(HEADER, [GOOD]))
    with pytest.raises(DataError, match=r"expected one file list_landmarks\*\.txt below it"):
        rows(fld, tmp_path, SCHEMA, (60, 60))
