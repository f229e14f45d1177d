"""Trains the stacked hourglass (arXiv 1603.06937) for the named categories, one after the other.

python train_hg.py --data_dir=RECORDS --model_dir=MODELS --model_to_train=skirt,dress
"""

from configs import command_line, cross_checks

NET_FLAGS = ("num_stacks", "num_modules", "feats_channels", "padding", "bn_momentum", "bn_epsilon", "initializer")


def main(flags):
    cross_checks.check_training(flags)
    cross_checks.check_hourglass(flags)
    from utility.training.training import train_all

    train_all(vars(flags), "hourglass", {name: getattr(flags, name) for name in NET_FLAGS})


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[*NET_FLAGS, *command_line.TRAINING_GROUPS],
        required=["data_dir", "model_dir"],
    )
