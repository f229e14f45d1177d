"""What the training programs are: the same command line for every net, with the net's own options and defaults.

Its few lines in `train_hg.py` are those of any net's, with another name.
"""

from configs import command_line, cross_checks
from net import registry
from utility.training.settings import TrainingSettings


def run(net, doc):
    """Runs the training program of a net.

    Args:
        net: a name of the registry.
        doc: the program's docstring.
    """
    rows = registry.flag_rows(net)
    defaults = {row.name: row.default for row in rows.values()}

    def main(flags):
        cross_checks.check_training(flags)
        cross_checks.check_net_options(flags, net)
        cross_checks.check_sizes(flags, net)
        from utility.training.training import train_all

        settings = TrainingSettings.from_flags(vars(flags))
        train_all(settings, net, {name: getattr(flags, name) for name in rows if name in flags.given})

    command_line.run(
        main,
        doc,
        flags=[*rows, *command_line.TRAINING_GROUPS],
        required=["data_dir", "model_dir"],
        defaults={**defaults, **registry.get_net(net).training},
        written=["model_dir"],
    )
