"""Every net, in small: the matrix of tests that all nets must pass. It follows from what nets and backbones declare."""

from base import listing
from base.options import rows
from net import backbones, nets, registry

NAMES = listing.modules(nets.__path__)  # not what other tests register


def small(name, **options):
    """Returns {name: value} of the options of a small version of a net, with others as given."""
    numbers = {row.name: _small(row) for row in rows(registry.get_net(name).options) if row.kind == "int"}
    return {**numbers, **options}


def _small(row):
    return max(row.low or 1, 16 if row.default > 32 else 2)  # 2 stacks, 2 modules, 16 channels


def variants():
    """Returns [(net, options)]: each net in small, with each choice of its options once, and every backbone.

    The first net on backbones stands on each of them, others on their own and on one that has batch norm.
    """
    found, stood_on = [], []
    for name in NAMES:
        options = registry.option_rows(name)
        covered = set()
        under = [None]
        if "backbone" in options:
            own = {options["backbone"].default: None, "efficientnet_lite0": None}
            under = list(own) if stood_on else backbones.names()
            stood_on += under
        for backbone in under:
            base = small(name, **({"backbone": backbone} if backbone else {}))
            own = registry.complete(name, base)
            found.append((name, base))
            for number in range(1, max(len(row.choices) for row in options.values() if row.name != "backbone")):
                others = {
                    option: options[option].choices[number]
                    for option in own
                    if option != "backbone" and len(options[option].choices) > number
                }
                if others.items() - covered:
                    found.append((name, {**base, **others}))
                    covered |= others.items()
    return found


def label(name, options):
    """Returns how a test of a variant is called."""
    return " ".join(map(str, (name, *options.values())))
