"""CVAT's XML says of every keypoint where it is, or that it is outside; the task's labels fit to it."""

import json
from xml.etree import ElementTree

import hypothesis
import made_splits
from fashionai import CATEGORIES, SCHEMA

from base import schema as schemas
from preprocessing.data import annotations
from preprocessing.labelling import exported
from preprocessing.labelling.exports import cvat

ODD = schemas.of_json(
    {
        "name": "odd",
        "keypoints": ['<a & "b">', "it's", "ü 😀"],
        "categories": {"one": {"keypoints": ['<a & "b">', "it's", "ü 😀"], "normalise": ["it's", "ü 😀"]}},
    }
)


def written(path, photos, schema, **options):
    cvat.write(exported.Export(photos, schema, "train_0", **options), str(path))
    return ElementTree.parse(path).getroot()


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(made=made_splits.made_photos())
def test_every_keypoint_of_a_category_is_in_its_skeleton(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("cvat")
    rows = annotations.read(made_splits.write(folder, made))
    root = written(folder / "out.xml", exported.Photos(str(folder / "train_0"), rows), SCHEMA)
    images = root.findall("image")
    assert [(image.get("name"), int(image.get("width")), int(image.get("height"))) for image in images] == [
        (photo.image_id, *photo.size) for photo in made
    ]
    for image, photo in zip(images, made):
        for skeleton, row in zip(image.findall("skeleton"), photo.rows):
            nodes = {node.get("label"): node for node in skeleton}
            assert skeleton.get("label") == row.category
            assert tuple(nodes) == SCHEMA.keypoint_names(row.category)
            assert {name for name, node in nodes.items() if node.get("outside") == "0"} == row.cells.keys()
            for name, (x, y, v) in row.cells.items():
                assert nodes[name].get("points") == f"{x}.50,{y}.50"
                assert nodes[name].get("occluded") == str(1 - v)
            for node in nodes.values():
                x, y = map(float, node.get("points").split(","))
                assert 0 <= x <= photo.size[0]
                assert 0 <= y <= photo.size[1]
        boxes = image.findall("box")
        assert len(boxes) == (len(photo.rows) if len(photo.rows) > 1 else sum(bool(row.box) for row in photo.rows))
        groups = {skeleton.get("group_id") for skeleton in image.findall("skeleton")} - {None}
        assert {box.get("group_id") for box in boxes} == groups


def test_names_with_signs_of_xml_are_kept(tmp_path):
    points = tuple(exported.Point(name, 1.5, 2.5, True) for name in ODD.keypoints)
    garment = exported.Garment("one", points, (0, 0, 5, 6), (0, 0, 5, 6))
    photo = exported.Photo("Images/<&'\">/ä.jpg", "", (9, 9), (garment,), ("", ""))
    root = written(tmp_path / "out.xml", [photo], ODD)
    assert root.find("image").get("name") == photo.image_id
    assert [node.get("label") for node in root.find("image/skeleton")] == list(ODD.keypoints)
    assert [name.text for name in root.findall("meta/task/labels/label/name")] == ["one", *ODD.keypoints, "garment"]
    assert [label["name"] for label in json.loads(cvat.interface(ODD))[0]["sublabels"]] == list(ODD.keypoints)


def test_predictions_are_marked_as_made_by_a_program(tmp_path):
    garment = exported.Garment("one", (), None, (0, 0, 9, 9))
    photo = exported.Photo("a.jpg", "", (9, 9), (garment,), ("", ""))
    for model, source in ((None, "manual"), ("mine", "auto")):
        root = written(tmp_path / "out.xml", [photo], ODD, model=model)
        assert {element.get("source") for element in root.iter() if element.get("source")} == {source}


def test_the_labels_of_a_task_draw_each_category_with_its_outline():
    *skeletons, box = json.loads(cvat.interface(SCHEMA))
    assert (box["name"], box["type"]) == ("garment", "rectangle")
    assert [skeleton["name"] for skeleton in skeletons] == list(CATEGORIES)
    for skeleton in skeletons:
        names = SCHEMA.keypoint_names(skeleton["name"])
        assert [label["name"] for label in skeleton["sublabels"]] == list(names)
        drawing = ElementTree.fromstring(f"<svg>{skeleton['svg']}</svg>")
        nodes = {node.get("data-node-id"): node for node in drawing.findall("circle")}
        assert [node.get("data-label-name") for node in nodes.values()] == list(names)
        lines = drawing.findall("line")
        ends = [tuple(nodes[line.get(f"data-node-{end}")] for end in ("from", "to")) for line in lines]
        assert [tuple(node.get("data-label-name") for node in pair) for pair in ends] == list(
            SCHEMA.outline(skeleton["name"])
        )
        for line, (first, last) in zip(lines, ends):
            assert (line.get("x1"), line.get("y1")) == (first.get("cx"), first.get("cy"))
            assert (line.get("x2"), line.get("y2")) == (last.get("cx"), last.get("cy"))
