"""Keeps TensorFlow's own chatter off the terminal, unless it is asked for."""

import contextlib
import importlib.abc
import importlib.util
import logging
import os
import re
import sys
import tempfile

from base import stderr

# Lines of TensorFlow's, absl's and XLA's C++ code: information, warnings, and errors about missing GPU libraries.
_CHATTER = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:\d+\.\d+ |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] "
    rb"|WARNING: All log messages before absl::InitializeLog\(\)|To enable the following instructions: "
)


def prepare(verbosity):
    """Sets what TensorFlow reads from the environment once, at its import; to be called before that.

    Args:
        verbosity: 0 lets errors alone through, 1 warnings, 2 and more everything.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # off by default on some CPUs, where it costs a quarter
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", str(max(0, 3 - 2 * verbosity)))
    if verbosity == 0:
        for name in ("tensorflow", "absl"):
            logging.getLogger(name).setLevel(logging.ERROR)
        if "tensorflow" not in sys.modules:
            sys.meta_path.insert(0, _QuietImport())


class _QuietImport(importlib.abc.MetaPathFinder):
    """Has TensorFlow imported by `_QuietLoader`, whenever and wherever that happens."""

    def find_spec(self, name, path=None, target=None):
        del path, target
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            spec.loader = _QuietLoader(spec.loader)
        return spec


class _QuietLoader(importlib.abc.Loader):
    """Loads a module without its chatter."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._loader
        with without_chatter():
            self._loader.exec_module(module)


@contextlib.contextmanager
def without_chatter():
    """Holds back what the block writes to stderr, and afterwards passes on all but the chatter.

    TensorFlow's log level is known to its C++ code only when that is loaded: what it says before comes past it.
    """
    try:
        os.fstat(2)
    except OSError:  # the program was started without one
        yield
        return
    with stderr.LOCK, tempfile.TemporaryFile() as held:
        try:
            with stderr.replaced(held):
                yield
        finally:
            held.seek(0)
            rest = b"".join(line for line in held if not _CHATTER.match(line))
            if rest:
                os.write(2, rest)
