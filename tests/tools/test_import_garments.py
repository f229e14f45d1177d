"""Photos of several garments, and data sets of others, become rows with boxes; what is faulty is left out if wanted."""

import collections
import csv
import errno
import json
import os
import unicodedata

import hypothesis
import hypothesis.strategies as st
import pytest
from fashionai import SCHEMA
from made_labels import write
from PIL import Image

from base import schema as schemas
from base.errors import DataError, DataErrors, UsageError
from configs import command_line
from preprocessing.data import annotations
from tools import import_labels

SIZE = (60, 40)
# {category: (box, {keypoint: (x, y, v)})} of a photo, in whole pixels.
GARMENTS = {
    "skirt": ((3, 20, 30, 39), {"waistband_left": (5, 21, 1), "hemline_right": (29, 38, 0)}),
    "blouse": ((10, 2, 50, 25), {"neckline_left": (20, 2, 1), "armpit_right": (49, 24, 1)}),
}


@pytest.fixture
def photos(tmp_path):
    """Two photos that differ."""
    os.makedirs(tmp_path / "photos")
    for number, name in enumerate(["a.jpg", "b.jpg"]):
        Image.new("RGB", SIZE, (90, 90 + number, 90)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def run(tmp_path, labels, *more):
    words = [f"--labels={labels}", f"--images={tmp_path}/photos", f"--output_dir={tmp_path}/DATA", *more]
    import_labels.main(command_line.parse(["import_labels.py", *words], import_labels.FLAGS, []))


def read(tmp_path, schema=SCHEMA):
    """Returns {(photo, category): (box, cells)} of the split, and its image ids."""
    rows = annotations.read(tmp_path / "DATA" / "train_0" / "Annotations" / "annotations.csv", schema)
    found = {}
    for number, (image_id, category) in enumerate(zip(rows.image_ids, rows.categories)):
        cells = {
            name: (*rows.points[number, index].astype(int).tolist(), int(rows.visibility[number, index]))
            for index, name in enumerate(schema.keypoints)
            if rows.visibility[number, index] >= 0
        }
        photo = (tmp_path / "DATA" / "train_0" / image_id).read_bytes()
        name = next(path.name for path in (tmp_path / "photos").iterdir() if path.read_bytes() == photo)
        found[name, category] = (rows.boxes[number] if rows.boxes else None, cells)
    return found, rows.image_ids


def coco(photo_garments):
    """Returns a COCO file of {photo: [(category, box, cells)]}."""
    categories = [
        {"id": number, "name": name, "keypoints": list(SCHEMA.keypoint_names(name))}
        for number, name in enumerate(SCHEMA.category_names)
    ]
    images, labels = [], []
    for image_id, (photo, made) in enumerate(photo_garments.items()):
        images.append({"id": image_id, "file_name": photo, "width": SIZE[0], "height": SIZE[1]})
        for category, (x0, y0, x1, y1), cells in made:
            values = []
            for name in SCHEMA.keypoint_names(category):
                x, y, v = cells.get(name, (0, 0, -1))
                values += [x, y, v + 1]
            kind = SCHEMA.category_names.index(category)
            box = [x0, y0, x1 - x0, y1 - y0]
            labels.append(
                {"id": len(labels), "image_id": image_id, "category_id": kind, "keypoints": values, "bbox": box}
            )
    return json.dumps({"images": images, "annotations": labels, "categories": categories})


def both(photo="a.jpg"):
    return {photo: [(category, *values) for category, values in GARMENTS.items()]}


def label_studio():
    region = {"original_width": SIZE[0], "original_height": SIZE[1], "image_rotation": 0}
    results = []
    for category, ((x0, y0, x1, y1), cells) in GARMENTS.items():
        value = {"x": x0 / 0.6, "y": y0 / 0.4, "width": (x1 - x0) / 0.6, "height": (y1 - y0) / 0.4}
        value["rectanglelabels"] = [category]
        results.append({**region, "id": category, "type": "rectanglelabels", "value": value})
        for name, (x, y, v) in cells.items():
            value = {"x": (x + 0.5) / 0.6, "y": (y + 0.5) / 0.4, "keypointlabels": [name]}
            own = {"id": name, "parentID": category, "type": "keypointlabels", "value": value}
            results += [
                {**region, **own},
                *([{"id": name, "type": "choices", "value": {"choices": ["occluded"]}}] * (1 - v)),
            ]
    return json.dumps([{"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": results}]}])


def cvat():
    lines = [f"<annotations><image name='a.jpg' width='{SIZE[0]}' height='{SIZE[1]}'>"]
    for group, (category, ((x0, y0, x1, y1), cells)) in enumerate(GARMENTS.items(), start=1):
        lines.append(f"<box label='garment' xtl='{x0}' ytl='{y0}' xbr='{x1}' ybr='{y1}' group_id='{group}'/>")
        lines.append(f"<skeleton label='{category}' group_id='{group}'>")
        for name, (x, y, v) in cells.items():
            lines.append(f"<points label='{name}' occluded='{1 - v}' outside='0' points='{x + 0.5},{y + 0.5}'/>")
        lines.append("<points label='nobody' occluded='0' outside='1' points='0,0'/></skeleton>")
    return "\n".join([*lines, "</image></annotations>"])


def labelme():
    shapes = []
    for group, (category, ((x0, y0, x1, y1), cells)) in enumerate(GARMENTS.items()):
        corners = [[x1, y0], [x0, y1]]
        shapes.append({"label": category, "points": corners, "shape_type": "rectangle", "group_id": group})
        for name, (x, y, v) in cells.items():
            own = {"label": name, "points": [[x + 0.5, y + 0.5]], "group_id": group, "flags": {"occluded": v == 0}}
            shapes.append({**own, "shape_type": "point"})
    content = {"shapes": shapes, "imagePath": "../photos/a.jpg", "imageWidth": SIZE[0], "imageHeight": SIZE[1]}
    return json.dumps({**content, "flags": {}})


TOOLS = {"coco": lambda: coco(both()), "label_studio": label_studio, "cvat": cvat, "labelme": labelme}


@pytest.mark.parametrize("tool", TOOLS)
def test_garments_of_a_photo_become_rows_with_boxes(tmp_path, photos, tool):
    run(tmp_path, write(tmp_path / "labels" / "a", TOOLS[tool]()))
    found, image_ids = read(tmp_path)
    assert found == {("a.jpg", category): values for category, values in GARMENTS.items()}
    assert len(set(image_ids)) == 1
    assert image_ids[0].startswith("Images/several/")


def test_a_photo_of_one_garment_lies_in_the_folder_of_its_category(tmp_path, photos):
    made = {**both(), "b.jpg": [("skirt", *GARMENTS["skirt"])]}
    run(tmp_path, write(tmp_path / "a.json", coco(made)))
    found, image_ids = read(tmp_path)
    assert found["b.jpg", "skirt"] == GARMENTS["skirt"]
    assert sorted(image_id.split("/")[1] for image_id in image_ids) == ["several", "several", "skirt"]


def test_several_garments_need_boxes_and_differ(tmp_path, photos):
    content = json.loads(coco({**both(), "b.jpg": [("skirt", *GARMENTS["skirt"])] * 2}))
    content["annotations"][0]["bbox"] = [0, 0, 0, 0]
    with pytest.raises(DataErrors) as caught:
        run(tmp_path, write(tmp_path / "a.json", json.dumps(content)))
    (line,) = caught.value.lines()
    assert "annotation 0: is one of 2 garments in a.jpg, and has no box: expected a box for each of them" in line
    content["annotations"][0]["bbox"] = [1, 2, 30, 30]
    with pytest.raises(DataErrors, match="1 faults") as caught:
        run(tmp_path, write(tmp_path / "a.json", json.dumps(content)))
    (line,) = caught.value.lines()
    assert "annotation 3: has the photo, category and box of an earlier garment: expected each once" in line
    assert not (tmp_path / "DATA").exists()


def test_what_is_faulty_is_left_out_and_listed(tmp_path, photos, program, capfd):
    """A garment is left out alone, a photo that is missing with all its garments."""
    content = json.loads(coco({**both(), "b.jpg": [("skirt", *GARMENTS["skirt"])], **both("gone.jpg")}))
    content["annotations"][1]["keypoints"][2] = 7
    labels = write(tmp_path / "a.json", json.dumps(content))
    words = (f"--labels={labels}", f"--images={photos}", f"--output_dir={tmp_path}/DATA")
    assert program("tools/import_labels.py", *words) == 1
    failed = [line.split("a.json: ")[1] for line in capfd.readouterr().err.splitlines()]
    assert failed == [
        "annotation 1, v of neckline_left: expected 0, 1, 2, got 7.0",
        "annotation 3: gone.jpg was found 0 times: expected one photo of that name below --images",
    ]
    assert not (tmp_path / "DATA").exists()
    assert program("tools/import_labels.py", *words, "--skip_bad") == 0
    printed, errors = capfd.readouterr()
    listed = tmp_path / "DATA" / "train_0" / "skipped.txt"
    assert errors == f"import_labels.py: warning: 2 faults, their garments left out: {listed}\n"
    assert printed == f"{tmp_path}/DATA/train_0: 2 photos\n"
    assert [line.split("a.json: ")[1] for line in listed.read_text().splitlines()] == failed
    assert sorted(read(tmp_path)[0]) == [("a.jpg", "skirt"), ("b.jpg", "skirt")]


def test_a_rotated_rectangle_is_no_box(tmp_path, photos):
    rotated = cvat().replace("<box ", "<box rotation='90.00' ", 1)
    with pytest.raises(DataErrors) as caught:
        run(tmp_path, write(tmp_path / "a.xml", rotated))
    assert any("has a rotated rectangle: expected one with upright sides" in line for line in caught.value.lines())


@pytest.mark.parametrize("data", [{"shop": "https://www.shop.com"}, {"sku": "A.1234"}, {"text": "see page2.html"}])
def test_other_texts_of_a_task_are_no_photo(tmp_path, photos, data):
    tasks = json.loads(label_studio())
    for task in tasks:
        task["data"] = {**data, "photo": "http://host/a.jpg"}
    run(tmp_path, write(tmp_path / "a.json", json.dumps(tasks)))
    assert {name for name, _ in read(tmp_path)[0]} == {"a.jpg"}


def test_the_name_of_each_photo_is_told(tmp_path, photos):
    run(tmp_path, write(tmp_path / "a.json", coco({**both(), "b.jpg": [("skirt", *GARMENTS["skirt"])]})))
    split = tmp_path / "DATA" / "train_0"
    rows = list(csv.DictReader((split / "names.csv").open(encoding="utf-8")))
    assert [row["photo"] for row in rows] == ["a.jpg", "b.jpg"]
    for row in rows:
        assert (split / row["image_id"]).read_bytes() == (photos / row["photo"]).read_bytes()


def test_what_is_left_out_late_is_in_no_row(tmp_path, photos, program, capfd):
    """Photos that are the same bytes, and garments that stand twice, are known only when the photo is stored."""
    (photos / "copy.jpg").write_bytes((photos / "a.jpg").read_bytes())
    skirt = ("skirt", *GARMENTS["skirt"])
    content = json.loads(coco({"a.jpg": [skirt], "copy.jpg": [skirt], **both("b.jpg")}))
    content["annotations"].append({**content["annotations"][-1], "id": 99})
    labels = write(tmp_path / "a.json", json.dumps(content))
    words = (f"--labels={labels}", f"--images={photos}", f"--output_dir={tmp_path}/DATA", "--skip_bad")
    assert program("tools/import_labels.py", *words) == 0, capfd.readouterr().err
    assert len((tmp_path / "DATA" / "train_0" / "skipped.txt").read_text().splitlines()) == 2
    rows = annotations.read(tmp_path / "DATA" / "train_0" / "Annotations" / "annotations.csv")
    assert len(set(rows.keys)) == len(rows) == 3
    assert program("tools/convert_tfrecords.py", f"--data_dir={tmp_path}/DATA", f"--output_dir={tmp_path}/R") == 0


_BOXES = (None, (3, 20, 30, 39), (2, 10, 40, 40))  # each holds the point 5, 21
_DRAWN = st.tuples(st.sampled_from(["a.jpg", "b.jpg", "copy.jpg", "gone.jpg"]), st.sampled_from(_BOXES), st.booleans())


def expected_rows(drawn):
    """Returns the [(photo, box)] of what --skip_bad keeps of [(photo, box, whether v is right)], worked out by hand."""
    counts = collections.Counter(photo for photo, *_ in drawn)
    rows, stored = [], {}
    for photo, box, is_right in drawn:
        if photo == "gone.jpg" or not is_right or (counts[photo] > 1 and box is None):
            continue
        first = stored.setdefault("b" if photo == "b.jpg" else "a", photo)
        if first == photo and (photo, box) not in rows:
            rows.append((photo, box))
    return rows


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(drawn=st.lists(_DRAWN, min_size=1, max_size=6))
def test_what_is_written_is_what_is_not_left_out(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("drawn")
    os.makedirs(folder / "photos")
    for name, red in (("a.jpg", 30), ("b.jpg", 200), ("copy.jpg", 30)):
        Image.new("RGB", SIZE, (red, 90, 90)).save(folder / "photos" / name)
    content = json.loads(coco({name: [] for name in ("a.jpg", "b.jpg", "copy.jpg", "gone.jpg")}))
    ids = {image["file_name"]: image["id"] for image in content["images"]}
    (skirt,) = (category for category in content["categories"] if category["name"] == "skirt")
    absent = [0] * 3 * (len(skirt["keypoints"]) - 1)
    for number, (photo, box, is_right) in enumerate(drawn):
        own = {"id": number, "image_id": ids[photo], "category_id": skirt["id"]}
        bbox = {"bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]} if box else {}
        content["annotations"].append({**own, **bbox, "keypoints": [5, 21, 2 if is_right else 7, *absent]})
    labels, expected = write(folder / "a.json", json.dumps(content)), expected_rows(drawn)
    if not expected:
        with pytest.raises((DataError, DataErrors)):
            run(folder, labels, "--skip_bad")
        assert not (folder / "DATA").exists()
        return
    run(folder, labels, "--skip_bad")
    split = folder / "DATA" / "train_0"
    rows = annotations.read(split / "Annotations" / "annotations.csv")
    names = {row["image_id"]: row["photo"] for row in csv.DictReader((split / "names.csv").open(encoding="utf-8"))}
    boxes = rows.boxes or [None] * len(rows)
    assert [(names[image_id], box) for image_id, box in zip(rows.image_ids, boxes)] == expected
    assert (split / "skipped.txt").exists() == (len(expected) < len(drawn))


def test_photos_of_another_file_system_are_copied(tmp_path, photos, monkeypatch):
    def no_link(source, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    run(tmp_path, write(tmp_path / "a.json", coco(both())), "--link_photos")
    (stored,) = (tmp_path / "DATA").rglob("*.jpg")
    assert not stored.is_symlink()


def test_an_export_that_can_be_read_once_only_is_refused(tmp_path, photos, program, capfd):
    os.mkfifo(tmp_path / "pipe")
    words = (f"--labels={tmp_path}/pipe", f"--images={photos}", f"--output_dir={tmp_path}/DATA")
    assert program("tools/import_labels.py", *words) == 1
    assert "pipe: is not a regular file: expected an export on disk" in capfd.readouterr().err


def test_nothing_good_is_an_error_even_when_faults_are_left_out(tmp_path, photos):
    with pytest.raises(DataErrors):
        run(tmp_path, write(tmp_path / "a.json", coco(both("gone.jpg"))), "--skip_bad")
    assert not (tmp_path / "DATA").exists()


def test_a_folder_that_was_there_stays(tmp_path, photos):
    (tmp_path / "DATA").mkdir()
    with pytest.raises(DataErrors):
        run(tmp_path, write(tmp_path / "a.json", coco(both("gone.jpg"))))
    assert os.listdir(tmp_path / "DATA") == []


def test_one_of_two_garments_is_none_without_a_box_when_the_other_is_left_out(tmp_path, photos):
    content = json.loads(coco(both()))
    for annotation in content["annotations"]:
        del annotation["bbox"]
    content["annotations"][1]["category_id"] = 77
    with pytest.raises(DataErrors) as caught:
        run(tmp_path, write(tmp_path / "a.json", json.dumps(content)), "--skip_bad")
    assert "is one of 2 garments in a.jpg, and has no box" in "\n".join(caught.value.lines())


def test_a_photo_of_one_garment_and_its_copy_of_several_are_one_photo(tmp_path, photos):
    (photos / "b.jpg").write_bytes((photos / "a.jpg").read_bytes())
    made = {**both("a.jpg"), "b.jpg": [("skirt", *GARMENTS["skirt"])]}
    with pytest.raises(DataErrors) as caught:
        run(tmp_path, write(tmp_path / "a.json", coco(made)))
    assert "b.jpg is the photo a.jpg, byte for byte: expected each photo once" in caught.value.lines()[0]


@pytest.mark.parametrize(("in_labels", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_letters_with_accents_may_be_written_in_two_ways(tmp_path, photos, in_labels, on_disk):
    """macOS writes the accent apart; the folders of photos of one name decide as ever."""
    for number, folder in enumerate(("été", "crème")):
        path = photos / unicodedata.normalize(on_disk, folder) / unicodedata.normalize(on_disk, "jupe à plis.jpg")
        path.parent.mkdir()
        Image.new("RGB", SIZE, (9, 9, 90 * number)).save(path)
    names = [unicodedata.normalize(in_labels, f"{folder}/jupe à plis.jpg") for folder in ("été", "crème")]
    run(tmp_path, write(tmp_path / "a.json", coco({name: [("skirt", *GARMENTS["skirt"])] for name in names})))
    table = csv.DictReader((tmp_path / "DATA" / "train_0" / "names.csv").open(encoding="utf-8"))
    assert [unicodedata.normalize(in_labels, row["photo"]) for row in table] == names


@pytest.mark.parametrize(
    ("word", "takers"), [("--partition=val", "fld"), ("--category=skirt", "cvat, label_studio, labelme")]
)
def test_flags_that_a_format_has_no_use_for_are_refused(tmp_path, photos, word, takers):
    with pytest.raises(UsageError) as caught:
        run(tmp_path, write(tmp_path / "a.json", coco(both())), word)
    name = word.split("=")[0]
    assert str(caught.value) == f"{name} is for labels of {takers}: --label_format=coco has no use for it"
    assert not (tmp_path / "DATA").exists()


def test_links_lead_to_upright_jpegs_alone(tmp_path, photos):
    Image.new("RGB", SIZE, (9, 9, 9)).save(photos / "c.png")
    made = {name: [("skirt", *GARMENTS["skirt"])] for name in ("a.jpg", "c.png")}
    run(tmp_path, write(tmp_path / "a.json", coco(made)), "--link_photos")
    stored = sorted((tmp_path / "DATA").rglob("*.jpg"), key=lambda path: not path.samefile(photos / "a.jpg"))
    assert len(stored) == 2
    assert stored[0].samefile(photos / "a.jpg")
    with Image.open(stored[1]) as image:
        assert (image.format, image.size) == ("JPEG", SIZE)
    assert not stored[1].is_symlink()
    assert stored[1].stat().st_nlink == 1


def fld_table(header, *lines):
    return "\n".join([str(len(lines)), header, *lines])


def test_a_partition_and_the_schema_of_a_data_set(tmp_path, photos):
    columns = "landmark_visibility_1 landmark_location_x_1 landmark_location_y_1"
    rows = [f"{name} 2 1 0 010 011 1 20 12 2 000 000 0 5 39" for name in ("a.jpg", "b.jpg")]
    write(
        tmp_path / "fld" / "list_landmarks.txt", fld_table(f"image_name clothes_type variation_type {columns}", *rows)
    )
    parts = fld_table("image_name evaluation_status", "a.jpg train", "b.jpg val")
    write(tmp_path / "fld" / "list_eval_partition.txt", parts)
    run(tmp_path, tmp_path / "fld", "--partition=val")
    cells = {"waistline_left": (10, 11, 1), "waistline_right": (20, 12, 0), "hem_right": (5, 39, 1)}
    assert read(tmp_path, schemas.load("fld"))[0] == {("b.jpg", "lower"): (None, cells)}
    with pytest.raises(DataError, match="has no photo with points in the partition query"):
        run(tmp_path, tmp_path / "fld", "--partition=query", "--split=train_1")


def test_the_schema_of_deepfashion2_is_implied_and_another_may_be_given(tmp_path, photos):
    item = {"category_name": "skirt", "bounding_box": [3, 2, 40, 38], "landmarks": [5, 6, 2] * 8}
    write(tmp_path / "annos" / "a.json", json.dumps({"source": "shop", "pair_id": 1, "item1": item}))
    run(tmp_path, tmp_path / "annos")
    schema = schemas.load("deepfashion2")
    assert read(tmp_path, schema)[0] == {
        ("a.jpg", "skirt"): ((3, 2, 40, 38), dict.fromkeys(schema.keypoint_names("skirt"), (5, 6, 1)))
    }
    with pytest.raises(DataErrors) as caught:
        run(tmp_path, tmp_path / "annos", "--schema=fashionai", "--split=train_1")
    assert "item1.landmarks: expected 12 numbers, got 24" in caught.value.lines()[0]
