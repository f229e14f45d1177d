"""One or two of the kills of `kill_points.py` for each program; by hand it kills at all of the changes."""

import os
import signal
import subprocess
import sys

import pytest
from kill_points import TESTS, scenarios

ONE_KILL = ("swa", "swa_without_validation", "seq_train")  # trainings, as the one with two


@pytest.mark.parametrize("name", scenarios())
def test_what_a_kill_cut_off_ends_as_if_undisturbed(tmp_path, name):
    kills = 1 if name in ONE_KILL else 2  # the second one in the middle of a write
    command = [
        sys.executable,
        TESTS / "kill_points.py",
        f"--output_dir={tmp_path}",
        f"--scenarios={name}",
        f"--points={kills}",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        output, errors = process.communicate()
    finally:
        if process.poll() is None:  # at pytest's time limit: with its forks, or they would go on
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, output + errors
    assert output.endswith(f" {kills} kills, 0 ended differently\n"), output
