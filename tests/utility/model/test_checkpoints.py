"""What a kill leaves of a checkpoint that was being written goes, and nothing else does."""

import pytest

from utility.model import checkpoints

WHOLE = [
    "checkpoint",
    "model.ckpt-2.index",
    "model.ckpt-2.data-00000-of-00001",
    "model.ckpt-2.meta",
    "my_temp",
    "a.tempstate1",
]
CUT_OFF = ["model.ckpt-3_temp/part-00000-of-00001.index.tempstate12", "model.ckpt-3.index.tempstate34"]


@pytest.mark.parametrize("name", ["skirt", "two words", "[skirt]", "a*b?", "Röcke", "model.ckpt"])
def test_only_what_was_not_finished_goes(tmp_path, name):
    folder = tmp_path / name
    for parent in (folder, folder / "best", folder / "swa"):
        for file in [*WHOLE, *CUT_OFF]:
            (parent / file).parent.mkdir(parents=True, exist_ok=True)
            (parent / file).touch()
    (tmp_path / "model.ckpt-3_temp").mkdir()  # another training's
    checkpoints.remove_left_over(str(folder))
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(files) == sorted([*WHOLE, *(f"{part}/{file}" for part in ("best", "swa") for file in WHOLE)])
    assert not [path for path in folder.rglob("*_temp") if path.is_dir()]
    assert (tmp_path / "model.ckpt-3_temp").is_dir()
