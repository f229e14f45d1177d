"""What C code writes to stderr can only be kept from it by the descriptor, which all threads share."""

import contextlib
import os
import threading

# Whoever puts something else in the descriptor's place holds it, and whoever writes a line that must not get lost while
# other threads may do so. Not to be held at TensorFlow's import, which takes it.
LOCK = threading.RLock()


@contextlib.contextmanager
def replaced(file, descriptors=(2,)):
    """Has what the block writes to stderr go to an open file.

    Args:
        file: to write into.
        descriptors: those that it takes the place of; 1 is stdout, which Python's own buffer should be flushed to.

    Raises:
        OSError: the program was started without one of them.
    """
    with LOCK:
        saved = [os.dup(descriptor) for descriptor in descriptors]
        try:
            for descriptor in descriptors:
                os.dup2(file.fileno(), descriptor)
            yield
        finally:
            for descriptor, former in zip(descriptors, saved):
                os.dup2(former, descriptor)
                os.close(former)


@contextlib.contextmanager
def quiet(descriptors=(2,)):
    """Has what the block writes to stderr vanish; arguments and errors as for `replaced`."""
    with open(os.devnull, "wb") as nowhere, replaced(nowhere, descriptors):
        yield
