"""The nets by name, found by listing `net/nets/`, and their options as `model.json` and the flags have them.

There an option is one of a flat {name: value}: a net's own, and those of the backbone that it stands on.
"""

from base import listing
from base.options import merged, rows
from net import backbones, declared, nets
from net.layers import LayerOptions

# The data set's own mean, for nets that start from nothing: RGB, and the input is (pixel - mean) * scale. An imported
# backbone brings its own.
MEAN_RGB = (171.04, 162.98, 159.89)
SCALE = 1 / 255

_REGISTERED = {}  # what is not in the folder


def names():
    """Returns the names of the nets."""
    return (*listing.modules(nets.__path__), *_REGISTERED)


def get_net(name):
    """Returns the `net.declarations.Net` called `name`, one of `names`."""
    return _REGISTERED.get(name) or declared.load_net(nets.__name__, name)


def register(name, net):
    """Adds a net, a `net.declarations.Net`, that is not in the folder."""
    _REGISTERED[name] = net


def option_rows(name):
    """Returns {name: Option} of all that a net can be told: its own options, and those of every backbone under it."""
    own = rows(get_net(name).options)
    return merged(own, backbones.option_rows().values() if _has_backbone(name) else ())


def flag_rows(name):
    """Returns {name: Option} of what is said of a net on the command line: what its weights settle is not."""
    return {option: row for option, row in option_rows(name).items() if not row.of_weights}


def owners(option):
    """Returns the names of the nets and backbones that have an option."""
    nets = [name for name in names() if option in {row.name for row in rows(get_net(name).options)}]
    return nets + [
        name for name in backbones.names() if option in {row.name for row in rows(backbones.find(name).options)}
    ]


def all_option_rows():
    """Returns {name: Option} of the options of every net and backbone, those that all nets have last."""
    found = merged(*(option_rows(net).values() for net in names()))
    common = {row.name for row in rows(LayerOptions)}
    return dict(sorted(found.items(), key=lambda item: item[0] in common))


def all_flag_rows():
    """Returns `all_option_rows` without what the weights settle, as for `flag_rows`."""
    return {option: row for option, row in all_option_rows().items() if not row.of_weights}


def complete(name, values):
    """Returns the options of a net, {name: value}, with the defaults of those that are not given.

    Args:
      name: of the net.
      values: {name: value} of its options. Those of other backbones than the chosen one are left out.

    Raises:
      ValueError: the net has no such option.
    """
    unknown = sorted(set(values) - set(option_rows(name)))
    if unknown:
        raise ValueError(f"{name} has no option {unknown[0]}: expected one of {', '.join(option_rows(name))}")
    own = {row.name: values.get(row.name, row.default) for row in rows(get_net(name).options)}
    if not _has_backbone(name):
        return own
    below = rows(backbones.find(own["backbone"]).options)
    return {**own, **{row.name: values.get(row.name, row.default) for row in below}}


def make_options(name, values):
    """Returns the options of a net as an instance of its dataclass (arguments and errors as for `complete`)."""
    values = complete(name, values)
    own = {row.name: values.pop(row.name) for row in rows(get_net(name).options)}
    if _has_backbone(name):
        own["backbone_options"] = backbones.find(own["backbone"]).options(**values)
    return get_net(name).options(**own)


def build(name, images, num_keypoints, is_training, values, data_format="channels_last", **arguments):
    """Builds a net in the current graph.

    Args:
      name: of the net.
      images: [B, H, W, 3] float32, normalised.
      num_keypoints: K.
      is_training: whether batch norm takes the batch's statistics.
      values: {name: value} of its options; those that are not given have their defaults.
      data_format: of the inside, "channels_last" or "channels_first".
      **arguments: what the codec asks of the builder, such as `heatmap_size`.

    Returns:
      What `Net.build` does.

    Raises:
      ValueError: the net has no such option, or cannot do what the codec asks of it.
    """
    options = make_options(name, values)
    return get_net(name).build(images, num_keypoints, is_training, data_format, options, **arguments)


def _has_backbone(name):
    return issubclass(get_net(name).options, backbones.BackboneOptions)
