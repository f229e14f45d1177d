"""Prints a net's layers, shapes, parameters and multiply-adds, without running anything.

`--net` and its options name the net, or `--model_dir` a trained model. A layer is a convolution or matrix product; what
batch norm, activations, pooling and resizing take beside them is not counted, as is usual.
"""

import json

from base.errors import UsageError
from base.schema import ALL
from configs import command_line, cross_checks
from net import registry

NET_FLAGS = tuple(registry.all_flag_rows())
_SIZE = 256  # pixels, of a net without a model


def main(flags):
    """Prints the table and writes the JSON where asked for.

    Raises:
        DataError: `--model_dir` holds no model.
        UsageError: the net cannot take images of that size.
    """
    from base.files import atomic_write

    figures = inspect(describe(flags))
    print("\n".join(table(figures)))
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(figures, indent=2) + "\n")


def describe(flags):
    """Returns what to build: {net, net_options, num_keypoints, height, width, codec's arguments of the builder}."""
    from base import schema as schemas
    from utility.model import codec, model_directory

    if flags.model_dir:
        for name in sorted(flags.typed & {"net", *NET_FLAGS}):
            own = f"--model_dir={flags.model_dir}, whose model has its own"
            raise UsageError(f"--{name} describes a net: expected none beside {own}")
        model = model_directory.read(flags.model_dir)
        size, arguments = model.train_image_size, codec.of(model).build_arguments()
        own = {"net": model.net, "net_options": model.net_options, "num_keypoints": len(model.keypoints)}
    else:
        cross_checks.check_net_options(flags, flags.net)
        options = registry.option_rows(flags.net)
        chosen = {name: getattr(flags, name) for name in NET_FLAGS if name in options and name in flags.given}
        size, arguments = _SIZE, {}
        own = {"net": flags.net, "net_options": registry.complete(flags.net, chosen)}
        schema = schemas.load(flags.schema)
        cross_checks.check_category(flags, schema)
        own["num_keypoints"] = flags.num_keypoints or schema.num_keypoints(flags.category or ALL)
    if flags.height or flags.width:
        arguments = {}  # the net's own sizes: the model's are of another input
    return {**own, "height": flags.height or size, "width": flags.width or size, "arguments": arguments}


def inspect(net):
    """Builds a net for one image and reads its figures off the graph.

    Args:
        net: what `describe` returns.

    Returns:
        {parameters (batch norm's statistics included), trainable, multiply_adds, outputs: [[h, w, k], …] of heatmaps,
        [[k, 2], …] of coordinates, layers:
        [{name, kind, shape, parameters, multiply_adds}, …]}.
    """
    import tensorflow as tf

    from net import complexity

    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [1, net["height"], net["width"], 3])
        outputs = registry.build(
            net["net"], images, net["num_keypoints"], False, net["net_options"], **net["arguments"]
        )
        layers = complexity.layers(graph)
        return {
            "parameters": complexity.count(tf.compat.v1.global_variables()),
            "trainable": complexity.count(tf.compat.v1.trainable_variables()),
            "multiply_adds": sum(layer.multiply_adds for layer in layers),
            "outputs": [list(getattr(output, "points", output).shape)[1:] for output in outputs],
            "layers": [{**layer._asdict(), "shape": list(layer.shape)} for layer in layers],
        }


def table(figures):
    """Returns the lines that show the figures of `inspect`."""
    layers = figures["layers"]
    width = max(len(layer["name"]) for layer in layers)
    lines = [f"{'layer':{width}}  {'output':>16}  {'weights':>10}  {'multiply-adds':>14}"]
    for layer in layers:
        shape = "x".join(map(str, layer["shape"][1:]))
        lines.append(f"{layer['name']:{width}}  {shape:>16}  {layer['parameters']:>10}  {layer['multiply_adds']:>14}")
    outputs = ", ".join("x".join(map(str, shape)) for shape in figures["outputs"])
    return [
        *lines,
        f"outputs: {outputs}",
        f"parameters: {figures['parameters']}, of which trainable: {figures['trainable']}",
        f"multiply-adds: {figures['multiply_adds']} ({_short(figures['multiply_adds'])})",
    ]


def _short(number):
    return f"{number / 1e9:.2f} G" if number >= 1e8 else f"{number / 1e6:.2f} M"


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["inspection", *NET_FLAGS, "category", "schema", "model_dir", "json"],
    )
