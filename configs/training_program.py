"""What the training programs are: the same command line for every net, with the net's own options and defaults.

Its few lines in `train_hg.py` are those of any net's, with another name.
"""

from base.options import rows
from configs import command_line, cross_checks
from configs.flag_table import FLAGS, GROUPS
from net import registry
from utility.model.heatmap_settings import HeatmapSettings
from utility.training.settings import TrainingSettings


def run(net, doc):
    """Runs the training program of a net.

    Args:
        net: a name of the registry.
        doc: the program's docstring.
    """
    own_rows = registry.flag_rows(net)
    defaults = {row.name: row.default for row in own_rows.values()}

    def main(flags):
        cross_checks.check_training(flags)
        cross_checks.check_net_options(flags, net)
        cross_checks.check_sizes(flags, net)
        from utility.training.training import train_all

        settings = TrainingSettings.from_flags(vars(flags))
        train_all(settings, net, {name: getattr(flags, name) for name in own_rows if name in flags.given})

    command_line.run(
        main,
        doc,
        flags=[*own_rows, *_training_flags(registry.get_net(net).codec)],
        required=["data_dir", "model_dir"],
        defaults={**defaults, **registry.get_net(net).training},
        written=["model_dir"],
    )


def _training_flags(codec):
    """Returns the names of the flags that all trainings have, and of those of a codec."""
    groups = [GROUPS[entry] if entry in GROUPS else (FLAGS[entry],) for entry in command_line.TRAINING_GROUPS]
    names = [flag.name for group in groups for flag in group]
    if codec == "heatmap":
        return names
    of_heatmaps = {row.name for row in rows(HeatmapSettings)}
    return [*(name for name in names if name not in of_heatmaps), *(flag.name for flag in GROUPS[codec])]
