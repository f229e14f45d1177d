"""The lock of a place in a store: an object that its holder makes, renews as long as it lives, and removes.

A store frees nothing when a process dies. So who finds the object there watches it: as long as it is renewed the place
is in use; one that is not renewed for LEASE seconds is a dead process's, and goes. On one machine the process's number
tells at once. What is guaranteed: two processes never both make the object where the store makes an object only if
there is none (S3, GCS, Azure and MinIO do), and a holder that was taken for dead, because it could not reach the store
for so long or stood still, finds out at its next renewal, BEAT seconds after it wakes, and uploads nothing more.
"""

import json
import logging
import os
import secrets
import socket
import threading
import time

from base import processes
from base.errors import DataError

LEASE = 60  # seconds without a renewal after which the holder is dead
BEAT = 15  # seconds between renewals
_PAUSE = 1
_SETTLING = 3

_log = logging.getLogger(__name__)


class Lease:
    """Holds a lock within a `with` block.

    Args:
        store: a Store.
        name: of the lock's object in it.
        place: the URL that is locked, for messages.

    Raises:
        DataError: another process holds it.
    """

    def __init__(self, store, name, place):
        self._store, self._name, self._place = store, name, place
        self._own = {
            "machine": processes.system(),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "key": secrets.token_hex(8),
        }
        self._beat, self._is_lost, self._ended = 0, False, threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self):
        while not (self._make() or self._outlive(self._read())):
            continue
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        if not self._is_lost and self._is_own(self._read()):
            self._store.remove(self._name)

    def check(self):
        """Raises DataError where the lock went to another process, so that nothing more may be written."""
        if self._is_lost:
            raise DataError(self._place, None, "was taken over by another process, which found this one dead")

    def _content(self):
        return json.dumps({**self._own, "renewed": self._beat}).encode()

    def _make(self):
        try:
            self._store.write(self._name, self._content(), only_new=True)
        except FileExistsError:
            return False
        return self._is_own(self._read())  # a store that overwrites: the last one has it

    def _read(self):
        try:
            return self._store.read(self._name)
        except FileNotFoundError:
            return b""

    def _is_own(self, content):
        return _fields(content).get("key") == self._own["key"]

    def _outlive(self, found):
        """Takes a dead process's lock over; returns whether it has it. False, too, where it was freed meanwhile.

        Raises:
            DataError: its holder lives.
        """
        holder = _fields(found)
        who = f"process {holder.get('process', '?')} on {holder.get('host', '?')}"
        is_here = holder.get("machine") == self._own["machine"] and isinstance(holder.get("process"), int)
        if not is_here or processes.is_alive(holder["process"]):
            _log.info("%s: locked by %s: seeing for %g s whether that is alive", self._place, who, LEASE)
            end = time.monotonic() + LEASE
            while time.monotonic() < end and self._read() == found:
                time.sleep(min(_PAUSE, LEASE / 10))
        now = self._read()
        if now == found:
            self._store.write(self._name, self._content())
            time.sleep(_SETTLING)  # others that waited may do so, too: the last one has it
            return self._is_own(self._read())
        if now:
            what = f"is in use by another process ({who}): wait for it to end, or name another place"
            raise DataError(self._place, None, what)
        return False

    def _renew(self):
        while not self._is_lost and not self._ended.wait(BEAT):
            self._renew_once()

    def _renew_once(self):
        try:
            if self._is_own(self._read()):
                self._beat += 1
                self._store.write(self._name, self._content())
            else:
                self._is_lost = True
                _log.error("%s: was taken over by another process", self._place)
        except DataError as error:
            _log.warning("%s", error)


def _fields(content):
    try:
        fields = json.loads(content)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
