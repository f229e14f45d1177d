"""Faults of models, as eval_all meets them, and of submissions, as the three tools that read them do."""

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from fashionai import KEYPOINTS, keypoint_indices
from made_models import make

from utility.model import model_directory

HEADER = ",".join(("image_id", "image_category", *KEYPOINTS))


@pytest.fixture(scope="module")
def whole_model(tmp_path_factory):
    return Path(make(tmp_path_factory.mktemp("models") / "skirt"))


def described(change):
    """Returns a damage that changes what model.json says."""

    def damage(folder):
        path = folder / model_directory.DESCRIPTION
        model = json.loads(path.read_text())
        change(model)
        path.write_text(json.dumps(model))

    return damage


def cut(name, size):
    return lambda folder: os.truncate(next(folder.glob(name)), size)


def damaged(name):
    def damage(folder):
        path = next(folder.glob(name))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 8
        path.write_bytes(data)

    return damage


def without(pattern):
    def damage(folder):
        for path in folder.glob(pattern):
            path.unlink()

    return damage


def not_finite(value):
    """Returns what gives a model's last layer a weight of that value."""

    def damage(folder):
        prefix = str(folder / "model.ckpt-7")
        reader = tf.train.load_checkpoint(prefix)
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            for name in reader.get_variable_to_shape_map():
                array = np.array(reader.get_tensor(name))
                if name.endswith("heatmaps/kernel"):
                    array.flat[0] = value
                tf.compat.v1.get_variable(name, initializer=array)
            session.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.train.Saver().save(session, prefix, write_meta_graph=False)

    return damage


MODELS = [
    # what is wrong, how it comes about, what the line names
    ("no checkpoint", without("*check*"), "skirt: holds no checkpoint"),
    ("a checkpoint gone", without("*ckpt*"), "skirt/checkpoint: model_checkpoint_path: expected a checkpoint that is"),
    ("no checkpoint's data", without("*.data*"), "model.ckpt-7: cannot be restored"),
    ("a cut checkpoint", cut("*.data*", 1000), "model.ckpt-7: cannot be restored"),
    ("a cut index", cut("*.index", 100), "model.ckpt-7: cannot be restored"),
    ("a damaged checkpoint", damaged("*.data*"), "model.ckpt-7: cannot be restored"),
    ("a weight that is NaN", not_finite(np.nan), "heatmaps/kernel: has numbers that are not finite"),
    ("an infinite weight", not_finite(np.inf), "heatmaps/kernel: has numbers that are not finite"),
    ("no model.json", without("model.json"), "holds no model: expected model.json"),
    ("a cut model.json", cut("model.json", 40), "model.json: cannot be read"),
    (
        "a newer model.json",
        described(lambda model: model.update(format_version=99)),
        "model.json: format_version: expected at most 1",
    ),
    ("no net in model.json", described(lambda model: model.pop("net")), "model.json: net: expected this key"),
    (
        "an unknown net",
        described(lambda model: model.update(net="vgg")),
        "model.json: net: expected one of cpn, hourglass",
    ),
    (
        "another net",
        described(lambda model: model["net_options"].update(num_stacks=2)),
        "model.ckpt-7: cannot be restored into the net of model.json",
    ),
    (
        "other widths",
        described(lambda model: model["net_options"].update(feats_channels=32)),
        "model.ckpt-7: cannot be restored into the net of model.json",
    ),
    (
        "unknown options",
        described(lambda model: model["net_options"].update(turbo=2)),
        "model.json: net_options: expected keys among bn_epsilon",
    ),
    (
        "fewer keypoints",
        described(lambda model: model["keypoints"].remove("hemline_left")),
        "model.json: keypoints: expected those of skirt in the schema",
    ),
    (
        "a decoding of probabilities for heatmaps of heights",
        described(lambda model: model.update(decode="median", heatmap_loss="mse")),
        "model.json: decode: median requires probability heatmaps",
    ),
]


@pytest.mark.parametrize(("damage", "names"), [fault[1:] for fault in MODELS], ids=[fault[0] for fault in MODELS])
def test_a_faulty_model_is_named_in_one_line(program, data, whole_model, tmp_path, capsys, damage, names):
    model = tmp_path / "models" / "skirt"
    shutil.copytree(whole_model, model)
    damage(model)
    output = tmp_path / "out" / "submission.csv"
    words = (f"--model_dir={model}", f"--data_dir={data / 'test_0'}", f"--output={output}")
    assert program("eval_all.py", *words) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("eval_all.py: ")
    assert names in lines[0]
    assert not output.parent.exists() or os.listdir(output.parent) == []


def test_a_checkpoint_given_must_be_there_and_one_models(program, data, whole_model, tmp_path, capsys):
    words = (f"--model_dir={whole_model}", f"--data_dir={data / 'test_0'}", f"--output={tmp_path / 'out.csv'}")
    assert program("eval_all.py", *words, "--checkpoint_path=nowhere/model.ckpt-3") == 1
    assert "nowhere/model.ckpt-3: is no checkpoint" in capsys.readouterr().err
    make(tmp_path / "more" / "skirt")
    two = f"--model_dir={whole_model},{tmp_path / 'more'}"
    assert program("eval_all.py", *words, two, f"--checkpoint_path={whole_model}") == 2
    assert "--checkpoint_path is one model's" in capsys.readouterr().err


class Hostile:
    """Unpickled by the usual unpickler, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_weights_file_whose_pickle_would_run_code(program, tmp_path, capsys):
    weights = tmp_path / "weights.pth"
    weights.write_bytes(pickle.dumps({"state_dict": Hostile(tmp_path / "ran")}, protocol=2))
    words = ("--backbone=resnet50", f"--weights={weights}", f"--output_dir={tmp_path / 'out'}")
    assert program("tools/import_weights.py", *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"import_weights.py: {weights}: is no state dict of PyTorch that can be read safely")
    assert os.listdir(tmp_path) == ["weights.pth"]


def test_an_output_in_use_is_refused(program, data, whole_model, tmp_path, capsys):
    from base.files import exclusive_file

    output = tmp_path / "out.csv"
    with exclusive_file(str(output)):
        code = program(
            "eval_all.py", f"--model_dir={whole_model}", f"--data_dir={data / 'test_0'}", f"--output={output}"
        )
    assert code == 1
    assert f"{output}: is in use by another process" in capsys.readouterr().err


def submission(*rows, header=HEADER):
    return "\n".join((header, *rows)) + "\n"


def row(name, x=10, **changed):
    own = keypoint_indices("skirt")
    cells = [f"{x}_20_1" if index in own else "-1_-1_-1" for index in range(24)]
    for keypoint, cell in changed.items():
        cells[KEYPOINTS.index(keypoint)] = cell
    return ",".join((f"Images/skirt/{name}.jpg", "skirt", *cells))


SUBMISSIONS = [
    ("a header of two columns", submission(row("d"), header="image_id,image_category"), "line 1: names 2 columns"),
    ("no rows", submission(), "has no row for Images/skirt/d.jpg (line 2 of"),
    ("a row twice", submission(row("d"), row("d")), "line 3, column image_id: 'Images/skirt/d.jpg' stands in line 2"),
    ("an unknown row", submission(row("d"), row("e")), "line 3, column image_id: Images/skirt/e.jpg is not among"),
    ("another category", submission(row("d").replace(",skirt,", ",dress,")), "line 2, column image_category: dress"),
    ("no category", submission(row("d").replace(",skirt,", ",hat,")), "line 2, column image_category: 'hat'"),
    ("letters", submission(row("d", hemline_left="a_b_1")), "line 2, column hemline_left: 'a_b_1' is no point"),
    ("fractions", submission(row("d", hemline_left="1.5_2_1")), "line 2, column hemline_left: '1.5_2_1' is no point"),
    ("a short row", submission(row("d")[:-9]), "line 2: has 25 fields where the header has 26"),
    ("a column missing", submission(row("d")).replace(",crotch", ",crotsch", 1), "line 1, column 'crotsch'"),
    ("an empty file", "", "is empty"),
    ("no text", "\x00\x01\x02", "line 1"),
]


@pytest.mark.parametrize(
    ("text", "names"), [fault[1:] for fault in SUBMISSIONS], ids=[fault[0] for fault in SUBMISSIONS]
)
@pytest.mark.parametrize("tool", ["score", "check_submission"])
def test_a_faulty_submission_is_named(program, data, tmp_path, capsys, tool, text, names):
    path = tmp_path / "submission.csv"
    path.write_text(text)
    truth = tmp_path / "answer.csv"
    truth.write_text(submission(row("d")))
    other = f"--ground_truth={truth}" if tool == "score" else f"--test_csv={data / 'test_0/test.csv'}"
    assert program(f"tools/{tool}.py", f"--prediction={path}", other) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert all(line.startswith(f"{tool}.py: {path}: ") for line in lines), lines
    assert names in lines[0]


@pytest.mark.parametrize(
    "text",
    [
        submission(row("d")).replace("\n", "\r\n"),
        "\ufeff" + submission(row("d")),
        "\n".join(",".join(reversed(line.split(","))) for line in submission(row("d")).splitlines()),
    ],
    ids=["CRLF", "BOM", "columns in another order"],
)
def test_what_people_also_write_is_accepted(program, data, tmp_path, text):
    path = tmp_path / "submission.csv"
    path.write_text(text, newline="")
    words = (f"--prediction={path}", f"--test_csv={data / 'test_0/test.csv'}")
    assert program("tools/check_submission.py", *words) == 0


def test_the_real_bad_header_is_refused(program, tmp_path, capsys):
    """The file that a team handed in, or one like it: two column names over rows of 26 fields."""
    path = Path(os.environ.get("FASHION_DATA", "")) / "round1_test_a" / "submission_bad_header.csv.gz"
    if not path.exists():
        path = tmp_path / "submission.csv"
        path.write_text(submission(*(row(str(number)) for number in range(30)), header="image_id,image_category"))
    words = (f"--prediction={path}", f"--ground_truth={path}")
    assert program("tools/score.py", *words) == 1
    assert capsys.readouterr().err == (
        f"score.py: {path}: line 1: names 2 columns where the rows have 26: "
        "expected image_id, image_category and the 24 keypoints of the schema fashionai\n"
    )
