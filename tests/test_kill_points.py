"""A few of the kills of `kill_points.py`, spread over each program's changes; by hand it kills at all of them."""

import subprocess
import sys

import pytest
from kill_points import TESTS


@pytest.mark.parametrize("words", [("--points=3",), ("--points=2", "--torn")], ids=["between", "torn"])
def test_what_a_kill_cut_off_ends_as_if_undisturbed(tmp_path, words):
    program = [sys.executable, TESTS / "kill_points.py", f"--output_dir={tmp_path}", *words]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 7
    assert all(line.endswith(" 0 ended differently") for line in lines)
    assert sum(int(line.split(" changes, ")[1].split()[0]) for line in lines) >= 2 * len(lines)
