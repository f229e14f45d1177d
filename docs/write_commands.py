"""Writes docs/commands.md: what every program's --help says. Run it after a change of a flag or a program's docstring.

python docs/write_commands.py
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "commands.md"
_RUNS = re.compile(r"^    (command_line|training_program)\.run\(", re.MULTILINE)
_HEADER = """# The programs and their flags

Made by `python docs/write_commands.py` from the programs' own `--help`. Every program also takes `--flagfile` with a
recipe of `configs/`: a file of flags, one on each line. What stands later on the command line wins.
"""


def programs():
    """Returns the programs' paths below the root, those of the top level first."""
    found = [path for folder in (".", "tools", "demos") for path in sorted((ROOT / folder).glob("*.py"))]
    return [path.relative_to(ROOT) for path in found if _RUNS.search(path.read_text(encoding="utf-8"))]


def page():
    """Returns the text of the page."""
    return "\n".join([_HEADER, *(f"## {path}\n\n```text\n{_help(path)}\n```\n" for path in programs())])


def _help(path):
    words, own = [sys.executable, ROOT / path, "--help"], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=own, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
