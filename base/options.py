"""Options, declared once: the fields of a frozen dataclass beside what reads them.

    @dataclasses.dataclass(frozen=True)
    class Options:
        width: int = option(64, "Channels of every layer.", low=8, high=1024)

Flags, `--help`, `model.json`, its check and the tests follow from the declaration.

A model's file has every option of its net, so an option that a file lacks is one that came later. It gets its default:
the default of a new option is what the code did before there was the option, and the default of an old one stays.
"""

import dataclasses
import typing
from typing import Any, NamedTuple, Optional, Union

from base.errors import DataError

_KINDS = {
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    tuple[str, ...]: "strings",
    tuple[int, ...]: "ints",
    tuple[float, ...]: "floats",
}
_ROW = "option"  # key of a field's metadata


class Option(NamedTuple):
    """What is known of an option, or of a flag.

    Attributes:
        name: as a field, a flag and a key of `model.json`.
        kind: str, int, float or bool; flags may also be `strings`, `ints` or `floats`, lists with commas between.
        default: the value where nothing is said.
        help: one line.
        low, high: inclusive bounds of a number (of each item of a list); None: there is none.
        choices: the values that a str may have; empty: any.
        aliases: other spellings of the flag.
        of_weights: whether trained weights need the value that they were trained with: who starts from them takes it
            over, and there is no flag for it.
    """

    name: str
    kind: str
    default: Any
    help: str
    low: Optional[float] = None
    high: Optional[float] = None
    choices: tuple = ()
    aliases: tuple = ()
    of_weights: bool = False


def option(default, help, **more):
    """Returns the field of an option: its default, its line of help, and what else `Option` has, by keyword."""
    return dataclasses.field(default=default, metadata={_ROW: {"help": help, **more}})


def other_default(options, name, default):
    """Returns the field of an option that a dataclass takes over from another, all but its default."""
    (field,) = (field for field in dataclasses.fields(options) if field.name == name)
    return dataclasses.field(default=default, metadata=field.metadata)


def rows(options):
    """Returns an `Option` for each field of a dataclass that was made by `option`, its own before inherited ones.

    Raises:
        TypeError: it is no dataclass, or an option is of a type that cannot be a flag's.
    """
    types = typing.get_type_hints(options)
    fields = [field for field in dataclasses.fields(options) if _ROW in field.metadata]
    fields.sort(key=lambda field: _generation(options, field.name))
    return tuple(
        Option(field.name, _kind(field.name, types[field.name]), field.default, **field.metadata[_ROW])
        for field in fields
    )


def _kind(name, kind):
    kind = _without_none(kind)
    if kind not in _KINDS:
        raise TypeError(f"the option {name} is of {kind}: expected str, int, float, bool or a tuple of one of them")
    return _KINDS[kind]


def _without_none(kind):
    """Returns the X of Optional[X], other types as they are: that nothing may be said is the default's to tell."""
    arguments = typing.get_args(kind) if typing.get_origin(kind) is Union else ()
    return next((argument for argument in arguments if argument is not type(None)), kind)


def _generation(options, name):
    """Returns how far up in the inheritance a field is declared: 0 for the dataclass itself."""
    return next(n for n, one in enumerate(options.__mro__) if name in vars(one).get("__annotations__", {}))


def merged(*lists):
    """Returns {name: Option} of several lists of rows; of an option that many have, the first row.

    Raises:
        DataError: two rows of one name differ in more than the default: they cannot be one flag.
    """
    found = {}
    for row in (row for rows in lists for row in rows):
        first = found.setdefault(row.name, row)
        if first != row._replace(default=first.default):
            what = f"is declared in two ways, {first} and {row}: expected another name for one of them"
            raise DataError("the options of the nets", row.name, what)
    return found
