"""The command line's promises: what is accepted, what each error says, and the exit codes."""

import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from base.errors import DataError, DataErrors, UsageError
from base.files import atomic_write
from base.version import VERSION
from configs import command_line
from configs.flag_table import GROUPS

ROOT = Path(__file__).parents[2]
FLAGS = ["net", "training", "model_dir"]
FILES = sorted([*ROOT.glob("*.py"), *ROOT.glob("tools/*.py"), *ROOT.glob("demos/*.py")])
PROGRAMS = [path for path in FILES if "__main__" in path.read_text()]


def parse(*words, **kwargs):
    return command_line.parse(["program.py", *words], FLAGS, **kwargs)


def run(capsys, main, *words):
    with pytest.raises(SystemExit) as stop:
        command_line.run(main, "What it does.", FLAGS, ["model_dir"], argv=["program.py", *words])
    return stop.value.code, capsys.readouterr()


def test_values_have_their_kinds():
    flags = parse("--batch_size=3", "--decay_boundaries=4,8", "--nouse_ohkm", "--learning_rate=1e-2")
    assert flags.batch_size == 3
    assert flags.decay_boundaries == [4.0, 8.0]
    assert flags.use_ohkm is False
    assert flags.learning_rate == 0.01
    assert flags.given == {"batch_size", "decay_boundaries", "use_ohkm", "learning_rate"}


def test_later_value_wins_also_over_a_recipe(tmp_path):
    recipe = tmp_path / "recipe.cfg"
    recipe.write_text("# a comment\n--batch_size=5\n")
    assert parse("--batch_size=3", f"--flagfile={recipe}").batch_size == 5
    assert parse(f"--flagfile={recipe}", "--batch_size=3").batch_size == 3


def test_a_nul_in_a_value_is_wrong_usage(tmp_path):
    recipe = tmp_path / "recipe.cfg"
    recipe.write_bytes(b"--model_dir=a\0b\n")
    with pytest.raises(UsageError, match="--model_dir has a NUL"):
        parse(f"--flagfile={recipe}")


@pytest.mark.parametrize("first", ["# a comment\n", "  # a comment\n", "// a comment\n", "\n", ""])
def test_a_recipe_may_begin_with_the_mark_of_windows_editors(tmp_path, first):
    recipe = tmp_path / "recipe.cfg"
    recipe.write_text(f"{first}--batch_size=5\n", encoding="utf-8-sig")
    (tmp_path / "other.cfg").write_text(f"--flagfile={recipe}\n", encoding="utf-8-sig")
    for flagfile in (recipe, tmp_path / "other.cfg"):
        assert parse(f"--flagfile={flagfile}").batch_size == 5


def test_recipe_may_name_flags_of_other_programs(tmp_path):
    recipe = tmp_path / "recipe.cfg"
    recipe.write_text("--flip_on_test\n--batch_size=5\n")
    flags = parse(f"--flagfile={recipe}")
    assert flags.batch_size == 5
    assert not hasattr(flags, "flip_on_test")


def test_recipe_may_not_name_flags_of_no_program(tmp_path):
    recipe = tmp_path / "recipe.cfg"
    recipe.write_text("--batch_sise=5\n")
    with pytest.raises(UsageError, match="batch_sise"):
        parse(f"--flagfile={recipe}")


def test_misspelling_of_2018_is_an_alias():
    assert parse("--feats_channals=64").feats_channels == 64


def test_the_reference_s_way_of_writing_flags():
    """Its scripts write `--flag value`, `--flag=value`, and booleans as words."""
    words = "--data_dir R --model_dir=M --model_to_train skirt,dress --feats_channals 64 --use_ohkm=False -batch_size 4"
    words += " --train_image_size=256 --heatmap_size 64 --heatmap_sigma=1 --bbox_border=25.0 --train_epochs 50"
    words += " --epochs_per_eval=20 --num_stacks=8 --num_modules 1 --learning_rate=1e-4 --end_learning_rate=1e-6"
    words += " --warmup_learning_rate=1e-5 --warmup_steps=100 --decay_boundaries=2,3 --lr_decay_factors=1,0.5,0.1"
    words += " --weight_decay=0.0 --mse_weight=1.0 --momentum=0.0 --data_format=channels_last --tf_random_seed=20180417"
    words += " --checkpoint_path CKPT --checkpoint_model_scope=a --model_scope b --checkpoint_exclude_scopes=b/c"
    words += " --ignore_missing_vars=True --seq_train=True --num_readers=16 --num_preprocessing_threads=48"
    flags = command_line.parse(["program.py", *words.split()], ["net", *command_line.TRAINING_GROUPS])
    assert (flags.feats_channels, flags.use_ohkm, flags.batch_size, flags.seq_train) == (64, False, 4, True)
    assert (flags.model_to_train, flags.ignore_missing_vars) == (["skirt", "dress"], True)
    assert (flags.train_epochs, flags.checkpoint_exclude_scopes) == (50, ["b/c"])


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("--no_such_flag=1", "no_such_flag"),
        ("--batch_size=0", "batch_size"),
        ("--batch_size=two", "batch_size"),
        ("--optimizer=sgdd", "optimizer"),
        ("--decay_boundaries=1,x", "decay_boundaries"),
        ("--flip_on_test", "other programs"),
        ("--flagfile=missing.cfg", "missing.cfg"),
        ("stray", "stray"),
        ("--=\x1e", "stray"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(capsys, word, named):
    code, output = run(capsys, lambda flags: None, "--model_dir=x", word)
    assert code == 2
    assert output.err.count("\n") == 1
    assert output.err.startswith("program.py: ")
    assert named in output.err


def write_recipe(folder, kind):
    """Returns the path of a recipe that cannot be read, of some kind."""
    path = folder / "0.cfg"
    if kind == "a device":
        return "/dev/zero"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a huge file":
        with open(path, "wb") as file:
            file.truncate(10**12)
    elif kind == "a long chain":
        for number in range(1100):
            (folder / f"{number}.cfg").write_text(f"--flagfile={folder}/{number + 1}.cfg\n")
    elif kind == "a tree":
        for number in range(60):
            (folder / f"{number}.cfg").write_text(f"--flagfile={folder}/{number + 1}.cfg\n" * 2)
        (folder / "60.cfg").touch()
    else:
        path.write_bytes({"UTF-16": b"\xff\xfe-\0-\0", "NUL": b"--flagfile=a\0b", "itself": b"--flagfile=0.cfg"}[kind])
    return path


@pytest.mark.parametrize(
    "kind", ["UTF-16", "NUL", "itself", "a long chain", "a tree", "a huge file", "a pipe", "a device"]
)
def test_a_recipe_that_cannot_be_read_is_one_line(capsys, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, kind)
    code, output = run(capsys, lambda flags: None, "--model_dir=x", f"--flagfile={os.path.relpath(recipe)}")
    assert (code, output.err.count("\n")) == (2, 1)
    assert output.err.startswith("program.py: --flagfile=")
    assert "expected " in output.err


@pytest.mark.parametrize("flag", [flag for flag in GROUPS["training"] if flag.kind in ("int", "float")])
def test_no_number_of_a_training_is_too_large_to_count_with(capsys, flag):
    if flag.kind == "int" or "epoch" in flag.name:
        code, output = run(capsys, lambda flags: None, "--model_dir=x", f"--{flag.name}={10**30}")
        assert (code, output.err.count("\n")) == (2, 1)
        assert flag.name in output.err


def test_required_flag(capsys):
    code, output = run(capsys, lambda flags: None)
    assert code == 2
    assert "--model_dir is required" in output.err


def test_subcommand_is_required_where_there_are_some():
    assert parse("input", subcommands=("input", "train")).subcommand == "input"
    with pytest.raises(UsageError, match="input, train"):
        parse(subcommands=("input", "train"))


def test_data_error_exits_1(capsys):
    def main(flags):
        raise DataError("data.csv", "line 3, column crotch", "'x' is no point: expected x_y_v")

    code, output = run(capsys, main, "--model_dir=x")
    assert code == 1
    assert output.err == "program.py: data.csv: line 3, column crotch: 'x' is no point: expected x_y_v\n"


def test_many_faults_are_a_line_each_up_to_twenty(capsys):
    def main(flags):
        raise DataErrors([DataError("data.csv", f"line {number}", "is wrong") for number in range(2, 27)])

    code, output = run(capsys, main, "--model_dir=x")
    lines = output.err.splitlines()
    assert code == 1
    assert len(lines) == 21
    assert lines[0] == "program.py: data.csv: line 2: is wrong"
    assert "25 in all" in lines[-1]


def test_interrupt_exits_130(capsys):
    def main(flags):
        raise KeyboardInterrupt

    assert run(capsys, main, "--model_dir=x")[0] == 130


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_a_library_turned_into_an_error_still_ends_the_program_as_asked(capsys, number, code):
    def main(flags):
        try:
            signal.raise_signal(number)
        except BaseException as error:
            raise RuntimeError("MISMATCH of original and normalized active exception types") from error

    assert run(capsys, main, "--model_dir=x")[0] == code


PRINTING = """
import os, sys, time
from configs import command_line

def main(flags):
    print("the first model", flush=True)
    {rest}

command_line.run(main, "Prints.", [], argv=["program.py"])
"""


def run_and_leave(rest, stream):
    """Runs a program, reads its first line, leaves, and returns its exit code and what it said on stderr."""
    words = [sys.executable, "-c", PRINTING.format(rest=rest)]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"the first model\n"
    getattr(process, stream).close()
    process.stdin.close()  # the program goes on when its input ends
    errors = b"" if stream == "stderr" else process.stderr.read()
    return process.wait(timeout=60), errors.decode()


@pytest.mark.parametrize(
    ("rest", "stream"),
    [
        ("sys.stdin.read(); print('the second', flush=True); print('trained')", "stdout"),
        ("sys.stdin.read(); print('the second')", "stdout"),  # met when the program ends
        ("sys.stdin.read(); print('x' * 1000000)", "stdout"),
        ("sys.stdin.read(); print('step 5', file=sys.stderr, flush=True)", "stderr"),
    ],
)
def test_output_whose_reader_left_is_not_success(rest, stream):
    assert run_and_leave(rest, stream) == (141, "")


def test_a_broken_pipe_that_is_not_the_outputs_is_an_error():
    rest = "read, write = os.pipe(); os.close(read); os.write(write, b'work for a helper')"
    done = subprocess.run(
        [sys.executable, "-c", PRINTING.format(rest=rest)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, "program.py: the machine: Broken pipe\n")


def test_an_error_that_nobody_reads_keeps_its_exit_code():
    rest = "sys.stdin.read(); from base.errors import DataError; raise DataError('data.csv', None, 'is wrong')"
    assert run_and_leave(rest, "stderr")[0] == 1


def test_an_error_without_a_signal_is_not_hidden(capsys):
    def main(flags):
        raise RuntimeError("a fault of the program")

    with pytest.raises(RuntimeError, match="a fault of the program"):
        run(capsys, main, "--model_dir=x")


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_of_every_program(program):
    code = "import sys, runpy; sys.argv[1:] = ['--help']; path = sys.argv[0] = %r\n"
    code += "try: runpy.run_path(path, run_name='__main__')\n"
    code += "finally: assert 'tensorflow' not in sys.modules, 'the help imports TensorFlow'"
    result = subprocess.run([sys.executable, "-c", code % str(program)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "usage:" in result.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_version_of_every_program(capsys, program, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(program), "--version"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(program), run_name="__main__")
    assert (stop.value.code, capsys.readouterr().out) == (0, f"{VERSION}\n")


def test_packages_have_the_version_of_the_code():
    text = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in text
    assert 'version = { attr = "base.version.VERSION" }' in text
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", VERSION)


def test_a_training_starts_from_what_its_net_declares():
    help_text = subprocess.run([sys.executable, "train_cpn.py", "--help"], cwd=ROOT, capture_output=True, text=True)
    for line in (
        "--train_image_size (default 384)",
        "--learning_rate (default 0.0001)",
        "--backbone (default resnet50)",
    ):
        assert line in help_text.stdout
    assert "--num_stacks" not in help_text.stdout


def test_only_command_line_reads_flags():
    users = [
        path.relative_to(ROOT).as_posix()
        for folder in ("base", "net", "preprocessing", "utility", "tools", "configs")
        for path in (ROOT / folder).rglob("*.py")
        if "absl" in path.read_text() and "import flags" in path.read_text()
    ]
    assert users == ["configs/command_line.py"]


def test_a_flag_that_lets_others_be_unknown_is_unknown_in_recipes_too(tmp_path):
    recipe = tmp_path / "recipe.cfg"
    recipe.write_text("--undefok=foo\n")
    for words in (["--undefok=foo", "--foo=1"], ["--undefok", "foo"], [f"--flagfile={recipe}", "--foo=1"]):
        with pytest.raises(UsageError, match="Unknown command line flag 'undefok'"):
            parse(*words)


@pytest.mark.parametrize(
    ("output", "same"),
    [("Ro\u0308cke.csv", True), ("R\u00f6cke.csv", True), ("./R\u00f6cke.csv", True), ("Rocke.csv", False)],
)
def test_an_output_is_no_input_however_its_letters_are_composed(output, same):
    words = ["program.py", "--prediction=R\u00f6cke.csv", f"--output={output}"]
    if same:
        with pytest.raises(UsageError, match="is the file of --prediction, too"):
            command_line.parse(words, ["prediction", "output"])
    else:
        assert command_line.parse(words, ["prediction", "output"]).output == output


def test_a_file_whose_name_is_composed_otherwise_stays_what_it_is(tmp_path):
    names = [f"{tmp_path}/R\u00f6cke.csv", f"{tmp_path}/Ro\u0308cke.csv"]
    for name in names:
        with atomic_write(name, encoding="utf-8") as file:
            file.write(name)
    one_file = os.path.samefile(*names)  # as macOS has it
    assert [Path(name).read_text(encoding="utf-8") for name in names] == ([names[1]] * 2 if one_file else names)
    assert len(os.listdir(tmp_path)) == (1 if one_file else 2)


def test_a_working_folder_that_was_removed_is_named(tmp_path, capsys, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("PWD", str(gone))
    gone.rmdir()
    code, output = run(capsys, lambda flags: None, "--model_dir=x")
    assert code == 1
    assert output.err == f"program.py: {gone}: is no folder any more: expected a working folder that is there\n"
