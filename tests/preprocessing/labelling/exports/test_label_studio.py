"""Label Studio's tasks: predictions with their scores, addresses of photos, and an interface that knows every label."""

import json
import urllib.parse
from xml.etree import ElementTree

import hypothesis
import made_splits
from fashionai import CATEGORIES, KEYPOINTS, SCHEMA
from hypothesis import strategies as st

from preprocessing.data import annotations
from preprocessing.labelling import exported
from preprocessing.labelling.exports import label_studio


def written(path, photos, **options):
    label_studio.write(exported.Export(photos, SCHEMA, "train_0", **options), str(path))
    return json.loads(path.read_text(encoding="utf-8"))


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(made=made_splits.made_photos(), model=st.none() | st.just("mine"))
def test_tasks_use_the_interface_as_it_is(tmp_path_factory, made, model):
    folder = tmp_path_factory.mktemp("label_studio")
    rows = annotations.read(made_splits.write(folder, made))
    photos = exported.Photos(str(folder / "train_0"), rows)
    tasks = written(folder / "out.json", photos, model=model, photo_url="/data/local-files/?d=train_0/")
    controls = {}
    for control in ElementTree.fromstring(label_studio.interface(SCHEMA)):
        kind = control.tag.lower()
        controls[control.get("name")] = kind, control.get("toName"), {value.get("value") for value in control}
    assert len(tasks) == len(made)
    for task, photo in zip(tasks, made):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(task["data"]["image"]).query, strict_parsing=True)
        assert query == {"d": [f"train_0/{photo.image_id}"]}
        assert ("predictions" in task, "annotations" in task) == (model is not None, model is None)
        (done,) = task["predictions"] if model else task["annotations"]
        ids = set()
        for result in done["result"]:
            kind, target, values = controls[result["from_name"]]
            assert (result["type"], result["to_name"]) == (kind, target)
            assert set(result["value"][kind]) <= values
            assert (result["original_width"], result["original_height"]) == photo.size
            assert all(0 <= result["value"].get(axis, 0) <= 100 for axis in ("x", "y"))
            assert result.get("parentID", result["id"]) in ids | {result["id"]}
            ids.add(result["id"])
        assert len([1 for result in done["result"] if result["type"] == "keypointlabels"]) == sum(
            len(row.cells) for row in photo.rows
        )


def test_the_interface_knows_every_name():
    view = ElementTree.fromstring(label_studio.interface(SCHEMA))
    values = {control.get("name"): [value.get("value") for value in control] for control in view}
    assert values["category"] == values["garment"] == list(CATEGORIES)
    assert values["keypoints"] == list(KEYPOINTS)
    assert values["state"] == ["occluded"]


def test_predictions_carry_their_scores_and_their_model(tmp_path):
    scores = {"waistband_left": 0.25, "waistband_right": None, "hemline_left": 0.75}
    points = tuple(exported.Point(name, 1.5, 2.5, False, score) for name, score in scores.items())
    garment = exported.Garment("skirt", points, None, (0, 0, 9, 9))
    photo = exported.Photo("Images/a.jpg", "", (9, 9), (garment,), ("", ""))
    (task,) = written(tmp_path / "out.json", [photo], model="mine")
    (prediction,) = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("mine", 0.5)
    points = [result for result in prediction["result"] if result["type"] == "keypointlabels"]
    assert {result["value"]["keypointlabels"][0]: result.get("score") for result in points} == scores
    (task,) = written(tmp_path / "out.json", [photo], photo_url="https://example.org/a b/")
    assert task["data"]["image"] == "https://example.org/a b/Images/a.jpg"
