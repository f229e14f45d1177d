"""The progress lines of a log: how many, and how long still by the pace since the last line."""

from base import progress


def test_lines_give_count_and_time_left(monkeypatch):
    clock = iter([0.0, *[0.1] * 100, 11.0, 12.0, 24.0])  # 100 steps of an earlier run, then one in 11 s, two in 13 s
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    lines = []
    monkeypatch.setattr(progress._log, "info", lambda text, *values: lines.append(text % values))
    with progress.Progress("photos", 1103) as shown:
        shown._bar.disable = True
        for _ in range(103):
            shown.step()
    assert lines == ["101 of 1103 photos, 1.8 minutes left", "103 of 1103 photos, 108.3 minutes left"]
