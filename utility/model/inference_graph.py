"""A trained net as constants: restored once, stripped of what only training needs, batch norm folded away.

B images, S the input's size.
"""

import collections
import dataclasses
import logging
import os

import numpy as np
import tensorflow as tf

from base.errors import DataError
from base.plain_paths import plain
from utility.model import averaging, checkpoints, codec, model_directory
from utility.model.network import run_net

v1 = tf.compat.v1

IMAGES = "images"
_log = logging.getLogger(__name__)


def freeze(model_dir, checkpoint=None, data_format=None):
    """Reads a trained model.

    Args:
        model_dir: the model's folder.
        checkpoint: the prefix of a checkpoint, or a folder of them; the model's best where not given.
        data_format: of the net's inside; None for the device's best.

    Returns:
        model: the ModelDescription; without a calibration that is of another checkpoint.
        graph_def: from `images` [B, S, S, 3] float32 RGB 0 to 255 to the outputs of the model's codec, by their names,
            of the last stage.

    Raises:
        DataError: the description or the checkpoint is missing, broken, or not of this net.
    """
    model = model_directory.read(model_dir)
    checkpoint = model_directory.checkpoint(checkpoint or model_dir)
    model = _fitting(model, model_dir, checkpoint)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph, config=session_config()) as session:
        names = _build(model, data_format, os.path.join(model_dir, model_directory.DESCRIPTION))
        restore(session, checkpoint)
        graph_def = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), names)
    folded = fold_batch_norm(graph_def, names)
    _check_finite(folded, checkpoint)
    return model, folded


def _fitting(model, model_dir, checkpoint):
    """Returns the description without its calibration where that is of other weights than the checkpoint's."""
    own = model.calibration
    if own is None or own.checkpoint == os.path.relpath(checkpoint, model_dir):
        return model
    _log.warning(
        "%s: the calibration is of %s, not of %s: there are no covariances until tools/calibrate.py has run again",
        os.path.join(model_dir, model_directory.DESCRIPTION),
        own.checkpoint,
        os.path.relpath(checkpoint, model_dir),
    )
    return dataclasses.replace(model, calibration=None)


def _check_finite(graph_def, checkpoint):
    """Raises DataError where a constant is not finite: the points would be of maps that are NaN, and look like some."""
    for node in graph_def.node:
        if node.op == "Const" and not np.isfinite(_floats(node)).all():
            what = "has numbers that are not finite: expected a checkpoint of a training that went well"
            raise DataError(checkpoint, node.name, what)


def _floats(node):
    """Returns the numbers of a constant; none where it is no float32."""
    tensor = node.attr["value"].tensor
    return tf.make_ndarray(tensor) if tensor.dtype == tf.float32.as_datatype_enum else ()


def session_config(precision="float32"):
    """Returns the ConfigProto of a session that computes in `precision`, as for Predictor, and takes memory as needed.

    A session that takes a whole GPU at once, as is the default, would stop a training beside it.

    Raises:
        ValueError: there is no such precision.
    """
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"expected the precision float32 or bfloat16, got {precision}")
    config = v1.ConfigProto()
    config.gpu_options.allow_growth = True
    if precision == "bfloat16":
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = 1  # 1: on
    return config


def _build(model, data_format, path):
    """Builds the net; returns the names of its outputs."""
    size = model.train_image_size
    images = v1.placeholder(tf.float32, [None, size, size, 3], name=IMAGES)
    try:
        outputs = codec.of(model).read(run_net(images, model, False, data_format)[-1])
    except (KeyError, TypeError, ValueError) as error:
        what = f"describes no net that this program builds ({error}): expected the file that the training wrote"
        raise DataError(path, None, what) from error
    for name, tensor in outputs.items():
        tf.identity(tensor, name=name)
    return list(outputs)


def restore(session, checkpoint):
    """Gives the variables of the session's graph their values in a checkpoint, the averaged ones where it has them.

    Raises:
        DataError: it is damaged, or not of this net.
    """
    reader = checkpoints.open_reader(checkpoint)
    try:
        names = averaging.variables_to_restore(plain(checkpoint), v1.global_variables())
        _check_shapes(reader, names)
        # Not by a Saver, which takes the folder's name as a pattern.
        initializers = {variable.initializer: reader.get_tensor(name) for name, variable in names.items()}
        session.run(list(initializers), {op.inputs[1]: value for op, value in initializers.items()})
    except checkpoints.DAMAGE as error:
        reason = checkpoints.reason(error)
        what = f"cannot be restored into the net of model.json ({reason}): expected an undamaged checkpoint of it"
        raise DataError(checkpoint, None, what) from error


def _check_shapes(reader, names):
    """Raises ValueError for a variable of another shape, which a Saver would give its own shape to."""
    shapes = reader.get_variable_to_shape_map()
    for name, variable in names.items():
        if name in shapes and shapes[name] != variable.shape.as_list():
            raise ValueError(f"{name} has the shape {shapes[name]} there, {variable.shape.as_list()} in the net")


# Where the axes of the output channels begin in the kernel of each kind of convolution.
_OUTPUT_AXES = {"Conv2D": 3, "DepthwiseConv2dNative": 2}


def fold_batch_norm(graph_def, outputs):
    """Returns the graph with each batch norm that follows a convolution multiplied into the kernel.

    gamma (conv(x, w) - mean) / sqrt(variance + epsilon) + beta is a convolution by a scaled w, plus a bias: less
    traffic through memory, and a form whose sum and activation the CPU's library computes in the same pass.
    What the nodes named `outputs` do not need is left out.
    """
    nodes = {node.name: node for node in graph_def.node}
    uses = collections.Counter(name.split(":")[0] for node in graph_def.node for name in node.input)
    folded = v1.GraphDef(versions=graph_def.versions)
    for node in graph_def.node:
        convolution = nodes[node.input[0]] if node.op == "FusedBatchNormV3" and not node.attr["is_training"].b else None
        if convolution is not None and convolution.op in _OUTPUT_AXES and uses[convolution.name] == 1:
            folded.node.extend(_biased_convolution(convolution, node, nodes))
        else:
            folded.node.append(node)
    return v1.graph_util.extract_sub_graph(folded, outputs)


def _biased_convolution(convolution, norm, nodes):
    """Returns the nodes that take the place of a convolution and its batch norm, the last under the norm's name."""
    kernel = _constant(nodes, convolution.input[1])
    gamma, beta, mean, variance = (_constant(nodes, name) for name in norm.input[1:5])
    scale = gamma / np.sqrt(variance + norm.attr["epsilon"].f)
    scaled = v1.NodeDef()
    scaled.CopyFrom(convolution)
    scaled.name = f"{norm.name}/convolution"
    scaled.input[1] = f"{norm.name}/kernel"
    bias = v1.NodeDef(name=norm.name, op="BiasAdd", input=[scaled.name, f"{norm.name}/bias"])
    for attribute in ("T", "data_format"):
        bias.attr[attribute].CopyFrom(convolution.attr[attribute])
    return [
        _constant_node(scaled.input[1], kernel * scale.reshape(kernel.shape[_OUTPUT_AXES[convolution.op] :])),
        _constant_node(bias.input[1], beta - mean * scale),
        scaled,
        bias,
    ]


def _constant(nodes, name):
    node = nodes[name]
    return tf.make_ndarray(node.attr["value"].tensor) if node.op == "Const" else _constant(nodes, node.input[0])


def _constant_node(name, value):
    node = v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.astype(np.float32)))
    return node
