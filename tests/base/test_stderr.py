"""Threads that each put something in the place of stderr's descriptor leave it as it was, and lose no line."""

import concurrent.futures
import os

from base import stderr, tensorflow_log

THREADS, TIMES = 8, 60


def _quietly(number):
    with stderr.quiet():
        os.write(2, b"a complaint\n")
    return []


def _without_chatter(number):
    line = f"through {number}\n"
    with tensorflow_log.without_chatter():
        os.write(2, b"I0000 00:00:00.000000 chatter\n")
        os.write(2, line.encode())
    return [line]


def _aloud(number):
    line = f"aloud {number}\n"
    with stderr.LOCK:
        os.write(2, line.encode())
    return [line]


def test_no_line_is_lost_or_let_through_whatever_the_order(capfd):
    before = os.fstat(2)
    works = [_quietly, _without_chatter, _aloud]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
        done = [threads.submit(works[number % 3], number) for number in range(THREADS * TIMES)]
        expected = [line for work in done for line in work.result()]
    assert (os.fstat(2).st_dev, os.fstat(2).st_ino) == (before.st_dev, before.st_ino)
    assert sorted(capfd.readouterr().err.splitlines(keepends=True)) == sorted(expected)


def test_both_descriptors_vanish_and_come_back(capfd):
    with stderr.quiet((1, 2)):
        os.write(1, b"a word\n")
        os.write(2, b"a word\n")
    os.write(1, b"out\n")
    os.write(2, b"err\n")
    assert capfd.readouterr() == ("out\n", "err\n")
