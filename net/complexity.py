"""Parameters and multiply-adds of a net, from a static walk over its graph: nothing is run."""

import math
from typing import NamedTuple


class Layer(NamedTuple):
    """A convolution or matrix product of the graph, or an output.

    Attributes:
      name: its scope.
      kind: its TensorFlow op type.
      shape: static shape of its output.
      parameters: elements of its kernel.
      multiply_adds: multiplications with an addition each, for the shapes of the graph.
    """

    name: str
    kind: str
    shape: tuple
    parameters: int
    multiply_adds: int


def _kernel_adds(op):
    """Multiply-adds per element of the output of a convolution: all of its kernel but the outputs' axis."""
    height, width, inputs, _ = op.inputs[1].shape
    return height * width * inputs


def _depthwise_adds(op):
    height, width, _, _ = op.inputs[1].shape
    return height * width


def _product_adds(op):
    return op.inputs[0].shape[-2 if op.get_attr("transpose_a") else -1]


_MULTIPLY_ADDS = {
    "Conv2D": _kernel_adds,
    "DepthwiseConv2dNative": _depthwise_adds,
    "MatMul": _product_adds,
}


def layers(graph):
    """Returns a `Layer` for each convolution and matrix product of `graph`, in the order of their making.

    The shapes in the graph must be static. Only a forward graph makes sense: gradients are convolutions of other types.
    """
    found = []
    for op in graph.get_operations():
        if op.type in _MULTIPLY_ADDS:
            shape = tuple(op.outputs[0].shape)
            adds = math.prod(shape) * _MULTIPLY_ADDS[op.type](op)
            name = op.name.rsplit("/", 1)[0]
            found.append(Layer(name, op.type, shape, math.prod(op.inputs[1].shape), adds))
    return found


def multiply_adds(graph):
    """Returns the multiply-adds of all layers of `graph`."""
    return sum(layer.multiply_adds for layer in layers(graph))


def count(variables):
    """Returns the number of elements of `variables` together."""
    return sum(math.prod(variable.shape) for variable in variables)
