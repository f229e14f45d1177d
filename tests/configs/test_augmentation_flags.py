"""The augmentation's flags: they reach the input, and contradictions are refused."""

import dataclasses

import pytest

from base.errors import UsageError
from configs import command_line, cross_checks
from configs.flag_table import GROUPS
from preprocessing.input.augmentation_options import AugmentationOptions


def _flags(*words):
    groups = [*command_line.TRAINING_GROUPS, "net"]
    return command_line.parse(["train_hg.py", "--data_dir=r", "--model_dir=m", *words], groups)


def test_the_input_takes_every_flag_of_the_group():
    from preprocessing.input.resampling import METHODS

    flags = vars(_flags("--rotate_degrees=12", "--resize_methods=area,bicubic"))
    options = AugmentationOptions.from_flags(flags)
    assert options.rotate_degrees == 12
    assert options.resize_methods == ("area", "bicubic")
    assert AugmentationOptions.from_flags({**flags, "augment": False}) is None
    assert {flag.name for flag in GROUPS["augmentation"]} == {"augment", *dataclasses.asdict(options)}
    (methods,) = (flag for flag in GROUPS["augmentation"] if flag.name == "resize_methods")
    assert methods.choices == METHODS


@pytest.mark.parametrize("word", ["--crop_area=0.9,0.5", "--contrast=1", "--saturation=0.5,1,1.5", "--resize_methods="])
def test_what_is_no_range_is_refused(word):
    name = word.split("=")[0]
    with pytest.raises(UsageError, match=name):
        cross_checks.check_training(_flags(word))


def test_the_defaults_pass():
    cross_checks.check_training(_flags())
