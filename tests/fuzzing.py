"""What the tests of damaged and hostile files share: how much to search, what an error may look like, damages."""

import contextlib
import resource

import hypothesis
import pytest
from hypothesis import strategies as st

from base.errors import ProgramError

MOST_MEMORY = 1 << 29  # more than a run may take on top of what it had at its start


def cases(share):
    """Returns the settings of a test with a share of the profile's cases; the files it writes are its own each time."""
    return hypothesis.settings(
        max_examples=max(1, int(share * hypothesis.settings.default.max_examples)),
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@pytest.fixture(autouse=True, scope="module")
def bounded_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_MEMORY


@contextlib.contextmanager
def one_line_errors(path, kind=ProgramError):
    """Lets errors of the kind pass that name the file in one line each, of bearable length."""
    try:
        yield
    except kind as error:
        for line in error.lines():
            assert len(line.splitlines()) == 1, line
            assert len(line) < 1000
            assert str(path) in line or "more fault" in line


def mutated(data):
    """Returns a strategy of damaged copies of bytes: cut, overwritten, filled in, or stretched, up to four times."""
    place = st.floats(0, 1)
    kind = st.sampled_from(["cut", "overwrite", "insert", "delete", "repeat"])
    noise = st.one_of(
        st.binary(min_size=1, max_size=40), st.sampled_from([b"\xff\xd9", b"\xff\xda", b"\n", b'"', b"\0"])
    )

    def apply(damages):
        damaged = data
        for kind_, at, length, new in damages:
            start = int(at * len(damaged))
            end = start + int(length**4 * (len(damaged) - start))  # short ones mostly
            damaged = damage(damaged, kind_, start, end, new)
        return damaged

    return st.lists(st.tuples(kind, place, place, noise), min_size=1, max_size=4).map(apply)


def damage(data, kind, start, end, new):
    """Returns bytes that are cut at `start`, written over by `new` there, given it, or lack or repeat start to end."""
    return {
        "cut": data[:start],
        "overwrite": data[:start] + new + data[start + len(new) :],
        "insert": data[:start] + new + data[start:],
        "delete": data[:start] + data[end:],
        "repeat": data[:end] + data[start:],
    }[kind]
