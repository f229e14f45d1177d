"""Whether the machines of a cluster see one and the same folder: each needs the chief's checkpoints to start from.

A worker leaves a file in the folder and waits until the chief, which looks for such files as long as it trains, has
taken it away.
"""

import contextlib
import glob
import logging
import os
import tempfile
import threading
import time

from base.errors import DataError
from base.files import cannot_write

_log = logging.getLogger(__name__)

_PREFIX = ".worker-"
_PATIENCE = 600  # seconds until the chief must have started
_PAUSE = 0.2


@contextlib.contextmanager
def shared(folder, distribution):
    """Checks, in every process of a cluster, that `folder` is the chief's; a parameter server does not use it.

    Args:
        folder: the parent folder of the models; made when missing.
        distribution: a `distribution.Distribution`.

    Raises:
        DataError: no chief has seen what this worker wrote.
    """
    if not distribution.is_cluster or distribution.index is None:
        yield
    elif distribution.is_chief:
        with _answering(folder):
            yield
    else:
        _wait_for_chief(folder)
        yield


@contextlib.contextmanager
def _answering(folder):
    """Takes workers' files away while the block runs: a worker may also start anew later."""
    ended = threading.Event()

    def answer():
        while not ended.wait(_PAUSE):
            for path in glob.glob(os.path.join(glob.escape(folder), f"{_PREFIX}*")):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _wait_for_chief(folder):
    """Waits until the chief has taken away a file that this worker leaves in `folder`.

    Raises:
        DataError: the time was not enough, or the folder cannot be written.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
        os.close(handle)
    except OSError as error:
        raise cannot_write(folder, error) from error
    _log.info("waiting for the chief to look into %s", folder)
    end = time.monotonic() + _PATIENCE
    try:
        while os.path.exists(path):
            if time.monotonic() > end:
                what = f"has not been seen by the chief within {_PATIENCE:g} seconds: expected --model_dir to be one "
                raise DataError(folder, None, what + "folder that all machines share, and the chief to be running")
            time.sleep(_PAUSE)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
