"""Every recipe trains, and every command and flag that the documents show is one that its program takes.

Nothing is listed here: the commands are found in the documents, the recipes in their folder.
"""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from fashionai import SCHEMA

from configs import command_line, cross_checks, flag_table
from preprocessing.data import manifest
from tools import make_synthetic_data

ROOT = Path(__file__).parent.parent.parent
RECIPES = sorted(path.name for path in (ROOT / "configs").glob("*.cfg"))
DOCUMENTS = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "demos").glob("*.md")]
SOURCES = [*DOCUMENTS, *(ROOT / "configs").glob("*.cfg"), *(ROOT / "demos").glob("*.sh"), ROOT / "Dockerfile"]
SOURCES += [path for folder in (".", "tools", "demos") for path in (ROOT / folder).glob("*.py")]
WITHOUT_FLAGS = {"tools/slurm_tf_config.py"}
ENDS = {"|", "||", "&&", ";", ">", "2>", "&", "…"}  # of a command in a line of shell


def find_commands():
    """Returns [(where, program, [word])] of every `python <program> <flags>` in documents, recipes and docstrings."""
    found = []
    for path in sorted(SOURCES):
        text = re.sub(r"\\\n#?", " ", path.read_text(encoding="utf-8"))
        for line in text.splitlines():
            line = re.sub(r'"?\$\(([^)]*)\)"?', r"\1 ; ", line)  # a command in a command
            for program, rest in re.findall(r"\bpython3? ((?:\w+/)*\w+\.py)\b([^`]*)", line):
                rest = re.sub(r"\[(--[^]]*)\]", r"\1", rest)  # brackets say that a flag may be left out
                words = shlex.split(rest, comments=True)
                end = next((number for number, word in enumerate(words) if word in ENDS), len(words))
                found.append((path.name, program, words[:end]))
    return found


COMMANDS = find_commands()


class Parsed(Exception):
    """Ends a program when its command line is parsed."""


def parse(program, words, monkeypatch):
    """Returns the flags of a command line as the program itself parses them, without running it."""

    def only_parse(main, doc, flags, required=(), defaults=None, subcommands=(), **_):
        raise Parsed(command_line.parse(sys.argv, flags, required, defaults, subcommands))

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(command_line, "run", only_parse)
    monkeypatch.setattr(sys, "argv", [program, *words])
    with pytest.raises(Parsed) as parsed:
        runpy.run_path(str(ROOT / program), run_name="__main__")
    return parsed.value.args[0]


def test_the_commands_are_found():
    assert len(COMMANDS) >= 35
    assert {"README.md", "your_own_data.md", "quickstart.sh", "laptop.cfg", "browse.py"} <= {
        where for where, *_ in COMMANDS
    }
    assert ("quickstart.sh", "train_hg.py") in {(where, program) for where, program, _ in COMMANDS}
    assert any("--weights=resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5" in words for *_, words in COMMANDS)


@pytest.mark.parametrize(("where", "program", "words"), COMMANDS)
def test_a_command_is_taken_by_its_program(where, program, words, monkeypatch):
    assert (ROOT / program).is_file()
    if program.startswith("docs/"):
        assert not words  # docs/write_commands.py has no flags
    elif words or (where.endswith(".md") and program not in WITHOUT_FLAGS):
        parse(program, words or ["--data_dir=RECORDS", "--model_dir=MODELS"], monkeypatch)


def spans():
    """Returns [(document, flag as it stands there)] of the flags within the documents' inline code."""
    found = []
    for path in DOCUMENTS:
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for span in re.findall(r"`([^`]+)`", text):
            found += [(path.name, flag) for flag in re.findall(r"(?:^|\s)(--\w+(?:=\S+)?)", span)]
    return sorted(set(found))


def test_every_flag_that_the_documents_name_is_one_and_takes_the_value():
    assert len(spans()) > 30
    foreign = {"--help", "--flags", "--labelflags", "--logdir"}  # everybody's, labelme's, TensorBoard's
    wrong = []
    for where, flag in spans():
        name, _, value = flag.lstrip("-").partition("=")
        if f"--{name}" in foreign or flag.startswith("--flagfile"):
            continue
        if name not in flag_table.FLAGS:
            wrong.append((where, flag))
        elif value not in ("", "…", "hat"):  # the hat is the documents' example of one's own category
            command_line.parse(["program", flag], [name])
    assert not wrong


def trainers():
    """Returns {recipe: the program that a document's command trains it with}."""
    found = {}
    for _, program, words in COMMANDS:
        for word in words:
            name = word.partition("--flagfile=configs/")[2]
            if name and program.startswith("train_"):
                found.setdefault(name, set()).add(program)
    return found


def test_a_prediction_takes_the_flags_of_its_recipe(monkeypatch):
    predictions = [(program, words) for _, program, words in COMMANDS if program in ("eval_all.py", "tools/predict.py")]
    with_recipe = [(program, words) for program, words in predictions if any("--flagfile" in word for word in words)]
    assert len(with_recipe) >= 2
    for program, words in with_recipe:
        flags = parse(program, words, monkeypatch)
        cross_checks.check_inference(flags)
        assert flags.two_pass


def test_every_recipe_has_a_command_of_one_program():
    assert sorted(trainers()) == RECIPES
    assert {len(programs) for programs in trainers().values()} == {1}


@pytest.fixture(scope="module")
def drawn_records(tmp_path_factory, program):
    folder = tmp_path_factory.mktemp("recipes")
    make_synthetic_data.write_data_set(str(folder / "DATA"), 4, 0, 96, 0, SCHEMA, 1)
    words = (f"--data_dir={folder / 'DATA'}", f"--output_dir={folder / 'RECORDS'}", "--val_fraction=0.25")
    assert program("tools/convert_tfrecords.py", *words) == 0
    assert set(manifest.verify(folder / "RECORDS", ["skirt", "dress"]).values()) == {(3, 1)}
    return folder / "RECORDS"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_trains(recipe, drawn_records, program, monkeypatch, tmp_path, capfd):
    """Three steps on small photos. The widths of the net, its loss, optimiser and augmentation are its own."""
    (trainer,) = trainers()[recipe]
    where = [f"--flagfile=configs/{recipe}", f"--data_dir={drawn_records}", f"--model_dir={tmp_path}"]
    own = parse(trainer, where, monkeypatch)
    monkeypatch.undo()
    monkeypatch.chdir(ROOT)
    # No validation: half the graphs to build.
    short = ["--max_steps=3", "--batch_size=2", "--train_image_size=64", "--val_fraction=0"]
    if hasattr(own, "heatmap_size"):
        short.append(f"--heatmap_size={64 * own.heatmap_size // own.train_image_size}")
    if hasattr(own, "num_stages"):  # of which each has a net and a phase of its own
        short += ["--num_stages=1", "--fc_channels=64"]
    category = own.model_to_train[0] if len(own.model_to_train) == 1 else "skirt"
    short.append(f"--model_to_train={category}")
    if getattr(own, "num_stacks", 1) > 2:
        short.append("--num_stacks=2")
    assert program(trainer, *where, *short) == 0, capfd.readouterr().err
    assert (tmp_path / category / "model.ckpt-3.index").exists()
    assert f"{category}: no validation, model " in capfd.readouterr().err
