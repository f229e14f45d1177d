"""What goes wrong while a program imports its modules is said in one line, too."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(program, *path):
    """Returns a program's exit code and what it said on stderr; `path` is where modules are looked for first."""
    command = [sys.executable, program, "--help"]
    environment = {"PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "meets", ["raise_signal(SIGINT)", "raise_signal(SIGINT)\nexcept KeyboardInterrupt: raise ImportError('absl')"]
)
@pytest.mark.parametrize("program", ["train_hg.py", "tools/score.py", "demos/draw_outlines.py"])
def test_ctrl_c_while_modules_are_imported(tmp_path, program, meets):
    # absl is the first module that every program takes from elsewhere.
    own = "signal(SIGINT, default_int_handler)"  # whoever runs the tests in the background ignores Ctrl-C for them
    (tmp_path / "absl.py").write_text(f"from signal import *\n{own}\ntry: {meets}\nfinally: pass\n")
    code, errors = run(ROOT / program, tmp_path, ROOT)
    assert (code, errors) == (130, f"{Path(program).name}: interrupted\n")


def test_a_backbone_s_file_with_an_error(tmp_path):
    for folder in ("base", "configs", "net", "preprocessing", "utility"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "train_hg.py", tmp_path)
    file = tmp_path / "net" / "backbones" / "pyramid.py"
    file.write_text("import dataclasses\n\n@dataclass\nclass Options: ...\n")
    code, errors = run(tmp_path / "train_hg.py", tmp_path)
    right = "expected a file as CONTRIBUTING.md shows one"
    assert code == 1
    assert errors == f"train_hg.py: {file}: line 3: NameError: name 'dataclass' is not defined: {right}\n"


def test_the_errors_of_other_programs_are_theirs(tmp_path):
    program = tmp_path / "mine.py"
    program.write_text("import base\nfrom base.errors import DataError\nraise DataError('a', 'b', 'c')\n")
    code, errors = run(program, ROOT)
    assert code == 1
    assert errors.startswith("Traceback")
