"""The ways to find the point of a heatmap: a file each, named as the method is (`--decode=<name>`).

A method is a function `find(maps, sigma)`:

    maps: [N, h, w] float32, at least 5 cells high and wide.
    sigma: standard deviation of the Gaussians that the maps were trained for, in cells.
    returns: [N, 2] float32, (column, row) of the point, where a cell's centre has its whole index.

A file may also set `NEEDS_PROBABILITIES = True`: the method is for probability heatmaps alone, and weighs whole maps,
so that a map which is enlarged must keep its sum.
"""

from base import listing

METHODS = listing.modules(__path__)  # without imports: --help has the names and does not load TensorFlow


def load(method):
    """Returns the module of a method.

    Raises:
        ValueError: there is none of that name.
        DataError: its file has an error.
    """
    if method not in METHODS:
        raise ValueError(f"decode method: expected one of {', '.join(METHODS)}, got {method!r}")
    return listing.load(__name__, method, "find")


def needs_probabilities(method):
    """Returns whether a method is for probability heatmaps alone."""
    return getattr(load(method), "NEEDS_PROBABILITIES", False)
