"""Model folders as others left them: of older programs, under any name, changed or damaged."""

import dataclasses
import json
import math
import os

import hypothesis
import hypothesis.strategies as st
import made_models
import made_trainings
import pytest

from base.errors import DataError
from base.version import VERSION
from configs.flag_table import FLAGS
from net import registry
from utility.model import model_directory
from utility.training import training_plan

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2), max_size=4),
    st.dictionaries(st.text(max_size=5), st.integers() | st.floats(), max_size=2),
)


def content(model=None, **others):
    """Returns a description, by default one of a small net, as its file has it."""
    model = model or made_models.description()
    return json.loads(json.dumps({"format_version": 1, **model.to_json(), **others}))


KEYS = [(key,) for key in content()]
KEYS += [("net_options", key) for key in content()["net_options"]]
KEYS += [("normalisation", "mean"), ("normalisation", "scale", 0), ("keypoints", 0), ("training",), ("heatmap_loss",)]


def changed(keys, value):
    """Returns a description with another value at a key within it."""
    place = model = content()
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return model


def write_raw(folder, model):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "model.json"), "w", encoding="utf-8") as file:
        json.dump(model, file)
    return str(folder)


def write_state(folder, content, index="model.ckpt-5.index"):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "checkpoint"), "wb") as file:
        file.write(content)
    with open(os.path.join(folder, index), "wb"):
        pass
    return str(folder)


def one_line(function, *arguments):
    with pytest.raises(DataError) as error:
        function(*arguments)
    (line,) = error.value.lines()
    assert line.encode()
    return line


TAMPERED = [
    (("train_image_size",), -1),
    (("train_image_size",), 10**30),
    (("train_image_size",), 10**400),
    *((("heatmap_sigma",), value) for value in (math.nan, math.inf, -1, 0, 1e308, 1e-308, 1e30, "1", True)),
    *((("target_scale",), value) for value in (0, math.nan, -255, None)),
    (("net_options", "num_stacks"), 0),
    (("net_options", "num_stacks"), 500),
    (("net_options", "bn_epsilon"), math.nan),
    (("net_options", "padding"), "both"),
    (("net_options",), []),
    (("keypoints",), []),
    (("keypoints",), [["a"]]),
    (("keypoints",), [{"a": 1}]),
    (("keypoints",), ["hemline_left"] * 2),
    (("keypoints",), ["\x1b[31mred"]),
    (("keypoints",), ["\0"]),
    (("keypoints",), ["\ud800"]),
    (("decode",), "guess"),
    (("heatmap_loss",), "hinge"),
    (("category",), "hat\n"),
    (("net",), ["cpn"]),
    (("normalisation",), {"mean": [0, 0, 0], "scale": [math.nan] * 3}),
    (("normalisation", "scale"), [0, 1, 1]),
    (("normalisation", "mean"), [1, 2]),
    (("heatmap_size",), 8),  # an hourglass makes a quarter of its input
    (("heatmap_size",), 15),
    (("format_version",), True),
    (("training",), [1]),
]


@pytest.mark.parametrize(("keys", "value"), TAMPERED, ids=lambda part: str(part)[:30])
def test_a_value_out_of_bounds_is_named(tmp_path, keys, value):
    folder = write_raw(tmp_path / "skirt", changed(keys, value))
    line = one_line(model_directory.read, folder)
    assert line.startswith(f"{folder}/model.json: {keys[0]}")
    assert "expected" in line


@hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
@hypothesis.given(keys=st.sampled_from(KEYS), value=VALUES)
def test_any_value_of_any_field_is_usable_or_named(tmp_path_factory, keys, value):
    folder = write_raw(tmp_path_factory.mktemp("models"), changed(keys, value))
    try:
        model = model_directory.read(folder)
    except DataError:
        sizes = ("train_image_size", "heatmap_size")  # one must fit the other
        names = sizes if keys[0] in sizes else keys[:1]
        assert any(f"model.json: {name}" in one_line(model_directory.read, folder) for name in names)
        return
    settings = model.codec_settings
    assert all(math.isfinite(number) for number in (settings["heatmap_sigma"], 1 / settings["target_scale"]))
    assert all(0 < scale < math.inf for scale in model.normalisation.scale)
    rows = registry.option_rows(model.net)
    for name, option in model.net_options.items():
        row = rows[name]
        assert option in row.choices if row.choices else row.low <= option <= row.high


def test_a_changed_file_is_the_datas_fault_for_every_program(program, tmp_path, capsys):
    folder = write_raw(tmp_path / "skirt", changed(("heatmap_size",), 8))
    assert program("tools/inspect_model.py", f"--model_dir={folder}") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"inspect_model.py: {folder}/model.json: heatmap_size: expected 16, got 8"


STATES = [
    ("empty", b""),
    ("not text", b"\xff\xfe\x00"),
    ("NUL", b'model_checkpoint_path: "model.ckpt-5\0"'),
    ("an escaped NUL", b'model_checkpoint_path: "model.ckpt-5\\000"'),
    ("an escape code", b'model_checkpoint_path: "\\033[31m"'),
    ("no name", b'all_model_checkpoint_paths: "model.ckpt-5"'),
    ("an empty name", b'model_checkpoint_path: ""'),
    ("another form", b'{"model_checkpoint_path": "model.ckpt-5"}'),
    ("deep", b"a { " * 100_000),
    ("large", b" " * 2_000_000),
    ("what is not there", b'model_checkpoint_path: "model.ckpt-6"'),
]


@pytest.mark.parametrize("content", [content for _, content in STATES], ids=[name for name, _ in STATES])
def test_a_damaged_checkpoint_file_is_named(tmp_path, content):
    folder = write_state(tmp_path / "skirt" / "best", content)
    for function in (model_directory.latest_checkpoint, model_directory.checkpoint):
        assert one_line(function, folder).startswith(f"{folder}/checkpoint: ")
    assert one_line(model_directory.checkpoint, str(tmp_path / "skirt")).startswith(f"{folder}/checkpoint: ")


def test_keypoints_of_another_category_or_schema_are_refused(tmp_path):
    """Whatever the net has a channel for, flips exchange by the schema: each keypoint and its partner must be there."""
    names = list(made_models.description().keypoints)
    for wrong in (names[:-1], [*names, "feather"], ["a", "b", "c", "d"]):
        folder = write_raw(tmp_path / "skirt", changed(["keypoints"], wrong))
        assert "keypoints: expected those of skirt in the schema, waist" in one_line(model_directory.read, folder)
    folder = write_raw(tmp_path / "skirt", changed(["keypoints"], names[::-1]))
    assert model_directory.read(folder).keypoints == tuple(names[::-1])


@pytest.mark.parametrize("name", ["../other/model.ckpt-1", "{tmp}/other/model.ckpt-1", "best/model.ckpt-1"])
def test_a_training_keeps_and_removes_checkpoints_of_its_own_folder_only(tmp_path, name):
    other = f'all_model_checkpoint_paths: "{name.format(tmp=tmp_path)}"\n'.encode()
    folder = write_state(tmp_path / "skirt", GOOD_STATE + b'all_model_checkpoint_paths: "model.ckpt-5"\n')
    assert model_directory.kept(folder) == [f"{folder}/model.ckpt-5"]
    write_state(tmp_path / "skirt", GOOD_STATE + other)
    assert one_line(model_directory.kept, folder).startswith(f"{folder}/checkpoint: all_model_checkpoint_paths: ")


@hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
@hypothesis.given(content=st.binary(max_size=80) | st.binary(max_size=9).map(lambda end: GOOD_STATE + end))
def test_any_bytes_of_a_checkpoint_file_name_a_checkpoint_or_are_refused(tmp_path_factory, content):
    folder = write_state(tmp_path_factory.mktemp("states"), content)
    try:
        assert model_directory.latest_checkpoint(folder) == os.path.join(folder, "model.ckpt-5")
    except DataError:
        one_line(model_directory.latest_checkpoint, folder)


GOOD_STATE = b'model_checkpoint_path: "model.ckpt-5"\n'


NAMES = ["m[1]", "m*", "m?", "a\\b", "[!a]", "a b", " ", "Röcke 裙子", ".v2.0", "-m", "a\nb", "%41"]


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_is_found_in_a_folder_of_any_name(tmp_path, name, monkeypatch):
    folder = write_state(tmp_path / name / "skirt", GOOD_STATE)
    assert model_directory.latest_checkpoint(folder) == os.path.join(folder, "model.ckpt-5")
    assert model_directory.checkpoint(folder) == os.path.join(folder, "model.ckpt-5")
    monkeypatch.chdir(tmp_path)
    assert model_directory.latest_checkpoint(f"{name}/skirt") == f"{name}/skirt/model.ckpt-5"
    assert model_directory.latest_checkpoint(f"{name}/dress") is None


def claim(folder, model, binding):
    model_directory.claim(folder, model, binding, training_plan.binding_defaults())


def claimed(tmp_path, *words):
    """Returns a folder with a checkpoint that a training claimed, and what it claimed it with."""
    settings = made_trainings.settings("RECORDS", "MODELS", *words)
    model = made_models.description()
    binding = training_plan.binding(settings, {"skirt": 16})
    folder = str(tmp_path / "skirt")
    if not os.path.exists(folder):
        claim(folder, model, binding)
        write_state(folder, GOOD_STATE)
    return folder, model, binding


@pytest.mark.parametrize("name", ["best/best.json", "swa/swa.json", "rollbacks.json"])
def test_what_another_training_left_without_its_checkpoints_is_not_taken_over(tmp_path, name):
    folder, model, binding = claimed(tmp_path)
    left = tmp_path / "skirt" / name
    left.parent.mkdir(exist_ok=True)
    left.write_text("{}")
    claim(folder, model, binding)
    for file in (tmp_path / "skirt").iterdir():
        if file.is_file() and file != left:
            file.unlink()  # what `rm skirt/*` removes
    assert name.split("/")[0] in one_line(claim, folder, model, binding)
    assert [str(path) for path in (tmp_path / "skirt").rglob("*") if path.is_file()] == [str(left)]


def older(folder, *keys):
    """Takes a key out of the folder's description, as a program without it would have written it."""
    with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
        model = json.load(file)
    place = model
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    write_raw(folder, model)


@pytest.mark.parametrize("option", sorted(registry.option_rows("hourglass")))
def test_an_option_of_the_net_that_an_older_program_did_not_have_means_its_default(tmp_path, option):
    default = registry.option_rows("hourglass")[option].default
    folder, model, binding = claimed(tmp_path)
    older(folder, "net_options", option)
    assert model_directory.read(folder).net_options[option] == default
    claim(folder, model.with_net(**{option: default}), binding)
    with pytest.raises(DataError, match=f"{option} is "):
        claim(folder, model.with_net(**{option: "other"}), binding)


def test_a_setting_that_an_older_program_did_not_have_means_its_default(tmp_path):
    folder, model, binding = claimed(tmp_path)
    for name in sorted(set(binding) - {"images"}):
        older(folder, "training", name)
        asked = {**binding, name: FLAGS[name].default}
        claim(folder, model, asked)
        with pytest.raises(DataError, match=f"{name} is "):
            claim(folder, model, {**asked, name: "other"})
        write_raw(folder, content(model, training=binding))
    older(folder, "heatmap_loss")
    claim(folder, model, binding)


def test_what_a_training_claims_is_what_is_read(tmp_path):
    folder, model, binding = claimed(tmp_path)
    claim(folder, model, binding)
    read = model_directory.read(folder)
    assert json.dumps(read.training, sort_keys=True) == json.dumps(binding, sort_keys=True)
    assert dataclasses.replace(read, training={}, code_version=None) == model


def test_the_version_of_the_code_is_noted_and_does_not_bind(tmp_path):
    folder, model, binding = claimed(tmp_path)
    assert json.loads((tmp_path / "skirt/model.json").read_text())["code_version"] == VERSION
    write_raw(folder, {**read_raw(folder), "code_version": "1.0.7"})
    claim(folder, model, binding)
    older(folder, "code_version")
    claim(folder, model, binding)
    assert model_directory.read(folder).code_version is None


def test_options_of_other_backbones_that_older_programs_wrote_are_left_out(tmp_path):
    model = made_models.description(net="cpn", backbone="efficientnet_lite0")
    folder = str(tmp_path / "skirt")
    claim(folder, model, {})
    write_state(folder, GOOD_STATE)
    written = read_raw(folder)
    written["net_options"].update(resnet_stride="1x1", detnet_laterals="paper")
    write_raw(folder, written)
    assert model_directory.read(folder).net_options == model.net_options
    claim(folder, model, {})


def read_raw(folder):
    with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
        return json.load(file)
