"""Options are declared once, as fields of dataclasses."""

import dataclasses

import pytest

from base import options
from base.errors import DataError
from base.options import Option, option


@dataclasses.dataclass(frozen=True)
class Common:
    padding: str = option("same", "Where to pad.", choices=("same", "none"), of_weights=True)
    sure: bool = option(True, "Whether.")


@dataclasses.dataclass(frozen=True)
class Own(Common):
    width: int = option(64, "Channels.", low=8, high=1024, aliases=("widht",))
    rate: float = option(0.5, "A share.", low=0)
    below: object = None  # no option


@dataclasses.dataclass(frozen=True)
class Other(Common):
    padding: str = options.other_default(Common, "padding", "none")


def test_rows_are_the_fields_with_their_kinds_own_before_inherited():
    assert options.rows(Own) == (
        Option("width", "int", 64, "Channels.", 8, 1024, aliases=("widht",)),
        Option("rate", "float", 0.5, "A share.", 0),
        Option("padding", "str", "same", "Where to pad.", choices=("same", "none"), of_weights=True),
        Option("sure", "bool", True, "Whether."),
    )


def test_another_default_leaves_the_rest():
    (there, _), (here, _) = options.rows(Common), options.rows(Other)
    assert here == there._replace(default="none")
    assert Other().padding == "none"


def test_one_name_is_one_option():
    found = options.merged(options.rows(Own), options.rows(Other))
    assert list(found) == ["width", "rate", "padding", "sure"]
    assert found["padding"].default == "same"
    narrow = Option("width", "int", 64, "Channels.", 8, 512, aliases=("widht",))
    with pytest.raises(DataError, match="width: is declared in two ways"):
        options.merged(options.rows(Own), [narrow])
