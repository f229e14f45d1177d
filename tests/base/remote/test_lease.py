"""Of two processes that want a place in a store one gets it; a dead one's place becomes free."""

import json
import threading
import time

import made_stores
import pytest

from base import processes
from base.errors import DataError
from base.remote import lease
from base.remote.lease import Lease
from base.remote.store import Store


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lease, "LEASE", 0.6)
    monkeypatch.setattr(lease, "BEAT", 0.1)
    monkeypatch.setattr(lease, "_SETTLING", 0.3)


def new(url):
    return Lease(Store(url), ".lock", url)


def test_a_place_in_use_is_refused_and_free_afterwards():
    url = made_stores.new_url()
    with new(url), pytest.raises(DataError, match="is in use by another process"), new(url):
        raise AssertionError("never reached")
    with new(url):
        assert list(made_stores.content(url)) == [".lock"]
    assert made_stores.content(url) == {}


@pytest.mark.parametrize(
    "content",
    [
        {"machine": processes.system(), "process": 2**22 + 1},
        {"machine": "another"},
        {"machine": 3, "process": []},
        None,
    ],
)
def test_a_dead_ones_place_is_taken(content):
    url = made_stores.new_url()
    made_stores.fill(url, {".lock": b"\xff" if content is None else json.dumps(content).encode()})
    with new(url) as own:
        own.check()
    assert made_stores.content(url) == {}


def test_who_was_taken_for_dead_finds_out(monkeypatch):
    url = made_stores.new_url()
    with new(url) as own:
        made_stores.fill(url, {".lock": b'{"key": "another"}'})
        end = time.monotonic() + 5
        while not own._is_lost and time.monotonic() < end:
            time.sleep(0.05)
        with pytest.raises(DataError, match="was taken over by another process"):
            own.check()
    assert made_stores.content(url) == {".lock": b'{"key": "another"}'}


def test_of_many_that_find_a_dead_ones_place_one_gets_it(monkeypatch):
    monkeypatch.setattr(lease, "_SETTLING", 1)
    url, held, refused = made_stores.new_url(), [], []
    made_stores.fill(url, {".lock": b'{"machine": "another"}'})

    def take():
        try:
            with new(url) as own:
                time.sleep(2)
                own.check()
                held.append(own)
        except DataError:
            refused.append(1)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 3)
