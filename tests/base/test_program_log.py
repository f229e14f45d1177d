"""The rooms log and raise; they neither print nor exit, and as a library they are silent unless somebody listens."""

import ast
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from base import program_log
from base.progress import Progress

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted(path for room in ("base", "net", "preprocessing", "utility") for path in (ROOT / room).rglob("*.py"))
ALLOWED = {
    ("base/program_log.py", "print"),  # the one place where lines of a program come from
    ("base/errors.py", "print"),  # `complain`, for what ends one
    ("base/early_errors.py", "sys.exit"),  # the hook of a program that ends before it has begun
    ("utility/training/hooks.py", "sys.exit"),  # SIGTERM came: the program ends as it would have, after a checkpoint
}


def calls(path):
    """Returns the names of the functions that a module calls, `print` or `sys.exit`."""
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {ast.unparse(node.func) for node in found if isinstance(node, ast.Call)}


def test_no_room_prints_or_exits():
    assert len(MODULES) > 80
    forbidden = {"print", "sys.exit", "exit", "quit", "os._exit", "sys.stdout.write", "sys.stderr.write"}
    found = {(str(path.relative_to(ROOT)), call) for path in MODULES for call in calls(path) & forbidden}
    assert found == ALLOWED


@pytest.fixture
def rooms():
    """Leaves the loggers as they were."""
    former = {name: (logging.getLogger(name).level, logging.getLogger(name).propagate) for name in program_log._ROOMS}
    handlers = {name: logging.getLogger(name).handlers[:] for name in former}
    yield former
    for name, (level, propagate) in former.items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.propagate, logger.handlers = propagate, handlers[name]


def test_a_program_shows_each_line_once_where_stderr_is(rooms, capsys):
    program_log.show()
    program_log.show()
    for room in rooms:
        logging.getLogger(f"{room}.module").info("%s: 100 %% of it", room)
    assert capsys.readouterr().err == "".join(f"{room}: 100 % of it\n" for room in rooms)


def test_a_library_shows_no_progress():
    """In a process of its own, on a terminal's and a log's behalf: nobody has called `show`."""
    code = "from base.progress import Progress\nwith Progress('photos', 3) as p:\n    p._last_line = -1e9\n    p.step()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_programs_progress_is_a_line_now_and_then(rooms, capsys):
    program_log.show()
    with Progress("photos", 4) as progress:
        progress._last_line -= 60
        progress.step()
        progress.step()
    assert capsys.readouterr().err == "1 of 4 photos, 3.0 minutes left\n"


def test_a_reader_who_left_ends_the_program():
    """As print does: a handler of logging's own would swallow it."""
    code = (
        "import logging, sys\nfrom base import program_log\nprogram_log.show()\nsys.stdin.read()\n"
        "try:\n    logging.getLogger('utility').info('a line')\nexcept BrokenPipeError:\n    sys.exit(7)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stderr.close()
    process.stdin.close()
    assert process.wait(60) == 7
