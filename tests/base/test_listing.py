"""Plug-ins are found by listing their folder."""

from base import listing


def test_modules_are_listed_by_name_and_not_imported(tmp_path):
    for name in ("b.py", "a.py", "_shared.py", "notes.txt"):
        (tmp_path / name).write_text("raise AssertionError('imported')")
    assert listing.modules([str(tmp_path)]) == ("a", "b")
