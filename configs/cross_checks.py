"""Checks of flags against each other, made before anything runs."""

from base import parts
from base.errors import UsageError
from base.schema import ALL
from configs import paths
from net import registry
from utility.model import decoders
from utility.training import per_category


def check_training(flags):
    """Checks the flags of a training.

    Raises:
        UsageError: they contradict each other; the message names both.
    """
    if "model_to_train" in flags.given and not flags.model_to_train:
        raise UsageError("--model_to_train is empty: expected a category, several with commas between, or all")
    if flags.distribution == "none" and (flags.num_devices or 1) > 1:
        raise UsageError(f"--distribution=none uses one device, --num_devices={flags.num_devices} asks for more")
    decode = getattr(flags, "decode", None)  # not of a net without heatmaps
    if decode and decoders.needs_probabilities(decode) and flags.heatmap_loss != "softmax":
        raise UsageError(
            f"--decode={decode} requires probability heatmaps: expected --heatmap_loss=softmax, or --decode=dark"
        )
    _check_boundaries(flags.decay_boundaries, flags.lr_decay_factors)
    if len(set(flags.model_to_train)) < len(flags.model_to_train):
        raise UsageError(f"--model_to_train={','.join(flags.model_to_train)} names one of them twice")
    check_augmentation(flags)
    per_category.parse("category_epochs", flags.category_epochs)
    per_category.parse("category_learning_rates", flags.category_learning_rates)
    if flags.moving_average and flags.swa_start_epoch is not None:
        raise UsageError("--moving_average and --swa_start_epoch both average the weights: choose one")
    if flags.seq_train and flags.model_to_train == [ALL]:
        raise UsageError("--seq_train trains categories from `all`: name them in --model_to_train")
    if flags.seq_train and flags.checkpoint_path:
        raise UsageError("--seq_train starts the categories from its own `all`: leave out --checkpoint_path")


def check_net_options(flags, net):
    """Checks that the options of nets and backbones on the command line are those of the chosen ones.

    A recipe may have more, so that another backbone can be named behind it.

    Args:
        flags: the namespace of the flags.
        net: a name of the registry.

    Raises:
        UsageError: one belongs to others.
    """
    chosen = {"backbone": flags.backbone} if "backbone" in registry.option_rows(net) else {}
    foreign = flags.typed & set(registry.all_option_rows()) - set(registry.complete(net, chosen))
    for name in sorted(foreign):
        given = " on ".join([net, *chosen.values()])
        raise UsageError(f"--{name} is an option of {', '.join(registry.owners(name))}: the net is {given}")


def check_augmentation(flags):
    """Checks the flags of the augmentation.

    Raises:
        UsageError: a range is none, or there is no method to resize by.
    """
    for name in ("crop_area", "crop_aspect", "saturation", "contrast"):
        _check_range(name, getattr(flags, name))
    if not flags.resize_methods:
        raise UsageError("--resize_methods is empty: bilinear is usual")


def _check_range(name, values):
    if len(values) != 2 or values[0] > values[1]:
        given = ",".join(f"{value:g}" for value in values)
        raise UsageError(f"--{name}={given} must be two numbers, the least and the greatest")


def check_category(flags, schema):
    """Checks that --category, where it is given, names one of the schema's, or `all`.

    Raises:
        UsageError: it does not.
    """
    if flags.category not in (None, *schema.category_names, ALL):
        expected = f"expected one of {', '.join((*schema.category_names, ALL))}"
        known = f"the categories of the schema {schema.name}, or another --schema"
        raise UsageError(f"--category={flags.category}: {expected}, {known}")


def check_inference(flags):
    """Checks the flags of a prediction.

    Raises:
        UsageError: a list has not as many values as it must have.
    """
    if not all(paths.listed(flags.model_dir)):
        raise UsageError(
            f"--model_dir={flags.model_dir} names an empty folder: expected one, or several with commas between"
        )
    if len(flags.crop_margin) != 2:
        raise UsageError("--crop_margin needs two numbers, x and y: 100,80 is usual")
    if not (flags.test_scales and flags.test_rotations):
        raise UsageError("--test_scales and --test_rotations need a number each: 1 and 0 are the plain image")


def check_division(flags):
    """Checks the flags of a work in parts and of what does it; returns the Part of --shard, None without.

    Raises:
        UsageError: --shard names no part, or a flag has nothing to do.
    """
    if flags.shard is not None and flags.merge:
        raise UsageError("--shard makes a part, --merge puts all of them together: choose one")
    if flags.ray_address is not None and flags.engine != "ray":
        raise UsageError("--ray_address goes with --engine=ray, which is not given")
    return None if flags.shard is None else parts.parse(flags.shard)


def check_boxes(flags):
    """Checks the flags of the boxes that a prediction is told.

    Raises:
        UsageError: there are two kinds of them, or a flag has nothing to do.
    """
    if flags.boxes is not None and flags.box is not None:
        raise UsageError("--box is of every photo, --boxes has those of each: choose one")
    for name in sorted({"skip_bad", "eval_batch_size"} & flags.typed):
        if flags.boxes is None:
            raise UsageError(f"--{name} goes with --boxes, which is not given")
    if "box_margin" in flags.typed and flags.boxes is None and flags.box is None:
        raise UsageError("--box_margin goes with --boxes or --box, neither of which is given")


def check_of_format(flags, label_format, takers):
    """Checks that the flags on the command line which some formats of labels have no use for are those of the format.

    Args:
        flags: the namespace of the flags.
        label_format: the name of the format.
        takers: {format: names of such flags that it takes}.

    Raises:
        UsageError: one is for other formats.
    """
    known = sorted(set().union(*takers.values()))
    for name in known:
        if name in flags.typed and name not in takers[label_format]:
            others = ", ".join(other for other, names in takers.items() if name in names)
            raise UsageError(f"--{name} is for labels of {others}: --label_format={label_format} has no use for it")


def check_sizes(flags, net):
    """Checks that the heatmaps, if the net makes some, divide the input, and have the size that the net makes of it.

    Args:
        flags: of a training.
        net: a name of the registry.

    Raises:
        UsageError: they have another.
    """
    if registry.get_net(net).codec != "heatmap":
        return
    size, cells = flags.train_image_size, flags.heatmap_size
    if size % cells:
        raise UsageError(f"--heatmap_size={cells} does not divide --train_image_size={size}: a quarter of it is usual")
    own = registry.get_net(net).heatmap_size(size)
    if own not in (None, cells):
        raise UsageError(
            f"--heatmap_size={cells} is not what the net {net} makes of --train_image_size={size}: {own} is right"
        )


def _check_boundaries(boundaries, factors):
    if any(later <= earlier for earlier, later in zip(boundaries, boundaries[1:])):
        raise UsageError(f"--decay_boundaries={','.join(f'{b:g}' for b in boundaries)} must rise")
    if len(factors) != len(boundaries) + 1:
        raise UsageError(
            f"--lr_decay_factors has {len(factors)} values: expected {len(boundaries) + 1}, one more than "
            "--decay_boundaries"
        )
