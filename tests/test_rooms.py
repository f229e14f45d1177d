"""Imports point one way through the rooms, and in no circles: the folder listing shows the data flow."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each may import from itself and from those before it.
ROOMS = ("base", "net", "preprocessing", "utility", "configs", "tools")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
}


def imported(module, everywhere):
    """Returns the modules of the rooms that a module imports: when it is imported, or anywhere in it."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & FILES.keys()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_the_rooms_below_it(room):
    above = ROOMS[ROOMS.index(room) + 1 :]
    own = [module for module in FILES if module.split(".")[0] == room]
    assert own
    found = [(module, name) for module in own for name in imported(module, everywhere=True)]
    assert [pair for pair in found if pair[1].split(".")[0] in above] == []


def test_no_modules_import_each_other_in_a_circle():
    graph = {module: imported(module, everywhere=False) - {module} for module in FILES}
    assert sum(map(len, graph.values())) > len(FILES)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError
