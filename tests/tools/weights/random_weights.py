"""Random weights and an image that come out the same wherever they are drawn."""

import numpy as np


def draw(shapes, seed=7):
    """Draws a value for each name, in order: kernels that keep the signal's size, and statistics that are no default.

    Args:
        shapes: {name: shape} with PyTorch's names and axes.
        seed: of the draws.

    Returns:
        {name: float32 array}.
    """
    random = np.random.RandomState(seed)
    weights = {}
    for name, shape in shapes.items():
        if len(shape) > 1:
            values = random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        elif name.endswith("running_var"):
            values = random.uniform(0.5, 1.5, shape)
        elif name.endswith("weight"):
            values = random.uniform(0.3, 1.0, shape)
        else:
            values = random.normal(0, 0.2, shape)
        weights[name] = values.astype(np.float32)
    return weights


def image(seed=8):
    """Returns [1, 96, 64, 3] float32, RGB from 0 to 255, minus 128, divided by 64: of no net's own normalisation."""
    pixels = np.random.RandomState(seed).uniform(0, 255, (1, 96, 64, 3))
    return ((pixels - 128) / 64).astype(np.float32)
