"""Trains the cascaded pyramid network (arXiv 1711.07319) for the named categories, one after the other.

python train_cpn.py --data_dir=RECORDS --model_dir=MODELS --model_to_train=skirt,dress --backbone=resnet50
"""

from configs import command_line, cross_checks

NET_FLAGS = (
    "backbone",
    "detnet_laterals",
    "head_channels",
    "resnet_stride",
    "padding",
    "bn_momentum",
    "bn_epsilon",
    "initializer",
)
DEFAULTS = {
    "train_image_size": 384,
    "heatmap_size": 96,
    "train_epochs": 28,
    "batch_size": 10,
    "learning_rate": 1e-4,
}


def main(flags):
    cross_checks.check_training(flags)
    from utility.training.training import train_all

    train_all(vars(flags), "cpn", {name: getattr(flags, name) for name in NET_FLAGS})


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[*NET_FLAGS, *command_line.TRAINING_GROUPS],
        required=["data_dir", "model_dir"],
        defaults=DEFAULTS,
    )
