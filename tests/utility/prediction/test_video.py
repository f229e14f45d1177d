"""Videos that are written: a good one is accepted, whatever its rate, length and size, and none that lacks frames."""

import numpy as np
import pytest

from utility.prediction import video


@pytest.mark.parametrize("rate", [0.5, 1, 12.5, 23.976, 24000 / 1001, 25, 29.97, 30, 59.94, 120, 240, 1000])
@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("size", [(17, 33), (120, 160)])
def test_a_good_video_is_read_back_with_all_its_frames(tmp_path, rate, count, size):
    path, random = str(tmp_path / "film.mp4"), np.random.default_rng(count)
    with video.writer(path, rate) as write:
        for _ in range(count):
            write(random.integers(0, 256, (*size, 3), dtype=np.uint8))
    assert video._holds(path, count)
    assert not video._holds(path, count + 1)
    with video.frames(path) as (_, frames):
        assert sum(1 for _ in frames) == count
    (tmp_path / "film.mp4").write_bytes((tmp_path / "film.mp4").read_bytes()[:-200])
    assert not video._holds(path, count)
