"""Two schemas in one process: FashionAI's skirts and one's own hats, from drawn photos to scores."""

import json
import shutil

import made_trainings
import pytest
import tensorflow as tf

from base import schema as schemas
from utility.model import model_directory, warm_start_plan
from utility.prediction.predictor import Predictor
from utility.training.settings import TrainingSettings

HATS = """name = "hats"
keypoints = ["brim_left", "brim_right", "crown", "band"]
[categories.top_hat]
keypoints = ["brim_left", "brim_right", "crown", "band"]
normalise = ["brim_left", "brim_right"]
"""
DRAWN = {"fashionai": "skirt", "hats": "top_hat"}


@pytest.fixture(scope="module")
def folder(program, tmp_path_factory):
    """hats.toml; for each schema its data set and records; MODELS, with a model of a category of each."""
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "hats.toml").write_text(HATS)
    for name, category in DRAWN.items():
        data, own_records = folder / name, folder / f"{name}_records"
        schema = f"--schema={path_of(folder, name)}"
        words = ("--num_train=4", "--num_test=2", "--image_size=64", schema)
        assert program("tools/make_synthetic_data.py", f"--output_dir={data}", *words) == 0
        keep(data / "test_0" / "test.csv", category)
        keep(folder / name / "test_0_answer.csv", category)
        words = (f"--data_dir={data}", f"--output_dir={own_records}", "--val_fraction=0", schema)
        assert program("tools/convert_tfrecords.py", *words) == 0
        train(folder, name)
    return folder


def path_of(folder, name):
    return folder / "hats.toml" if name == "hats" else name


def keep(file, category):
    """Leaves the rows of a category in a CSV."""
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *(row for row in rows if row.split(",")[1] == category)]) + "\n")


def train(folder, name, *more, models="MODELS"):
    words = (f"--model_to_train={DRAWN[name]}", "--max_steps=2", "--val_fraction=0", *more)
    made_trainings.train_all(folder / f"{name}_records", folder / models, *words)


def predict(program, folder, name, *more, models="MODELS"):
    output = folder / f"{name}.csv"
    words = (f"--data_dir={folder / name / 'test_0'}", f"--model_dir={folder / models}", f"--output={output}")
    return program("eval_all.py", *words, *more), output


@pytest.mark.parametrize("name", DRAWN)
def test_the_photos_choose_the_models_of_their_schema(program, folder, name, capsys):
    code, output = predict(program, folder, name)
    assert code == 0
    schema = schemas.load(path_of(folder, name))
    header, *rows = output.read_text().splitlines()
    assert header.split(",")[2:] == list(schema.keypoints)
    assert len(rows) == 2
    answer = folder / name / "test_0_answer.csv"
    words = (f"--prediction={output}", f"--ground_truth={answer}", f"--schema={path_of(folder, name)}")
    assert program("tools/score.py", *words) == 0
    visible = sum(cell.endswith("_1") for cell in answer.read_text().replace("\n", ",").split(","))
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"over {visible} keypoints")


@pytest.mark.parametrize("name", DRAWN)
def test_a_garment_chooses_the_model_of_its_schema(program, folder, name, tmp_path):
    photo = next((folder / name / "test_0" / "Images" / DRAWN[name]).iterdir())
    words = (f"--model_dir={folder / 'MODELS'}", f"--image={photo}", f"--output_dir={tmp_path}")
    assert program("tools/predict.py", *words, f"--category={DRAWN[name]}") == 0
    found = json.loads((tmp_path / f"{photo.stem}.json").read_text())
    assert list(found["keypoints"]) == list(schemas.load(path_of(folder, name)).keypoint_names(DRAWN[name]))


def test_both_predict_by_turns(folder):
    predictors = {name: Predictor(folder / "MODELS" / category) for name, category in DRAWN.items()}
    photo = next((folder / "hats" / "test_0" / "Images" / "top_hat").iterdir())
    first = {name: predictor.predict(photo) for name, predictor in predictors.items()}
    assert {name: predictor.predict(photo) for name, predictor in predictors.items()} == first
    assert first["hats"]["keypoints"].keys() & first["fashionai"]["keypoints"].keys() == set()


def test_photos_of_both_are_one_line(program, folder, tmp_path, capsys):
    """No schema knows them all, so the submission would have no columns."""
    lines = [(folder / name / "test_0" / "test.csv").read_text().splitlines()[1] for name in DRAWN]
    (tmp_path / "test_0").mkdir()
    (tmp_path / "test_0" / "test.csv").write_text("\n".join(["image_id,image_category", *lines]) + "\n")
    words = (f"--data_dir={tmp_path / 'test_0'}", f"--model_dir={folder / 'MODELS'}", f"--output={tmp_path / 'a.csv'}")
    assert program("eval_all.py", *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "holds models of several schemas, fashionai, hats, of which none fit" in line
    assert not (tmp_path / "a.csv").exists()


def test_a_category_of_the_same_name_and_other_points_is_one_line(program, folder, tmp_path, capsys):
    """Two schemas that differ in what a skirt is cannot be told apart by test.csv; nor can their models be averaged."""
    shutil.copytree(folder / "MODELS" / "skirt", tmp_path / "OTHERS" / "skirt")
    path = tmp_path / "OTHERS" / "skirt" / model_directory.DESCRIPTION
    model = json.loads(path.read_text())
    names = {name: f"{name}_2" for name in model["schema"]["keypoints"]}
    text = json.dumps(model)
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    path.write_text(text)
    parents = f"{folder / 'MODELS'},{tmp_path / 'OTHERS'}"
    words = (
        f"--data_dir={folder / 'fashionai' / 'test_0'}",
        f"--model_dir={parents}",
        f"--output={tmp_path / 'a.csv'}",
    )
    assert program("eval_all.py", *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "several schemas" in line
    photo = next((folder / "fashionai" / "test_0" / "Images" / "skirt").iterdir())
    words = (f"--model_dir={parents}", f"--image={photo}", f"--output_dir={tmp_path / 'OUT'}", "--category=skirt")
    assert program("tools/predict.py", *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "schema: expected the keypoints of skirt as the first model has them" in line


def test_a_warm_start_from_another_schema_keeps_other_keypoints_heads_out(folder, caplog):
    """Skirts have four keypoints, hats four others: as many channels, but nothing in common."""
    start = f"--checkpoint_path={folder / 'MODELS' / 'skirt'}"
    train(folder, "hats", start, "--learning_rate=0", "--warmup_learning_rate=0", models="WARM")
    assert "tiny/heatmaps/kernel: starts fresh, the source has no brim_left, brim_right, crown, band" in caplog.text
    there, here = (
        made_trainings.variables(tf.train.latest_checkpoint(folder / place))
        for place in ("MODELS/skirt", "WARM/top_hat")
    )
    assert (there["tiny/stem/conv/kernel"] == here["tiny/stem/conv/kernel"]).all()
    assert (there["tiny/heatmaps/kernel"] != here["tiny/heatmaps/kernel"]).any()


def test_heads_are_matched_by_the_keypoints_names(folder):
    model = model_directory.read(folder / "MODELS" / "top_hat")
    shapes = warm_start_plan.variable_shapes(model)
    other = ("band", "crown", "brim_right", "brim_left")
    plan = warm_start_plan.make_plan(model, other, shapes, TrainingSettings())
    assert plan.copies["tiny/heatmaps/bias"] == warm_start_plan.Copy("tiny/heatmaps/bias", 0, (3, 2, 1, 0))
    other = ("band", "crown", "brim_right", "feather")
    plan = warm_start_plan.make_plan(model, other, shapes, TrainingSettings())
    assert plan.fresh == {f"tiny/heatmaps/{part}": ["brim_left"] for part in ("kernel", "bias")}
    assert not plan.missing
    assert not plan.shape_mismatches
    warm_start_plan.check(plan, "model.ckpt", is_backbone=False)


def test_a_training_goes_on_with_another_outline_but_not_with_other_points(program, folder, capsys):
    text = (folder / "hats.toml").read_text()

    def convert(name, changed):
        (folder / "changed.toml").write_text(changed)
        words = (f"--data_dir={folder / 'hats'}", f"--output_dir={folder / f'{name}_records'}", "--val_fraction=0")
        assert program("tools/convert_tfrecords.py", *words, f"--schema={folder / 'changed.toml'}") == 0
        shutil.copytree(folder / "MODELS" / "top_hat", folder / name / "top_hat")
        words = ("--model_to_train=top_hat", "--max_steps=3", "--val_fraction=0")
        made_trainings.train_all(folder / f"{name}_records", folder / name, *words)

    outline = 'outline = [["brim_left", "crown"]]\nmeasurements = { brim = ["brim_left", "brim_right"] }\n'
    convert("drawn", text + outline)
    assert tf.train.latest_checkpoint(folder / "drawn" / "top_hat").endswith("-3")
    model = model_directory.read(folder / "drawn" / "top_hat")
    assert model.schema.outline("top_hat") == (("brim_left", "crown"),)
    with pytest.raises(Exception, match="normalise is"):
        convert("normalised", text.replace('normalise = ["brim_left", "brim_right"]', 'normalise = ["crown", "band"]'))
    assert model_directory.read(folder / "normalised" / "top_hat").schema.category("top_hat").normalise == (
        "brim_left",
        "brim_right",
    )
