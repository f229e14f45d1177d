"""Labels written as each tool writes them come back as the CSV that they were written from."""

import dataclasses
import json
import os
import re
import shutil
import xml.sax.saxutils

import numpy as np
import pytest
from fashionai import KEYPOINTS, SCHEMA
from PIL import Image

from base.errors import DataError, DataErrors, UsageError
from configs import command_line
from preprocessing.data import annotations
from preprocessing.labelling import labelled, placing
from tools import import_labels, make_synthetic_data


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Photos in one folder, and [(file name, (width, height), category, {keypoint: (x, y, v)})]."""
    folder = tmp_path_factory.mktemp("drawn")
    make_synthetic_data.write_data_set(str(folder), 2, 0, 120, 3, SCHEMA, 1)
    rows = annotations.read(folder / "train_0" / "Annotations" / "annotations.csv")
    os.makedirs(folder / "photos")
    photos = []
    for image_id, category, points, visibility in zip(rows.image_ids, rows.categories, rows.points, rows.visibility):
        name = f"my photo {len(photos)}.jpg"
        shutil.copy(folder / "train_0" / image_id, folder / "photos" / name)
        with Image.open(folder / "photos" / name) as image:
            size = image.size
        cells = {
            keypoint: (*points[index].astype(int).tolist(), int(visibility[index]))
            for index, keypoint in enumerate(KEYPOINTS)
            if visibility[index] >= 0
        }
        photos.append((name, size, category, cells))
    return folder / "photos", photos


def label_studio(photos):
    tasks = []
    for number, (name, (width, height), category, cells) in enumerate(photos):
        results = [{"id": "c", "type": "choices", "from_name": "category", "value": {"choices": [category]}}]
        for keypoint, (x, y, v) in cells.items():
            value = {"x": 100 * (x + 0.5) / width, "y": 100 * (y + 0.5) / height, "keypointlabels": [keypoint]}
            region = {"id": keypoint, "type": "keypointlabels", "image_rotation": 0, "value": value}
            results.append({**region, "original_width": width, "original_height": height})
            if v == 0:
                results.append({"id": keypoint, "type": "choices", "value": {"choices": ["occluded"]}})
        address = f"/data/upload/3/1a2b3c4d-{name.replace(' ', '%20' if number % 2 else '_')}"
        tasks.append({"id": number, "data": {"image": address}, "annotations": [{"result": results}]})
    tasks.append({"id": 99, "data": {"image": "/data/upload/3/not_yet.jpg"}, "annotations": []})
    return json.dumps(tasks)


def cvat(photos, skeletons=False):
    lines = ["<?xml version='1.0' encoding='utf-8'?>", "<annotations><version>1.1</version>"]
    for number, (name, (width, height), category, cells) in enumerate(photos):
        lines.append(
            f"<image id='{number}' name={xml.sax.saxutils.quoteattr('a/' + name)} width='{width}' height='{height}'>"
        )
        lines.append(f"<skeleton label='{category}'>" if skeletons else f"<tag label='{category}' source='manual'/>")
        lines += [
            f"<points label='{keypoint}' occluded='{1 - v}' points='{x + 0.5:.2f},{y + 0.5:.2f}' outside='0'/>"
            for keypoint, (x, y, v) in cells.items()
        ]
        if skeletons:
            lines.append("<points label='crotch' occluded='0' outside='1' points='0.00,0.00'/></skeleton>")
        lines.append("</image>")
    return "\n".join([*lines, "<image id='999' name='empty.jpg' width='5' height='5'></image></annotations>"])


def labelme(photo):
    name, (width, height), category, cells = photo
    shapes = [
        {"label": keypoint, "points": [[x + 0.4, y + 0.6]], "shape_type": "point", "flags": {"occluded": v == 0}}
        for keypoint, (x, y, v) in cells.items()
    ]
    size = {"imageWidth": width, "imageHeight": height}
    return json.dumps({"version": "5.4", "flags": {category: True}, "shapes": shapes, "imagePath": name, **size})


def run(*arguments):
    flags = command_line.parse(["import_labels.py", *arguments], import_labels.FLAGS, [])
    import_labels.main(flags)


def written(output_dir, split="train_0"):
    """Returns {bytes of a photo: (category, {keypoint: (x, y, v)})} of a data set."""
    rows = annotations.read(output_dir / split / "Annotations" / "annotations.csv")
    result = {}
    for image_id, category, points, visibility in zip(rows.image_ids, rows.categories, rows.points, rows.visibility):
        cells = {KEYPOINTS[index]: (*points[index], visibility[index]) for index in np.flatnonzero(visibility >= 0)}
        result[(output_dir / split / image_id).read_bytes()] = (category, cells)
    return result


def expected(drawn):
    folder, photos = drawn
    return {(folder / name).read_bytes(): (category, cells) for name, _, category, cells in photos}


@pytest.mark.parametrize("export", ["label_studio", "cvat", "cvat_skeletons", "labelme"])
def test_the_csv_that_went_in_comes_out(drawn, tmp_path, export):
    folder, photos = drawn
    labels = tmp_path / "labels"
    if export == "labelme":
        os.makedirs(labels)
        for photo in photos:
            (labels / f"{photo[0]}.json").write_text(labelme(photo))
    else:
        text = {"label_studio": label_studio, "cvat": cvat, "cvat_skeletons": lambda p: cvat(p, True)}[export](photos)
        labels.write_text(text)
    run(f"--labels={labels}", f"--images={folder}", f"--output_dir={tmp_path / 'DATA'}")
    assert written(tmp_path / "DATA") == expected(drawn)
    assert os.listdir(tmp_path / "DATA") == ["train_0"]


@pytest.mark.parametrize("name", ["data.v2", "data", ".data", "two words [1]"])
def test_the_data_sets_folder_may_have_any_name(drawn, tmp_path, name):
    folder, photos = drawn
    labels = tmp_path / "export.xml"
    labels.write_text(cvat(photos[:1]))
    run(f"--labels={labels}", f"--images={folder}", f"--output_dir={tmp_path / name}")
    assert sorted(os.listdir(tmp_path)) == sorted([name, "export.xml"])
    assert os.listdir(tmp_path / name) == ["train_0"]


def test_a_second_export_becomes_another_split(drawn, tmp_path):
    folder, photos = drawn
    labels = tmp_path / "export.xml"
    labels.write_text(cvat(photos))
    arguments = (f"--labels={labels}", f"--images={folder}", f"--output_dir={tmp_path / 'DATA'}")
    run(*arguments)
    with pytest.raises(DataError, match="already exists"):
        run(*arguments)
    run(*arguments, "--split=train_1")
    assert sorted(os.listdir(tmp_path / "DATA")) == ["train_0", "train_1"]
    with pytest.raises(UsageError, match="expected a name such as train_0"):
        run(*arguments, "--split=../other")


def test_a_turned_photo_is_stored_upright_with_its_points(tmp_path):
    picture = Image.new("RGB", (60, 30), (255, 255, 255))
    exif = picture.getexif()
    exif[0x0112] = 6  # shown turned to 30 x 60, which is what the labelling tool counts in
    os.makedirs(tmp_path / "photos")
    picture.save(tmp_path / "photos" / "a.jpg", exif=exif)
    labels = tmp_path / "a.xml"
    labels.write_text(cvat([("a.jpg", (30, 60), "skirt", {"hemline_left": (3, 50, 1)})]))
    run(f"--labels={labels}", f"--images={tmp_path / 'photos'}", f"--output_dir={tmp_path / 'DATA'}")
    ((photo, row),) = written(tmp_path / "DATA").items()
    assert row == ("skirt", {"hemline_left": (3, 50, 1)})
    (image_id,) = annotations.read(tmp_path / "DATA" / "train_0" / "Annotations" / "annotations.csv").image_ids
    with Image.open(tmp_path / "DATA" / "train_0" / image_id) as image:
        assert image.size == (30, 60)
        assert image.getexif().get(0x0112, 1) == 1


def one_skirt(drawn, **changes):
    """Returns the CVAT export of one drawn skirt, changed."""
    photo = next(photo for photo in drawn[1] if photo[2] == "skirt")
    name, size, category, cells = photo
    return cvat([(changes.get("name", name), changes.get("size", size), changes.get("category", category), cells)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda drawn: one_skirt(drawn, name="other.jpg"), "other.jpg was found 0 times"),
        (lambda drawn: one_skirt(drawn, size=(900, 900)), "its labels are for 900x900"),
        (lambda drawn: one_skirt(drawn, category="trousers"), "hemline_left: is no keypoint of trousers"),
        (lambda drawn: one_skirt(drawn).replace("hemline_right", "hemline_left"), "stands twice"),
        (lambda drawn: one_skirt(drawn).replace(" points='", " points='9999"), "expected a place in the photo of"),
        (lambda drawn: one_skirt(drawn).replace("<tag label='skirt' source='manual'/>", ""), "has no category"),
    ],
)
def test_a_wrong_label_is_named_and_nothing_is_written(drawn, tmp_path, change, message):
    labels = tmp_path / "export.xml"
    labels.write_text(change(drawn))
    with pytest.raises(DataErrors) as caught:
        run(f"--labels={labels}", f"--images={drawn[0]}", f"--output_dir={tmp_path / 'DATA'}")
    assert message in "\n".join(caught.value.lines())
    assert not (tmp_path / "DATA").exists()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "[{", "is no JSON"),
        ("a.json", "[" * 100_000, "is no JSON"),
        ("a.json", "[3]", "is no list of tasks"),
        ("a.json", '[{"annotations": [3]}]', "is no export of this tool"),
        (
            "a.json",
            '[{"id": 7, "annotations": [{"result": [{"type": "keypointlabels"}]}]}]',
            "task 7, original_width: is missing: expected a number",
        ),
        ("a.json", '{"shapes": 3}', "has no shapes"),
        ("a.json", '{"shapes": [3], "imagePath": "a", "imageWidth": 5, "imageHeight": 5}', "is no export of"),
        ("a.json", '{"shapes": [], "imagePath": "a", "imageWidth": 5, "imageHeight": 5}', "has no photo with points"),
        ("a.json", '[{"id": 1, "image": "/data/upload/1/a.jpg", "kp": []}]', "JSON-MIN: expected .*named JSON"),
        ("a.zip", b"PK\x03\x04rest", "is a ZIP archive: expected the file of labels in it"),
        (
            "a.json",
            '{"shapes": [{"shape_type": "point"}], "imagePath": "a", "imageWidth": -5, "imageHeight": 5}',
            "imageWidth: -5 is",
        ),
        ("a.xml", "<annotations>", "is no XML"),
        ("a.xml", "<html></html>", "has no <image>"),
        ("a.xml", '<!DOCTYPE a [<!ENTITY b "bb">]><annotations><image/></annotations>', "declares entities"),
        ("a.txt", "x,y", "is of no known format"),
        ("a.txt", b"\xff\xfe\x00", "is no text"),
    ],
)
def test_what_is_no_export_is_one_error(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises((DataError, DataErrors)) as caught:
        run(f"--labels={path}", f"--images={tmp_path}", f"--output_dir={tmp_path / 'DATA'}")
    assert re.search(message, "\n".join(caught.value.lines()))
    assert not list((tmp_path / "DATA").glob("*"))


FOLDERS = {  # how an export names photos of one file name, and where they lie below --images
    "a project of CVAT": (["Train/img0.jpg", "Test/img0.jpg"], ["Train/img0.jpg", "Test/img0.jpg"]),
    "a task with folders": (["a/b/1.jpg", "a/c/1.jpg"], ["b/1.jpg", "c/1.jpg"]),
    "one in the middle": (["1.jpg", "x/1.jpg", "x/y/1.jpg"], ["1.jpg", "x/1.jpg", "x/y/1.jpg"]),
    "deeper on the disk": (["skirt/1.jpg", "dress/1.jpg"], ["new/skirt/1.jpg", "new/dress/1.jpg"]),
    "another machine's": (["/srv/u/skirt/1.jpg", "/srv/u/dress/1.jpg"], ["skirt/1.jpg", "dress/1.jpg"]),
}


def numbered_photos(folder, names):
    """Writes photos that differ, and returns {name: the x of its one point}, which differs, too."""
    places = {}
    for number, name in enumerate(names):
        os.makedirs(os.path.dirname(folder / name), exist_ok=True)
        Image.new("RGB", (50, 40), (20 * number, 90, 90)).save(folder / name)
        places[name] = 3 * number
    return places


def cells_by_photo(output_dir):
    return {content: cells["hemline_left"][0] for content, (_, cells) in written(output_dir).items()}


@pytest.mark.parametrize("kind", FOLDERS)
def test_photos_of_one_name_in_several_folders(tmp_path, kind):
    named, lying = FOLDERS[kind]
    places = numbered_photos(tmp_path / "photos", lying)
    rows = [(name, (50, 40), "skirt", {"hemline_left": (places[lies], 5, 1)}) for name, lies in zip(named, lying)]
    (tmp_path / "export.xml").write_text(cvat(rows).replace("name='a/", "name='").replace('name="a/', 'name="'))
    run(f"--labels={tmp_path}/export.xml", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA")
    assert cells_by_photo(tmp_path / "DATA") == {
        (tmp_path / "photos" / lies).read_bytes(): x for lies, x in places.items()
    }


def test_a_photo_of_the_same_name_in_another_folder_is_not_taken_for_it(tmp_path):
    numbered_photos(tmp_path / "photos", ["Test/1.jpg"])
    rows = [(name, (50, 40), "skirt", {"hemline_left": (1, 5, 1)}) for name in ("Train/1.jpg", "Test/1.jpg")]
    (tmp_path / "export.xml").write_text(cvat(rows).replace("'a/", "'").replace('"a/', '"'))
    with pytest.raises(DataErrors) as caught:
        run(f"--labels={tmp_path}/export.xml", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA")
    (line,) = caught.value.lines()
    assert "image Train/1.jpg: 1.jpg was found 0 times" in line


def test_labelme_photos_of_one_name_lie_beside_their_labels(tmp_path):
    """The folder is the category: no flag says it."""
    places = numbered_photos(tmp_path / "photos", ["skirt/1.jpg", "dress/1.jpg"])
    for name, x in places.items():
        content = json.loads(labelme(("1.jpg", (50, 40), "skirt", {"hemline_left": (x, 5, 1)})))
        content["flags"] = {}
        (tmp_path / "photos" / name).with_suffix(".json").write_text(json.dumps(content))
    run(f"--labels={tmp_path}/photos", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA")
    assert cells_by_photo(tmp_path / "DATA") == {
        (tmp_path / "photos" / name).read_bytes(): x for name, x in places.items()
    }
    categories = {category for category, _ in written(tmp_path / "DATA").values()}
    assert categories == {"skirt", "dress"}


LABEL_STUDIO_FILES = {  # the address in the export, the photo's name on the disk
    "a per cent sign in local storage": ("/data/local-files/?d=photos/a%2Bb%2520c.jpg", "a+b%20c.jpg"),
    "a space in local storage": ("/data/local-files/?d=photos/my%20photo%20%282%29.jpg", "my photo (2).jpg"),
    "the server's own folder": ("/data/upload/1/07efa903-plain.jpg", "07efa903-plain.jpg"),
    "what was uploaded": ("/data/upload/1/07efa903-plain.jpg", "plain.jpg"),
    "what was uploaded and renamed": ("/data/upload/1/07efa903-my_photo_2.jpg", "my photo (2).jpg"),
    "a bucket": ("s3://bucket/x/a%20b.jpg", "x/a%20b.jpg"),
    "the web": ("https://example.org/x/a%20b.jpg", "x/a b.jpg"),
}


@pytest.mark.parametrize("kind", LABEL_STUDIO_FILES)
def test_label_studio_finds_a_photo_by_its_address(tmp_path, kind):
    address, name = LABEL_STUDIO_FILES[kind]
    numbered_photos(tmp_path / "photos", [name])
    tasks = json.loads(label_studio([("a.jpg", (50, 40), "skirt", {"hemline_left": (7, 5, 1)})]))
    tasks[0]["data"]["image"] = address
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    run(f"--labels={tmp_path}/export.json", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA")
    assert cells_by_photo(tmp_path / "DATA") == {(tmp_path / "photos" / name).read_bytes(): 7}


def test_shapes_round_the_garment_and_what_is_not_labelled_are_passed_over_and_said(tmp_path, drawn, program, capfd):
    folder, photos = drawn
    os.makedirs(tmp_path / "labels")
    for photo in photos:
        content = json.loads(labelme(photo))
        content["shapes"].append({"label": "garment", "shape_type": "rectangle", "points": [[1, 1], [9, 9]]})
        (tmp_path / "labels" / f"{photo[0]}.json").write_text(json.dumps(content))
    empty = {**content, "shapes": [{"label": "x", "shape_type": "polygon", "points": [[1, 1], [2, 2], [2, 3]]}]}
    (tmp_path / "labels" / "empty.json").write_text(json.dumps(empty))
    where = (f"--labels={tmp_path}/labels", f"--images={folder}", f"--output_dir={tmp_path}/DATA")
    assert program("tools/import_labels.py", *where) == 0
    assert written(tmp_path / "DATA") == expected(drawn)
    lines = capfd.readouterr().err.splitlines()
    assert lines == [
        f"import_labels.py: warning: {tmp_path}/labels: {len(photos) + 1} shapes of other types than point passed over",
        f"import_labels.py: warning: {tmp_path}/labels: 1 file without points passed over",
    ]


def test_the_last_of_several_annotations_counts_and_is_said(tmp_path, program, capfd):
    numbered_photos(tmp_path / "photos", ["a.jpg", "b.jpg"])
    first, second = (
        json.loads(label_studio([("a.jpg", (50, 40), "skirt", {"hemline_left": (x, 5, 1)})]))[0] for x in (7, 9)
    )
    task = {**first, "data": {"image": "a.jpg"}, "annotations": first["annotations"] + second["annotations"]}
    tasks = [task, {"id": 5, "data": {"image": "b.jpg"}, "annotations": []}]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    where = (f"--labels={tmp_path}/export.json", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA")
    assert program("tools/import_labels.py", *where) == 0
    assert list(cells_by_photo(tmp_path / "DATA").values()) == [9]
    lines = capfd.readouterr().err.splitlines()
    assert [line.split("export.json: ")[1] for line in lines] == [
        "1 task with several annotations (task 0): the last counts",
        "1 task without points passed over",
    ]


def wrong_exports(tmp_path):
    """Returns {format: (labels, faults)}: three photos, each with faults of several kinds."""
    rows = [(f"{n}.jpg", (50, 40), "skirt", {"hemline_left": (1, 5, 1), "hemline_right": (2, 5, 1)}) for n in range(3)]
    numbered_photos(tmp_path / "photos", ["0.jpg", "1.jpg"])  # the third is missing
    xml = cvat(rows).replace("label='hemline_right' occluded='0' points='", "label='hemline_right' points='7;")
    tasks = json.loads(label_studio(rows))
    folder = tmp_path / "labelme"
    folder.mkdir()
    for task, row in zip(tasks, rows):
        task["annotations"][0]["result"][1]["value"]["keypointlabels"] = ["a", "b"]
        content = json.loads(labelme(row))
        content["shapes"][0]["points"][0][0] = "x"
        content["shapes"][1]["label"] = "sleeve"
        (folder / f"{row[0]}.json").write_text(json.dumps(content))
    (tmp_path / "a.xml").write_text(xml)
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    return {"cvat": ("a.xml", 4), "label_studio": ("a.json", 4), "labelme": ("labelme", 7)}


@pytest.mark.parametrize("tool", ["cvat", "label_studio", "labelme"])
def test_all_faults_are_found_in_one_run(tmp_path, tool):
    labels, count = wrong_exports(tmp_path)[tool]
    with pytest.raises(DataErrors) as caught:
        run(f"--labels={tmp_path}/{labels}", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA")
    assert len(caught.value.errors) == count, caught.value.lines()
    assert not (tmp_path / "DATA").exists()


def test_one_photo_under_two_names_is_named(tmp_path):
    numbered_photos(tmp_path / "photos", ["a.jpg"])
    shutil.copy(tmp_path / "photos/a.jpg", tmp_path / "photos/b.jpg")
    rows = [(name, (50, 40), "skirt", {"hemline_left": (1, 5, 1)}) for name in ("a.jpg", "b.jpg")]
    (tmp_path / "export.xml").write_text(cvat(rows))
    with pytest.raises(DataErrors) as caught:
        run(f"--labels={tmp_path}/export.xml", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA")
    assert "image a/b.jpg: a/b.jpg is the photo a/a.jpg, byte for byte" in caught.value.lines()[0]


@pytest.mark.parametrize("size", [96, 1000, 1920, 3024, 4032])
def test_whole_pixels_stay_what_they_are_as_per_cent_of_the_photo(size):
    places = [x / size * 100 / 100 * size for x in range(size)]
    garment = labelled.Garment("file", "task", ["a.jpg"], (size, size), ["skirt"], [])
    moved = [dataclasses.replace(garment, points=[("hemline_left", x, 0.0, False)]) for x in places]
    rows = [placing.to_row(one, (size, size), None, SCHEMA, labelled.Notes("file")) for one in moved]
    assert [row.cells["hemline_left"][0] for row in rows] == list(range(size))


def test_control_characters_of_labels_do_not_reach_the_terminal(tmp_path, program, capfd):
    numbered_photos(tmp_path / "photos", ["a.jpg"])
    rows = [("a.jpg", (50, 40), "skirt", {"\x1b[31mhem\x1b]0;T\x07\u202e\ud800": (1, 5, 1)})]
    (tmp_path / "a.json").write_text(labelme(rows[0]))
    where = (f"--labels={tmp_path}/a.json", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA")
    assert program("tools/import_labels.py", *where) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.isprintable()
    assert r"\x1b[31mhem\x1b]0;T\x07\u202e\ud800: is no keypoint of skirt" in line


@pytest.mark.parametrize("wrong", [lambda: [][3], lambda: {}["a"], lambda: None.a, lambda: int("a"), lambda: 3 + "a"])
def test_whatever_a_wrong_export_makes_python_say_is_one_fault(wrong):
    notes = labelled.Notes("a.json")
    with notes.collecting("a.json", "task 3"):
        wrong()
    (fault,) = notes.faults
    assert str(fault).startswith("a.json: task 3: is no export of this tool (")


@pytest.mark.parametrize(
    ("value", "least", "expected"),
    [
        (-5, 1, "-5 is not valid: expected a finite number of at least 1"),
        ("x", 1, "'x' is not valid: expected a finite number of at least 1"),
        ("inf", -np.inf, "'inf' is not valid: expected a finite number"),
        (True, -np.inf, "True is not valid: expected a finite number"),
    ],
)
def test_a_number_out_of_bounds_says_which_they_are(value, least, expected):
    with pytest.raises(DataError, match=re.escape(expected)):
        labelled.number(value, "a.json", "task 3", least)
