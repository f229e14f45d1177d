"""One or two of the kills of `kill_points.py` for each program; by hand it kills at all of the changes."""

import os
import re
import signal
import subprocess
import sys

import pytest
from kill_points import TESTS, scenarios

pytestmark = pytest.mark.timeout(900)  # several programs each

ONE_KILL = ("swa", "swa_without_validation", "seq_train")  # trainings, as the one with two
TWO_KILLS = tuple(name for name in scenarios() if name not in ONE_KILL)  # the second one in the middle of a write


@pytest.mark.parametrize(("kills", "names"), [(1, ONE_KILL), (2, TWO_KILLS)])
def test_what_a_kill_cut_off_ends_as_if_undisturbed(tmp_path, kills, names):
    command = [
        sys.executable,
        TESTS / "kill_points.py",
        f"--output_dir={tmp_path}",
        f"--scenarios={','.join(names)}",
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
    ends = re.findall(r"^(\w+): \d+ changes, (\d+) kills, 0 ended differently$", output, re.MULTILINE)
    assert ends == [(name, str(kills)) for name in names], output
