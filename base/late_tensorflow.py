"""TensorFlow, imported at its first use: `from base import late_tensorflow as tf`.

TensorFlow takes seconds to import. The modules of `net/` declare their options beside the code that builds them, and
`--help`, which shows these options, has to answer within a second; a mistyped folder of models or data should not take
longer to be told of. With this module in its place a module can be read without TensorFlow, its functions are written
as usual, and nobody has to import inside of them. What runs while such a module is imported (constants, decorators,
defaults of arguments) must not touch `tf`.
"""

import importlib


def __getattr__(name):
    if name.startswith("__"):  # tools that look at modules ask for such names, and mean this module
        raise AttributeError(name)
    return getattr(importlib.import_module("tensorflow"), name)
