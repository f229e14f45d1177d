"""The ablation's table against sums made by hand, and its hold-out against the photos that went in."""

from pathlib import Path

import pytest

from configs.keypoints import CATEGORIES, KEYPOINTS
from demos import ablation

SQUARED = ablation.LEVERS[1].name


def test_table_gives_mean_and_spread_of_the_same_seeds():
    results = {ablation.BASE: {"1": 0.20, "2": 0.30, "3": 0.40}, SQUARED: {"1": 0.25, "2": 0.37}}
    rows = [line for line in ablation.table(results).splitlines() if line.startswith("|")]
    assert rows[2:] == [
        "| the recipe | 3 | 30.00 ± 10.00 |  |",
        f"| {SQUARED} | 2 | 31.00 ± 8.49 | +6.00 ± 1.41 |",
    ]


def test_table_of_one_seed_has_no_spread():
    rows = ablation.table({ablation.BASE: {"1": 0.2}, SQUARED: {"1": 0.15}}).splitlines()
    assert rows[-1] == f"| {SQUARED} | 1 | 15.00 | -5.00 |"


@pytest.fixture
def data_dir(tmp_path):
    """12 photos a category; their bytes are their names, for no photo is opened."""
    split = tmp_path / "data" / "train_0"
    lines = ["image_id,image_category," + ",".join(KEYPOINTS)]
    for category in CATEGORIES:
        (split / "Images" / category).mkdir(parents=True)
        for number in range(12):
            image_id = f"Images/{category}/{number:02}.jpg"
            (split / image_id).write_text(image_id)
            lines.append(f"{image_id},{category}," + ",".join([f"{number}_7_1"] * len(KEYPOINTS)))
    (split / "Annotations").mkdir()
    (split / "Annotations" / "train.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "data"


def test_held_out_photos_are_every_sixth_and_not_trained_on(data_dir, tmp_path):
    place = Path(ablation._hold_out(str(data_dir), str(tmp_path / "work")))
    test = (place / "test_0" / "test.csv").read_text().splitlines()
    train = (place / "train_0" / "Annotations" / "annotations.csv").read_text().splitlines()
    expected = [f"Images/{category}/{number}.jpg,{category}" for category in CATEGORIES for number in ("00", "06")]
    assert test == ["image_id,image_category", *expected]
    assert len(train) == 1 + 10 * len(CATEGORIES)
    assert not {line.split(",")[0] for line in test} & {line.split(",")[0] for line in train[1:]}
    for line in test[1:]:
        image_id = line.split(",")[0]
        assert (place / "test_0" / image_id).read_text() == image_id


def test_levers_differ_in_name_and_flags():
    assert len({lever.name for lever in ablation.LEVERS}) == len(ablation.LEVERS)
    assert len({lever[1:] for lever in ablation.LEVERS}) == len(ablation.LEVERS)
