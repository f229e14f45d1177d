"""Trainings of deep fashion alignment that are small enough for tests: a VGG of five convolutions of four channels.

As a program this file trains it, as train_dfa.py trains its own: `python tests/made_dfa.py --data_dir=…`.
"""

import contextlib
import sys
from unittest import mock

from base import program_log
from configs import command_line
from net import registry
from net.backbones import vgg
from utility.training import training
from utility.training.settings import TrainingSettings

_STAGES = ((1, 4),) * 5
STEPS = 4  # two for each of two stages; a third one takes as long again, and is trained as the second is
WORDS = (
    "--model_to_train=skirt",
    "--num_stages=2",
    "--fc_channels=8",
    "--pseudo_labels=3,2,2,3",
    "--stage_shares=0.4,0.4,0.4",
    "--train_image_size=64",
    "--batch_size=4",
    "--eval_batch_size=8",
    f"--max_steps={STEPS}",
    "--epochs_per_eval=100",
    "--warmup_steps=0",
    "--learning_rate=0.001",
    "--optimizer=adam",
    "--num_preprocessing_threads=1",
    "--noaugment",
)
_NET = tuple(registry.flag_rows("dfa"))
_FLAGS = [*_NET, *command_line.TRAINING_GROUPS, "coordinates"]


@contextlib.contextmanager
def small_vgg():
    """Makes the VGG as small as that while the block runs."""
    with mock.patch.object(vgg, "STAGES", _STAGES):
        yield


def settings(*words):
    """Returns the TrainingSettings of a command line; later words win."""
    defaults = {row.name: row.default for row in registry.flag_rows("dfa").values()}
    return TrainingSettings.from_flags(vars(command_line.parse(["train", *WORDS, *words], _FLAGS, defaults=defaults)))


def train(*words):
    """Trains as the command line does."""
    program_log.show()
    own = settings(*words)
    training.train_all(own, "dfa", {name: own.flags[name] for name in _NET})


if __name__ == "__main__":
    with small_vgg():
        train(*sys.argv[1:])
