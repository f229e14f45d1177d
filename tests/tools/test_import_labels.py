"""Labels written as each tool writes them come back as the CSV that they were written from."""

import json
import os
import shutil
import xml.sax.saxutils

import numpy as np
import pytest
from PIL import Image

from configs import command_line
from configs.errors import DataError, DataErrors, UsageError
from configs.keypoints import KEYPOINTS
from preprocessing import annotations
from tools import import_labels, make_synthetic_data


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Photos in one folder, and [(file name, (width, height), category, {keypoint: (x, y, v)})]."""
    folder = tmp_path_factory.mktemp("drawn")
    make_synthetic_data.write_data_set(str(folder), 2, 0, 120, 3, 1)
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
    with pytest.raises(DataError, match="is there already"):
        run(*arguments)
    run(*arguments, "--split=train_1")
    assert sorted(os.listdir(tmp_path / "DATA")) == ["train_0", "train_1"]
    with pytest.raises(UsageError, match="train_0 would be right"):
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
        (lambda drawn: one_skirt(drawn, name="other.jpg"), "other.jpg is there 0 times"),
        (lambda drawn: one_skirt(drawn, size=(900, 900)), "its labels are for 900x900"),
        (lambda drawn: one_skirt(drawn, category="trousers"), "hemline_left: is no keypoint of trousers"),
        (lambda drawn: one_skirt(drawn).replace("hemline_right", "hemline_left"), "stands twice"),
        (lambda drawn: one_skirt(drawn).replace(" points='", " points='9999"), "outside the photo"),
        (lambda drawn: one_skirt(drawn).replace("<tag label='skirt' source='manual'/>", ""), "has no category"),
    ],
)
def test_a_wrong_label_is_named_and_nothing_is_written(drawn, tmp_path, change, message):
    labels = tmp_path / "export.xml"
    labels.write_text(change(drawn))
    with pytest.raises(DataErrors) as caught:
        run(f"--labels={labels}", f"--images={drawn[0]}", f"--output_dir={tmp_path / 'DATA'}")
    assert message in "\n".join(caught.value.lines())
    assert os.listdir(tmp_path / "DATA") == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "[{", "is no JSON"),
        ("a.json", "[" * 100_000, "is no JSON"),
        ("a.json", "[3]", "is no list of tasks"),
        ("a.json", '[{"annotations": [3]}]', "is not built like an export"),
        (
            "a.json",
            '[{"id": 7, "annotations": [{"result": [{"type": "keypointlabels"}]}]}]',
            "task 7: None is no",
        ),
        ("a.json", '{"shapes": 3}', "has no shapes"),
        ("a.json", '{"shapes": [3], "imagePath": "a", "imageWidth": 5, "imageHeight": 5}', "is not built like"),
        (
            "a.json",
            '{"shapes": [], "imagePath": "a", "imageWidth": -5, "imageHeight": 5}',
            "imageWidth: -5 is",
        ),
        ("a.xml", "<annotations>", "is no XML"),
        ("a.xml", "<html></html>", "has no <image>"),
        ("a.xml", '<!DOCTYPE a [<!ENTITY b "bb">]><annotations><image/></annotations>', "declares entities"),
        ("a.txt", "x,y", "is neither XML nor JSON"),
        ("a.txt", b"\xff\xfe\x00", "is no text"),
    ],
)
def test_what_is_no_export_is_one_error(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message):
        run(f"--labels={path}", f"--images={tmp_path}", f"--output_dir={tmp_path / 'DATA'}")
    assert not (tmp_path / "DATA").exists()
