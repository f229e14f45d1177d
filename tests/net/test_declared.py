"""A net's or backbone's file that is not as it should be is named in one line."""

import importlib

import pytest

from base.errors import DataError
from net import declared

HEAD = """
import dataclasses
from base.options import option
from net.declarations import Backbone

@dataclasses.dataclass(frozen=True)
class Options:
    {options}

"""
NUMBER = 'pyramid_depth: int = option(4, "Levels.")'
FAULTS = {  # what is wrong: (the options, what stands below them, what the line says)
    "no syntax": (NUMBER, "BACKBONES = {", "line 10: SyntaxError"),
    "an unknown name": (NUMBER, "BACKBONES = {'pyramid': Backbones(None, Options)}", "line 10: NameError"),
    "an import": (NUMBER, "import no_such_module", "line 10: ModuleNotFoundError"),
    "an exit": (NUMBER, "raise RuntimeError('two\\nlines')", "line 10: RuntimeError: two"),
    "nothing": (NUMBER, "", "does not define BACKBONES"),
    "a list": (NUMBER, "BACKBONES = [Options]", "BACKBONES: expected {name: Backbone}, got"),
    "no Backbone": (NUMBER, "BACKBONES = {'pyramid': Options}", "BACKBONES, pyramid: expected a net.declarations"),
    "no dataclass": (NUMBER, "BACKBONES = {'pyramid': Backbone(None, int)}", "BACKBONES, pyramid: options: "),
    "a type": ("pyramid_depths: list = option(4, '')", None, "options: the option pyramid_depths is of <class 'list'>"),
    "an unknown type": ("pyramid_depth: 'Deep' = option(4, '')", None, "options: name 'Deep' is not defined"),
    "a name": ("depth: int = option(4, '')", None, "the option depth: expected a name that begins with pyramid_"),
    "a net's name": ("batch_size: int = option(4, '')", None, "the option batch_size: expected a name that begins"),
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a backbone's file into a package of its own; returns the package's name and the file's path."""

    def write_file(options, rest):
        folder = tmp_path / f"backbones_of_{tmp_path.name}"
        folder.mkdir()
        rest = "BACKBONES = {'pyramid': Backbone(None, Options)}" if rest is None else rest
        (folder / "pyramid.py").write_text(HEAD.format(options=options) + rest + "\n")
        importlib.invalidate_caches()
        return folder.name, folder / "pyramid.py"

    monkeypatch.syspath_prepend(tmp_path)
    return write_file


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file(write, fault):
    options, rest, says = FAULTS[fault]
    package, path = write(options, rest)
    with pytest.raises(DataError, match=says) as error:
        declared.load_backbones(package, "pyramid")
    (line,) = error.value.lines()
    assert line.startswith(f"{path}: ")
    assert "expected" in line


def test_a_file_in_order(write):
    package, _ = write(NUMBER, None)
    assert list(declared.load_backbones(package, "pyramid")) == ["pyramid"]


def test_a_net_s_file_without_a_net(write):
    package, path = write(NUMBER, "NET = Options")
    with pytest.raises(DataError, match="pyramid.py: NET: expected a net.declarations.Net, got"):
        declared.load_net(package, "pyramid")
