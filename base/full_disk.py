"""Places that take no more, as TensorFlow's own writers of checkpoints and summaries meet them."""

import contextlib
import errno
import glob
import logging
import os
import shutil
import threading

import tensorflow as tf

from base.errors import DataError

# TensorFlow's errors hold the system's text among much else, and their kind says little: a file that grows too large
# is an OutOfRangeError, which ends a training without a word, as the end of its input does.
_REASONS = [
    os.strerror(number)
    for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
]


@contextlib.contextmanager
def naming(path):
    """Holds while TensorFlow writes into `path`, also from threads of its own.

    Raises:
        DataError: the disk is full, or the place not writable.
    """
    former = threading.excepthook
    threading.excepthook = lambda fault: None if _reason(fault.exc_value) else former(fault)
    logger, is_other = logging.getLogger("tensorflow"), lambda record: _reason(record.getMessage()) is None
    logger.addFilter(is_other)
    try:
        yield
    except (tf.errors.OpError, IndexError) as error:  # summaries: IndexError where a checkpoint has OutOfRangeError
        reason = _reason(error)
        if reason is None:
            raise
        what = f"cannot be written ({reason}): expected a writable place with free space"
        raise DataError(path, None, what) from error
    finally:
        logger.removeFilter(is_other)
        threading.excepthook = former


@contextlib.contextmanager
def naming_checkpoint(prefix):
    """As `naming`, while the checkpoint `prefix` is written; nothing half-written of it stays."""
    try:
        with naming(prefix):
            yield
    except DataError:
        for path in glob.glob(f"{glob.escape(prefix)}[._]*temp*"):
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        raise


def _reason(error):
    return next((reason for reason in _REASONS if reason in str(error)), None)
