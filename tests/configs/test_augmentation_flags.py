"""The augmentation's flags: they reach the input, and contradictions are refused."""

import pytest

from base.errors import UsageError
from configs import command_line, cross_checks
from configs.flag_table import GROUPS


def _flags(*words):
    groups = [*command_line.TRAINING_GROUPS, "net"]
    return command_line.parse(["train_hg.py", "--data_dir=r", "--model_dir=m", *words], groups)


def test_the_input_takes_every_flag_of_the_group():
    from preprocessing.input import augmentation
    from preprocessing.input.resampling import METHODS

    flags = vars(_flags("--rotate_degrees=12", "--resize_methods=area,bicubic"))
    options = augmentation.options({name: flags[name] for name in augmentation.DEFAULTS})
    assert options["rotate_degrees"] == 12
    assert options["resize_methods"] == ["area", "bicubic"]
    assert {flag.name for flag in GROUPS["augmentation"]} == {"augment", *options}
    (methods,) = (flag for flag in GROUPS["augmentation"] if flag.name == "resize_methods")
    assert methods.choices == METHODS


@pytest.mark.parametrize("word", ["--crop_area=0.9,0.5", "--contrast=1", "--saturation=0.5,1,1.5", "--resize_methods="])
def test_what_is_no_range_is_refused(word):
    name = word.split("=")[0]
    with pytest.raises(UsageError, match=name):
        cross_checks.check_training(_flags(word))


def test_the_defaults_pass():
    cross_checks.check_training(_flags())
