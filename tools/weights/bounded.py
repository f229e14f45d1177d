"""What the readers of weights share: a file of anybody's is refused in one line, and takes no more than it holds."""

import contextlib
import math
import os

import numpy as np

from base.errors import DataError

MOST_DIMENSIONS = 8  # numpy's own limit is 32 or 64, and not every function of it checks that
MOST_NAME = 200  # characters
_BLOCK = 1 << 20  # numbers converted at a time
BFLOAT16 = "bfloat16"  # numpy has no such type: the upper halves of float32


@contextlib.contextmanager
def refusing(path, kind):
    """Makes one DataError of whatever a cut, damaged or hostile file leads its reader to.

    Args:
      path: the file.
      kind: what it was expected to be.
    """
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise DataError(path, None, f"cannot be read: {error.strerror or cut(error)}") from error
    except Exception as error:
        raise DataError(path, None, f"is no {kind} that can be read safely: {cut(error)}") from error


def cut(error, longest=200):
    """Returns an error's text on one line and of bearable length; its type where it has no text."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= longest else f"{text[:longest]}…"


def check_name(name):
    """Returns the name of a tensor or layer; raises ValueError where it is none that a net would give."""
    if not isinstance(name, str) or not 0 < len(name) <= MOST_NAME or not name.isprintable():
        raise ValueError(f"expected names of 1 to {MOST_NAME} printable characters, got another")
    return name


def check_shape(shape, most):
    """Returns the number of elements of a shape; raises ValueError where it is no shape of at most `most` elements."""
    if not isinstance(shape, (list, tuple)) or len(shape) > MOST_DIMENSIONS:
        raise ValueError(f"expected shapes of at most {MOST_DIMENSIONS} dimensions, got another")
    if not all(is_count(length) for length in shape):
        raise ValueError("expected shapes of whole numbers, got another")
    size = math.prod(shape)
    if size > most:
        raise ValueError(f"a tensor of {size} elements reaches beyond its numbers")
    return size


def is_count(value):
    """Returns whether a value is a whole number that a file's offset or length can be."""
    return type(value) is int and 0 <= value < 1 << 62


def itemsize(dtype):
    """Returns the bytes of a number of numpy's type string, or of BFLOAT16."""
    return 2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize


def read_floats(file, dtype, count):
    """Reads numbers from where a binary file stands, a block at a time, so that only the result takes memory.

    Args:
      file: a binary file, which holds `count` numbers by its own account of its size.
      dtype: numpy's type string of a floating type, or BFLOAT16.
      count: how many.

    Returns:
      [count] float32.

    Raises:
      ValueError: the file ends before.
    """
    numbers = np.empty(count, np.float32)
    size = itemsize(dtype)
    for start in range(0, count, _BLOCK):
        expected = min(_BLOCK, count - start)
        block = file.read(expected * size)
        if len(block) != expected * size:
            raise ValueError("it ends within its numbers")
        part = numbers[start : start + expected]
        if dtype == BFLOAT16:
            part.view(np.uint32)[:] = np.frombuffer(block, "<u2").astype(np.uint32) << 16
        else:
            with np.errstate(over="ignore", invalid="ignore"):  # a double may be too large; it is infinite then
                part[:] = np.frombuffer(block, dtype)
    return numbers


def read_tensors(path, tensors):
    """Reads tensors that each lie in one piece in a file.

    Args:
      path: the file.
      tensors: a list of (dtype, offset in bytes, shape).

    Returns:
      A list of float32 arrays.

    Raises:
      ValueError: one is no tensor of this file, or together they are more than the file holds.
    """
    with open(path, "rb") as file:
        left = end = os.fstat(file.fileno()).st_size
        arrays = []
        for dtype, offset, shape in tensors:
            count = check_shape(shape, left // itemsize(dtype))
            num_bytes = count * itemsize(dtype)
            if not is_count(offset) or offset + num_bytes > end:
                raise ValueError("a tensor reaches beyond the file")
            left -= num_bytes
            file.seek(offset)
            arrays.append(read_floats(file, dtype, count).reshape(shape))
    return arrays
