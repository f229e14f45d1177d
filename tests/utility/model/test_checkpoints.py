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
CUT_OFF = [
    "model.ckpt-3_temp/part-00000-of-00001.index.tempstate12",
    "model.ckpt-3.index.tempstate34",
    "checkpoint.tmp67fd5d8c0c3647548bd940924a83df9d",
]


@pytest.mark.parametrize("name", ["skirt", "two words", "[skirt]", "a*b?", "Röcke", "model.ckpt"])
def test_only_what_was_not_finished_goes(tmp_path, name):
    folder = tmp_path / name
    for parent in (folder, folder / "best", folder / "swa"):
        for file in [*WHOLE, *CUT_OFF]:
            (parent / file).parent.mkdir(parents=True, exist_ok=True)
            (parent / file).touch()
    (tmp_path / "model.ckpt-3_temp").mkdir()  # another training's
    checkpoints.remove_left_over(str(folder), [])
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(files) == sorted([*WHOLE, *(f"{part}/{file}" for part in ("best", "swa") for file in WHOLE)])
    assert not [path for path in folder.rglob("*_temp") if path.is_dir()]
    assert (tmp_path / "model.ckpt-3_temp").is_dir()


def test_what_the_list_has_dropped_goes_and_later_and_foreign_ones_stay(tmp_path):
    endings = ("index", "data-00000-of-00001", "meta")
    own = ["model.ckpt-5.csv", "model.ckpt-5.onnx", "model.ckpt-5.tar", "checkpoint.tmp.txt", "model.ckpt-5"]
    for name in own:
        (tmp_path / name).touch()
    (tmp_path / "other" / "model.ckpt-9_temp").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "other")
    stay = [
        "model.ckpt-10",
        "model.ckpt-20",
        "model.ckpt-30",
        "model.ckpt-a",
        "model.ckpt",
        "old-5",
        "best/model.ckpt-5",
    ]
    for name in [*stay, "model.ckpt-5", "model.ckpt-15", "model.ckpt-0"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        for ending in endings:
            (tmp_path / f"{name}.{ending}").touch()
    checkpoints.remove_left_over(str(tmp_path), [str(tmp_path / "model.ckpt-10"), str(tmp_path / "model.ckpt-20")])
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == sorted([*own, *(f"{name}.{ending}" for name in stay for ending in endings)])
    assert (tmp_path / "other" / "model.ckpt-9_temp").is_dir()
