"""Which Python `demos/environment.sh` takes, on made-up machines of small scripts in place of Pythons and uv."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]

# A Python that knows its version, makes virtual environments (unless it lacks the module), and notes what pip is asked.
PYTHON = """#!/bin/bash
case "$1 $2" in
  "-c "*)
    read low high < <(sed -E 's/.*\\(3, ([0-9]+)\\) <= .* <= \\(3, ([0-9]+)\\).*/\\1 \\2/' <<<"$2")
    [ {venv} = yes ] && [ {minor} -ge "$low" ] && [ {minor} -le "$high" ] ;;
  "--version ") echo "Python 3.{minor}.0" ;;
  "-m venv")
    [ {venv} = yes ] || exit 1
    folder="${{@: -1}}"
    mkdir -p "$folder/bin" && cp "$0" "$folder/bin/python"
    echo 'export VIRTUAL_ENV=$PWD/'"$folder"'; PATH=$VIRTUAL_ENV/bin:$PATH' >"$folder/bin/activate" ;;
  "-m pip")
    echo "3.{minor} $*" >>"$PIP_LOG"
    if [ "${{@: -1}}" = uv ]; then [ -n "$UV" ] && cp "$UV" "$(dirname "$0")/uv"; fi ;;
esac
"""

# A uv that brings the Python that it is asked for, and installs into the environment that is active.
UV = """#!/bin/bash
if [ "$1" = pip ]; then echo "$("$VIRTUAL_ENV/bin/python" --version) uv $*" >>"$PIP_LOG"; exit; fi
minor=$(sed -E 's/.*--python 3\\.([0-9]+).*/\\1/' <<<"$*")
sed "s/{minor}/$minor/g" "$TEMPLATE" >"$SCRATCH/brought" && chmod +x "$SCRATCH/brought"
exec "$SCRATCH/brought" -m venv "${@: -1}"
"""


def _script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


def _machine(folder, pythons, uv=False, pypi=False):
    """Returns the environment of a machine: Pythons {minor: whether it has venv}, whether uv and PyPI are there."""
    programs, checkout = folder / "bin", folder / "checkout"
    programs.mkdir()
    shutil.copytree(ROOT / "demos", checkout / "demos", ignore=shutil.ignore_patterns("*.jpg", "*.py"))
    for name in ("pyproject.toml", "constraints-2.15.txt"):
        shutil.copy(ROOT / name, checkout)
    for program in ("bash", "cat", "cksum", "cp", "dirname", "mkdir", "mktemp", "rm", "sed", "chmod"):
        (programs / program).symlink_to(shutil.which(program))
    for minor, has_venv in pythons.items():
        text = PYTHON.format(minor=minor, venv="yes" if has_venv else "no")
        _script(programs / f"python3.{minor}", text)
        _script(programs / "python3", text)  # the last one named stays
    _script(folder / "template", PYTHON.format(minor="{minor}", venv="yes"))
    kept = _script(folder / "uv", UV)
    if uv:
        shutil.copy(kept, programs)
    return {
        "PATH": str(programs),
        "PIP_LOG": str(folder / "pip.log"),
        "UV": str(kept) if pypi else "",
        "TEMPLATE": str(folder / "template"),
        "SCRATCH": str(folder),
        "TMPDIR": str(folder),
    }


def _run(folder, environment, **variables):
    """Sources the script in the machine's checkout; returns the process and the lines of pip's log."""
    done = subprocess.run(
        ["bash", "-c", "set -eu; extras=dev; source demos/environment.sh; python --version"],
        cwd=folder / "checkout",
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    log = Path(environment["PIP_LOG"])
    return done, log.read_text().splitlines() if log.exists() else []


@settings(derandomize=True, max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(6, 16), st.booleans(), max_size=5), st.booleans(), st.booleans())
@example({9: True, 13: True, 14: True}, False, False)
@example({13: False, 10: True}, False, False)
@example({14: True}, False, True)
def test_the_newest_fitting_python_or_uv(tmp_path_factory, pythons, uv, pypi):
    folder = tmp_path_factory.mktemp("machine")
    done, installed = _run(folder, _machine(folder, pythons, uv, pypi))
    fitting = [minor for minor, has_venv in pythons.items() if has_venv and 9 <= minor <= 13]
    # uv is fetched with the machine's own python3, which is the last one of the dictionary
    fetched = pypi and bool(pythons) and list(pythons.values())[-1]
    if fitting or uv or fetched:
        expected = max(fitting, default=13)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == f"Python 3.{expected}.0"
        assert installed[-1].startswith(f"Python 3.{expected}.0 uv pip" if uv else f"3.{expected} -m pip install")
        assert installed[-1].endswith("--editable .[dev]")
    else:
        assert done.returncode == 1
        assert "no Python fits" in done.stderr
        assert not (folder / "checkout" / ".venv").exists()
    left = {path.name for path in folder.iterdir()}
    assert left <= {"bin", "checkout", "template", "uv", "pip.log", "brought"}  # the folder of the fetched uv is gone


def test_nothing_is_installed_twice_until_the_project_changes(tmp_path):
    environment = _machine(tmp_path, {12: True})
    for _ in range(2):
        done, installed = _run(tmp_path, environment)
        assert done.returncode == 0, done.stderr
        assert len(installed) == 1
    with open(tmp_path / "checkout" / "pyproject.toml", "a") as file:
        file.write("# changed\n")
    assert len(_run(tmp_path, environment)[1]) == 2


@pytest.mark.parametrize("minor", [8, 14])
def test_an_active_environment_with_another_python_is_refused(tmp_path, minor):
    environment = _machine(tmp_path, {minor: True})
    (tmp_path / "bin" / "python").symlink_to(tmp_path / "bin" / f"python3.{minor}")
    done, installed = _run(tmp_path, environment, VIRTUAL_ENV=os.fspath(tmp_path))
    assert done.returncode == 1
    assert f"has Python 3.{minor}.0; expected Python 3.9 to 3.13" in done.stderr
    assert installed == []


def test_the_oldest_release_has_an_environment_of_its_own(tmp_path):
    environment = _machine(tmp_path, {11: True, 13: True})
    done, installed = _run(tmp_path, environment, release="2.15", VIRTUAL_ENV="/elsewhere")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Python 3.11.0"
    assert installed[0].endswith("--editable .[dev] --constraint constraints-2.15.txt")
    assert (tmp_path / "checkout" / ".venv-2.15").exists()
