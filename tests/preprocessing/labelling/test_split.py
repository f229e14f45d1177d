"""The first reading of labels: how many garments a photo has, those that cannot be read among them."""

import json

import pytest
from made_labels import write

from base import schema as schemas
from preprocessing.labelling import formats, split

ITEM = {"category_name": "skirt", "bounding_box": [3, 2, 40, 38], "landmarks": [5, 6, 2] * 8}


def coco(folder):
    annotations = [{"image_id": 5, "category_id": number, "keypoints": [1, 2, 2]} for number in (1, 77)]
    categories = [{"id": 1, "name": "skirt", "keypoints": ["waistband_left"]}]
    images = [{"id": 5, "file_name": "a.jpg"}]
    content = {"images": images, "categories": categories, "annotations": annotations}
    return write(folder / "a.json", json.dumps(content))


def deepfashion2(folder):
    content = {"item1": ITEM, "item2": {**ITEM, "category_name": "hat"}}
    write(folder / "annos" / "a.json", json.dumps(content))
    return folder / "annos"


def yolo(folder):
    names = ["top_left", "top_right", "hem_left", "hem_right"]
    lines = [f"{kind} 0.5 0.5 0.25 0.5 {'0.5 0.5 2 ' * len(names)}" for kind in (0, 77)]
    write(folder / "labels" / "a.txt", "\n".join(lines))
    write(folder / "data.yaml", f"names: [skirt]\nkpt_shape: [4, 3]\nkpt_names:\n  0: {names}\n")
    return folder


@pytest.mark.parametrize(("name", "schema"), [("coco", "fashionai"), ("deepfashion2",) * 2, ("yolo", "fashionai")])
def test_a_garment_that_cannot_be_read_counts_among_those_of_its_photo(tmp_path, name, schema):
    """So the other one is not taken for the only one, which needs no box."""
    path = {"coco": coco, "deepfashion2": deepfashion2, "yolo": yolo}[name](tmp_path)
    survey = split._survey(split.Labels(formats.load(name), str(path), schemas.load(schema)))
    assert list(survey.counts.values()) == [2]
    assert survey.num_garments == 1
