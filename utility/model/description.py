"""What a model is: the content of `model.json`, beside the checkpoints that it describes."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from base.options import Option
from base.schema import Schema

TRAIN_IMAGE_SIZE = Option(
    "train_image_size", "int", 256, "Height and width of the network's input, in pixels.", 16, 4096
)
BOX_MARGIN = Option(
    "box_margin",
    "float",
    None,
    "What a net sees beyond a box on every side, as a share of the box's width and height; not given: "
    "nothing (training), as much as the model was trained with (prediction).",
    0,
    10,
)


@dataclass(frozen=True)
class Normalisation:
    """What becomes of a photo's pixels, RGB from 0 to 255, before the net: (pixel - mean) * scale, per channel."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]


@dataclass(frozen=True)
class ModelDescription:
    """A model: its net, what it finds, and how its input and its outputs are to be read.

    Attributes:
        net: a name of `net.registry`.
        net_options: of the net, {name: value}, complete.
        category: a category of the schema, or `all`.
        schema: what is annotated.
        keypoints: their names, in the order of the net's channels.
        train_image_size: height and width of the input, in pixels.
        box_margin: what the input shows beyond a box, see `preprocessing.data.boxes.widened`.
        keep_aspect: whether the input shows photos undistorted, see `preprocessing.input.letterbox`.
        normalisation: of the input.
        codec: a name of `utility.model.codec`.
        codec_settings: of the codec, {name: value}. Those of `heatmap`: heatmap_size (cells, square), heatmap_sigma
            (cells), heatmap_loss, target_scale (height of the trained maps), decode.
        training: the settings that a resumed training must have again, {name: value}; empty where none noted them.
        code_version: of the program that wrote the file; None in memory, and in files of release 1.0.0.
        others: what else a file says, kept when it is written anew.
    """

    net: str
    net_options: Mapping[str, Any]
    category: str
    schema: Schema
    keypoints: tuple[str, ...]
    train_image_size: int
    normalisation: Normalisation
    codec: str
    codec_settings: Mapping[str, Any]
    box_margin: float = 0.0
    keep_aspect: bool = False
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    code_version: Optional[str] = None
    others: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def with_codec(self, **settings: Any) -> "ModelDescription":
        """Returns the description with other settings of the codec."""
        return dataclasses.replace(self, codec_settings={**self.codec_settings, **settings})

    def with_net(self, **options: Any) -> "ModelDescription":
        """Returns the description with other options of the net."""
        return dataclasses.replace(self, net_options={**self.net_options, **options})

    def to_json(self) -> dict[str, Any]:
        """Returns the description as `model.json` has it: the codec's settings stand beside everything else."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        own.update(schema=self.schema.to_json(), normalisation=dataclasses.asdict(self.normalisation))
        del own["codec_settings"], own["others"]
        optional = {name for name in ("training", "code_version", "keep_aspect") if not own[name]}
        own = {name: value for name, value in own.items() if name not in optional}
        return {**self.others, **self.codec_settings, **own}


def from_json(content: Mapping[str, Any], setting_names: tuple[str, ...]) -> ModelDescription:
    """Returns the description of a checked `model.json`.

    Args:
        content: its keys and values; `schema` is a Schema already.
        setting_names: which of the keys are the codec's.
    """
    names = {field.name for field in dataclasses.fields(ModelDescription)} - {"codec_settings", "others"}
    own = {name: value for name, value in content.items() if name in names}
    own["keypoints"] = tuple(content["keypoints"])
    own["normalisation"] = Normalisation(*(tuple(content["normalisation"][key]) for key in ("mean", "scale")))
    settings = {name: content[name] for name in setting_names}
    known = names | set(settings) | {"format_version"}
    others = {name: value for name, value in content.items() if name not in known}
    return ModelDescription(**own, codec_settings=settings, others=others)
