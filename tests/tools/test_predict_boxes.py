"""tools/predict.py --boxes: every garment of a photo as eval_all.py predicts it, whatever form the boxes have."""

import csv
import json
import shutil

import made_trainings
import numpy as np
import pytest
from fashionai import SCHEMA, keypoint_names
from made_models import make
from PIL import Image

from preprocessing.data import annotations
from preprocessing.labelling.detections import COLUMNS
from tools import make_synthetic_data
from utility.prediction.predictor import Predictor


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """A test split with two garments in each of five photos."""
    folder = tmp_path_factory.mktemp("drawn")
    make_synthetic_data.write_data_set(str(folder), 0, 1, 160, 1, SCHEMA, 1, garments=2)
    return folder / "test_0"


@pytest.fixture(scope="module")
def rows(split):
    """[(image id, category, box)] of the split."""
    return annotations.read_images(split / "test.csv").keys


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of all with random weights: what it finds depends on every pixel of the box."""
    parent = tmp_path_factory.mktemp("models")
    make(parent / "all", category="all", seed=2, net=made_trainings.NET)
    return parent


def as_csv(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *((image, category, *box) for image, category, box in rows)])
    return path


def as_coco(path, rows):
    names = list(dict.fromkeys(image for image, *_ in rows))
    items = [
        {
            "image_id": names.index(image),
            "category_id": SCHEMA.category_names.index(category),
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "score": 0.25,
        }
        for image, category, box in rows
    ]
    content = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(SCHEMA.category_names)],
        "annotations": items,
    }
    path.write_text(json.dumps(content))
    return path


def predict(program, model, image, output_dir, *words):
    return program("tools/predict.py", f"--model_dir={model}", f"--image={image}", f"--output_dir={output_dir}", *words)


@pytest.fixture(scope="module")
def predicted(program, split, rows, models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predicted")
    boxes = as_csv(folder / "boxes.csv", rows)
    assert predict(program, models, split, folder / "out", f"--boxes={boxes}") == 0
    return folder / "out"


def by_row(output_dir):
    """{(image, category, box): JSON} of a folder's results."""
    found = [json.loads(path.read_text()) for path in output_dir.glob("*.json")]
    return {(each["image"], each["category"], tuple(each["box"])): each for each in found}


def points_of(content):
    return np.array([[point["x"], point["y"]] for point in content["keypoints"].values()])


def test_each_box_is_predicted_as_eval_all_does(program, split, rows, models, predicted, tmp_path):
    words = (f"--data_dir={split}", f"--model_dir={models}", f"--output={tmp_path / 'submission.csv'}")
    assert program("eval_all.py", *words) == 0
    table = annotations.read(tmp_path / "submission.csv")
    found = by_row(predicted)
    assert len(found) == len(rows) == 10
    for row, (image_id, category, box) in enumerate(table.keys):
        content = found[str(split / image_id), category, box]
        assert list(content["keypoints"]) == list(keypoint_names(category))
        own = list(SCHEMA.keypoint_indices(category))
        assert np.abs(table.points[row, own] - points_of(content)).max() <= 0.501  # whole pixels


def test_each_box_is_predicted_as_the_predictor_does(split, rows, models, predicted):
    predictor, found = Predictor(models / "all"), by_row(predicted)
    for image_id, category, box in rows:
        expected = predictor.predict(split / image_id, category, box)
        content = found[str(split / image_id), category, box]
        assert (content["width"], content["height"]) == (expected["width"], expected["height"])
        np.testing.assert_allclose(points_of(content), points_of(expected), atol=0.02)


def test_the_files_of_a_photo(split, rows, predicted):
    photos = list(dict.fromkeys(image for image, *_ in rows))
    stems = [image.rsplit("/", 1)[1][: -len(".jpg")] for image in photos]
    names = {f"{stem}{end}" for stem in stems for end in (".png", "_1.json", "_2.json")}
    assert {path.name for path in predicted.iterdir()} == {"keypoints.csv", *names}
    for image, stem in zip(photos, stems):
        assert Image.open(predicted / f"{stem}.png").size == Image.open(split / image).size
        boxes = [list(box) for name, _, box in rows if name == image]
        numbered = (predicted / f"{stem}_{number}.json" for number in (1, 2))
        assert [json.loads(path.read_text())["box"] for path in numbered] == boxes
    with open(predicted / "keypoints.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == sum(len(keypoint_names(category)) for _, category, _ in rows)
    written = list(dict.fromkeys((row["image"], row["category"], row["box"]) for row in table))
    expected = [(str(split / image), category, "_".join(map(str, box))) for image, category, box in rows]
    assert sorted(written) == sorted(expected)


@pytest.mark.parametrize("form", ["coco", "results", "list"])
def test_every_form_gives_the_same_points(program, split, rows, models, predicted, tmp_path, form):
    boxes = whole = as_coco(tmp_path / "whole.json", rows)
    if form != "coco":
        boxes = tmp_path / "results.json"
        items = json.loads(whole.read_text())["annotations"]
        if form == "list":
            for item, (image, category, _) in zip(items, rows):
                item.update(image_id=image.rsplit("/", 1)[1].removesuffix(".jpg"), category_id=category)
        boxes.write_text(json.dumps(items))
    given = f"{boxes},{whole}" if form == "results" else boxes
    assert predict(program, models, split, tmp_path / "out", f"--boxes={given}", "--eval_batch_size=3") == 0
    found, expected = by_row(tmp_path / "out"), by_row(predicted)
    assert found.keys() == expected.keys()
    for key, content in found.items():
        assert content["box_score"] == 0.25
        np.testing.assert_allclose(points_of(content), points_of(expected[key]), atol=0.02)


def test_each_category_has_its_model(program, split, rows, tmp_path):
    for number, category in enumerate(SCHEMA.category_names):
        make(tmp_path / "models" / category, category=category, seed=number, net=made_trainings.NET)
    boxes = as_csv(tmp_path / "boxes.csv", rows)
    assert predict(program, tmp_path / "models", split, tmp_path / "out", f"--boxes={boxes}") == 0
    found = by_row(tmp_path / "out")
    for image_id, category, box in rows[:4]:
        expected = Predictor(tmp_path / "models" / category).predict(split / image_id, box=box)
        np.testing.assert_allclose(
            points_of(found[str(split / image_id), category, box]), points_of(expected), atol=0.02
        )


def test_a_photo_of_many_boxes_has_names_that_sort(program, models, tmp_path):
    Image.effect_noise((60, 40), 90).convert("RGB").save(tmp_path / "a.jpg")
    rows = [("a.jpg", "skirt", (number, 0, number + 20, 40)) for number in range(12)]
    boxes = as_csv(tmp_path / "boxes.csv", rows)
    words = (f"--boxes={boxes}", "--eval_batch_size=5")
    assert predict(program, models, tmp_path / "a.jpg", tmp_path / "out", *words) == 0
    names = sorted(path.name for path in (tmp_path / "out").glob("*.json"))
    assert names == [f"a_{number:02}.json" for number in range(1, 13)]
    found = [json.loads((tmp_path / "out" / name).read_text())["box"] for name in names]
    assert found == [list(box) for *_, box in rows]


def test_a_margin_is_seen_beyond_the_boxes(program, split, rows, models, tmp_path):
    """Whether the flag says it, the flag of eval_all, or the model; the results are those of the boxes all the same."""
    image, category, _ = rows[0]
    boxes = as_csv(tmp_path / "boxes.csv", [(image, category, (20, 20, 40, 30))])
    expected = Predictor(models / "all").predict(split / image, category, (10, 15, 50, 35))
    make(tmp_path / "margin" / "all", category="all", seed=2, net=made_trainings.NET, box_margin=0.5)
    for folder, *words in ((models, "--box_margin=0.5"), (tmp_path / "margin",)):
        output = tmp_path / f"of {folder.name}"
        assert predict(program, folder, split, output, f"--boxes={boxes}", *words) == 0
        ((key, content),) = by_row(output).items()
        assert key == (str(split / image), category, (20, 20, 40, 30))
        np.testing.assert_allclose(points_of(content), points_of(expected), atol=1e-3)
        words = (f"--image={split / image}", "--box=20,20,40,30", f"--category={category}", *words)
        assert program("tools/predict.py", f"--model_dir={folder}", f"--output_dir={output}", *words) == 0
        name = image.rsplit("/", 1)[1].removesuffix(".jpg")
        content = json.loads((output / f"{name}.json").read_text())
        np.testing.assert_allclose(points_of(content), points_of(expected), atol=1e-3)
        words = (f"--output={output / 'all.csv'}", *(word for word in words if word.startswith("--box_margin")))
        assert program("eval_all.py", f"--data_dir={split}", f"--model_dir={folder}", *words) == 0
    tables = [annotations.read(tmp_path / f"of {name}" / "all.csv") for name in (models.name, "margin")]
    assert tables[0].keys == tables[1].keys == rows
    np.testing.assert_array_equal(tables[0].points, tables[1].points)


def test_models_of_different_margins_need_to_be_told_one(program, split, rows, models, tmp_path, capsys):
    other = make(tmp_path / "other", category="all", seed=3, net=made_trainings.NET, box_margin=0.25)
    boxes = as_csv(tmp_path / "boxes.csv", rows[:1])
    both = f"{models / 'all'},{other}"
    assert predict(program, both, split, tmp_path / "out", f"--boxes={boxes}") == 1
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "the models: were trained with margins of 0, 0.25 around boxes: expected the same, or --box_margin" in line
    assert predict(program, both, split, tmp_path / "out", f"--boxes={boxes}", "--box_margin=0.25") == 0
    Predictor([models / "all", other]).find([np.zeros([9, 9, 3], np.uint8)], ["skirt"])  # without boxes they agree


def wrong(rows):
    image, category, box = rows[0]
    return [*rows, (image, "hat", box), ("none.jpg", category, box), (image, category, (5, 5, 1, 9))]


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_written(program, split, rows, models, tmp_path, capsys):
    boxes = as_csv(tmp_path / "boxes.csv", wrong(rows))
    assert predict(program, models, split, tmp_path / "out", f"--boxes={boxes}") == 1
    lines = capsys.readouterr().err.splitlines()
    for line, expected in zip(
        lines, ("line 12, column category: 'hat'", "line 13, column image", "line 14, columns x0")
    ):
        assert line.startswith(f"predict.py: {boxes}: {expected}")
    assert len(lines) == 3
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_can_be_left_out(program, split, rows, models, predicted, tmp_path, capsys):
    boxes, image = as_csv(tmp_path / "boxes.csv", wrong(rows)), rows[0][0]
    shutil.copytree(split, tmp_path / "photos")
    data = (tmp_path / "photos" / image).read_bytes()
    (tmp_path / "photos" / image).write_bytes(data[: len(data) // 2])  # its header is whole
    words = (f"--boxes={boxes}", "--skip_bad")
    assert predict(program, models, tmp_path / "photos", tmp_path / "out", *words) == 0
    printed = capsys.readouterr()
    assert "8 garments in 4 photos predicted" in printed.out
    assert "warning: 4 faults, their boxes left out" in printed.err
    skipped = (tmp_path / "out" / "skipped.txt").read_text().splitlines()
    assert [line.startswith(str(boxes)) for line in skipped] == [True, True, True, False]
    assert skipped[3].startswith(f"{tmp_path / 'photos' / image}: is damaged")
    assert len(by_row(tmp_path / "out")) == 8


def test_a_damaged_photo_does_not_keep_the_others_from_being_predicted(program, models, tmp_path, capsys):
    Image.effect_noise((60, 40), 90).save(tmp_path / "a.jpg")
    Image.effect_noise((60, 40), 90).save(tmp_path / "b.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:900])
    boxes = as_csv(tmp_path / "boxes.csv", [(f"{name}.jpg", "skirt", (0, 0, 30, 40)) for name in "ab"])
    assert predict(program, models, tmp_path, tmp_path / "out", f"--boxes={boxes}") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"predict.py: {tmp_path}/a.jpg: is damaged")
    assert (tmp_path / "out" / "b_1.json").exists()


def test_one_model_or_category_is_that_of_boxes_without_one(program, split, rows, models, tmp_path, capsys):
    image, _, box = rows[0]
    boxes = as_csv(tmp_path / "boxes.csv", [(image, "", box)])
    assert predict(program, models, split, tmp_path / "out", f"--boxes={boxes}") == 1
    assert "line 2, column category: names no garment: expected one of blouse" in capsys.readouterr().err
    assert predict(program, models, split, tmp_path / "out", f"--boxes={boxes}", "--category=dress") == 0
    assert {category for _, category, _ in by_row(tmp_path / "out")} == {"dress"}
    make(tmp_path / "models" / "skirt", net=made_trainings.NET)
    assert predict(program, tmp_path / "models", split, tmp_path / "alone", f"--boxes={boxes}") == 0
    assert {category for _, category, _ in by_row(tmp_path / "alone")} == {"skirt"}


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["--boxes=BOXES", "--box=0,0,9,9"], 2, "--box is of every photo"),
        (["--box_margin=0.1"], 2, "--box_margin goes with --boxes or --box"),
        (["--skip_bad"], 2, "--skip_bad goes with --boxes"),
        (["--boxes=BOXES", "--box_margin=-1"], 2, "--box_margin"),
        (["--boxes=BOXES", "--category=hat"], 2, "--category=hat is none that the models find"),
        (["--boxes=a,b,c"], 2, "--boxes=a,b,c: expected a file"),
        (["--boxes="], 2, "--boxes=: expected a file"),
        (["--boxes=nowhere.csv"], 1, "nowhere.csv: cannot be read"),
        (["--boxes=BOXES", "--output_dir=PHOTOS"], 2, "is the folder of the photos"),
        (["--boxes=BOXES", "--image=BOXES"], 1, "stands for no photo of --image"),
    ],
)
def test_faults_are_one_line(program, split, rows, models, tmp_path, capsys, words, code, expected):
    boxes = as_csv(tmp_path / "boxes.csv", rows[:1])
    words = [word.replace("BOXES", str(boxes)).replace("PHOTOS", str(split)) for word in words]
    assert predict(program, models, split, tmp_path / "out", *words) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("predict.py: ")
    assert expected in line


def test_pictures_that_were_drawn_do_not_count_as_photos(program, models, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.effect_noise((60, 40), 90).save(tmp_path / "photos" / "a.jpg")
    boxes = as_csv(tmp_path / "boxes.csv", [("a", "skirt", (0, 0, 30, 40))])
    for _ in range(2):
        assert predict(program, models, tmp_path / "photos", tmp_path / "photos" / "out", f"--boxes={boxes}") == 0
    assert {path.name for path in (tmp_path / "photos" / "out").iterdir()} == {"a.png", "a_1.json", "keypoints.csv"}


def test_a_photo_is_never_overwritten(program, models, tmp_path, capsys):
    Image.effect_noise((60, 40), 90).save(tmp_path / "a.png")
    boxes = as_csv(tmp_path / "boxes.csv", [("a.png", "skirt", (0, 0, 30, 40))])
    before = (tmp_path / "a.png").read_bytes()
    assert predict(program, models, tmp_path / "a.png", tmp_path, f"--boxes={boxes}") == 2
    assert "would overwrite the file that it is made from" in capsys.readouterr().err
    assert (tmp_path / "a.png").read_bytes() == before
