"""What the files of nets and backbones declare: loaded and checked, since every program reads them for its flags."""

from base import listing
from base.errors import DataError
from base.options import rows
from net.declarations import Backbone, Net


def load_net(package, name):
    """Returns the `Net` of a net's file.

    Raises:
        DataError: the file has an error, or declares something else.
    """
    module = listing.load(package, name, "NET")
    _check(module, "NET", module.NET, Net)
    return module.NET


def load_backbones(package, name):
    """Returns {name: Backbone} of a backbone's file, whose options begin with the file's name.

    Raises:
        DataError: as for `load_net`; or an option is called otherwise.
    """
    module = listing.load(package, name, "BACKBONES")
    if not isinstance(module.BACKBONES, dict):
        raise DataError(module.__file__, "BACKBONES", f"expected {{name: Backbone}}, got {module.BACKBONES!r}")
    for key, backbone in module.BACKBONES.items():
        _check(module, f"BACKBONES, {key}", backbone, Backbone)
        for option in _own_options(backbone.options, module.__name__):
            if not option.startswith(f"{name}_"):
                expected = f"expected a name that begins with {name}_: all nets and backbones share one set of flags"
                raise DataError(module.__file__, f"the option {option}", expected)
    return module.BACKBONES


def _check(module, where, declared, kind):
    if not isinstance(declared, kind):
        raise DataError(module.__file__, where, f"expected a net.declarations.{kind.__name__}, got {declared!r}")
    try:
        rows(declared.options)
    except (TypeError, NameError) as error:
        raise DataError(module.__file__, where, f"options: {error}: expected a dataclass as of base.options") from error


def _own_options(options, module):
    """Returns the names of the options that a dataclass, or one that it is derived from, declares in a module."""
    own = [one for one in options.__mro__ if one.__module__ == module]
    return [row.name for row in rows(options) if any(row.name in vars(one).get("__annotations__", {}) for one in own)]
