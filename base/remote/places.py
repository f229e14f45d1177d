"""Which paths of this process stand for URLs: the list of its mirrors and streams, empty for a program without URLs."""

import os

_mirrors, _streams = [], []


def add_mirror(mirror):
    _mirrors.append(mirror)


def add_stream(stream):
    _streams.append(stream)


def clear():
    """Forgets all of them: the program has ended."""
    _mirrors.clear()
    _streams.clear()


def has_streams():
    """Returns whether anything is read over a network."""
    return bool(_streams)


def mirror_of(path):
    """Returns the Mirror that a path lies in, None for a path of this machine alone."""
    return _find(_mirrors, path) if _mirrors else None


def stream_of(path):
    """Returns the Stream that a path lies in, None for a path of this machine."""
    return _find(_streams, path) if _streams else None


def _find(places, path):
    path = os.path.abspath(path)
    return next((place for place in places if path == place.path or path.startswith(place.path + os.sep)), None)


def shown(text):
    """Returns a text as the user is to read it: with URLs in the place of the paths that stand for them."""
    for place in (*_mirrors, *_streams):
        text = text.replace(place.path, place.url)
    return text
