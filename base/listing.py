"""What a folder of plug-ins holds: a file each, found by listing, so that a new one is a new file and nothing else."""

import importlib
import importlib.util
import pkgutil

from base.errors import DataError, ProgramError

RIGHT = "expected a file as CONTRIBUTING.md shows one"


def modules(path):
    """Returns the names of a package's modules in alphabetical order, without importing one.

    Args:
        path: the package's `__path__`.

    Modules whose names begin with `_` are what the others share; they are left out.
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")))


def load(package, name, *needed):
    """Returns a module of a package.

    Args:
        package: the package's `__name__`.
        name: one of `modules`.
        *needed: the names that its file must define.

    Raises:
        DataError: the file has an error, or does not define them.
    """
    file = importlib.util.find_spec(f"{package}.{name}").origin
    try:
        module = importlib.import_module(f"{package}.{name}")
    except ProgramError:
        raise
    except Exception as error:
        raise DataError(file, _line(file, error), f"{type(error).__name__}: {error}: {RIGHT}") from error
    for word in needed:
        if not hasattr(module, word):
            raise DataError(file, None, f"does not define {word}: {RIGHT}")
    return module


def _line(file, error):
    """Returns the line of a file at which an error was raised; None where it was elsewhere."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == file else None
    step = error.__traceback__
    while step:
        line = step.tb_lineno if step.tb_frame.f_code.co_filename == file else line
        step = step.tb_next
    return line and f"line {line}"
