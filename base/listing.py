"""What a folder of plug-ins holds: a file each, found by listing, so that a new one is a new file and nothing else."""

import pkgutil


def modules(path):
    """Returns the names of a package's modules in alphabetical order, without importing one.

    Args:
        path: the package's `__path__`.

    Modules whose names begin with `_` are what the others share; they are left out.
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")))
