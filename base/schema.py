"""What is annotated, as data: the keypoints of a data set and of each of its categories.

A schema is a file, `configs/schemas/<name>.toml` or one of your own, and travels from there in the records' manifest
and in each model's `model.json`: a model means the same wherever it is read.
"""

import dataclasses
import functools
import os
import re

from base import checked_toml
from base.checked_json import Unexpected
from base.errors import DataError
from base.schema_types import ALL, CATEGORY_PATTERN, CONTENT

__all__ = ["ALL", "CATEGORY_PATTERN", "DEFAULT", "NORM_OF_COINCIDING_PAIR", "Category", "Schema", "default", "load"]

DEFAULT = "fashionai"
NORM_OF_COINCIDING_PAIR = 256.0  # pixels: what takes the place of the normalising distance where it is 0

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "configs", "schemas")


@dataclasses.dataclass(frozen=True)
class Category:
    """A kind of garment.

    Attributes:
        name: of it.
        keypoints: names, in the order of the schema.
        normalise: the two keypoints whose distance divides the error.
        outline: its contour for drawing, chains of keypoint names.
        measurements: (name, chain of keypoint names) by name, each a length along the chain.
        sigmas: (keypoint name, its sigma of the OKS metric) by name.
        record_ids: for the keypoints of the category, in their order, the number that records of 2018 give each.
    """

    name: str
    keypoints: tuple[str, ...]
    normalise: tuple[str, ...]
    outline: tuple[tuple[str, ...], ...] = ()
    measurements: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sigmas: tuple[tuple[str, float], ...] = ()
    record_ids: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Schema:
    """The keypoints and the categories of a data set.

    Attributes:
        name: of the schema.
        keypoints: names, in the order of the CSV's columns.
        categories: by name: records number them so.
        swap: pairs of keypoints that are exchanged in the flipped image, beside those whose names say it.
    """

    name: str
    keypoints: tuple[str, ...]
    categories: tuple[Category, ...]
    swap: tuple[tuple[str, str], ...] = ()

    @functools.cached_property
    def category_names(self):
        """The names of the categories, in alphabetical order."""
        return tuple(category.name for category in self.categories)

    def category(self, name):
        """Returns the Category called `name`; raises KeyError where there is none."""
        return self._by_name[name]

    @functools.cached_property
    def _by_name(self):
        return {category.name: category for category in self.categories}

    def keypoint_names(self, category):
        """Returns the names of the category's keypoints (of all for `all`), in CSV order: a model's channels."""
        return self.keypoints if category == ALL else self.category(category).keypoints

    def keypoint_indices(self, category):
        """Returns the positions of the category's keypoints among `keypoints`, rising; all of them for `all`."""
        return self._indices[category]

    @functools.cached_property
    def _indices(self):
        order = {name: position for position, name in enumerate(self.keypoints)}
        own = {category.name: tuple(order[name] for name in category.keypoints) for category in self.categories}
        return {**own, ALL: tuple(range(len(self.keypoints)))}

    def owned(self, keypoints):
        """Returns which of K keypoints, named, each category has: a list of K bool for each."""
        names = [set(self.keypoint_names(category)) for category in self.category_names]
        return [[keypoint in own for keypoint in keypoints] for own in names]

    def num_keypoints(self, category):
        """Returns how many keypoints, and so heatmap channels, the category has."""
        return len(self.keypoint_names(category))

    def partner(self, keypoint):
        """Returns the name of what a keypoint becomes in the flipped image: itself if it has no partner."""
        return self._partners[keypoint]

    @functools.cached_property
    def _partners(self):
        given = {**dict(self.swap), **{b: a for a, b in self.swap}}
        known = set(self.keypoints)
        return {name: given.get(name, _flipped_name(name, known)) for name in self.keypoints}

    def flip_permutation(self, category):
        """Returns, for each of the category's keypoints, the position of its mirror partner (itself if it has none).

        The permutation is its own inverse.
        """
        names = self.keypoint_names(category)
        return tuple(names.index(self.partner(name)) for name in names)

    def normalising_pair(self, category):
        """Returns the positions among `keypoints` of the two points whose distance divides the category's error."""
        return tuple(self.keypoints.index(name) for name in self.category(category).normalise)

    def outline(self, category):
        """Returns the category's contour as pairs of keypoint names, for drawing."""
        chains = self.category(category).outline
        return tuple(dict.fromkeys(edge for chain in chains for edge in zip(chain, chain[1:])))

    def record_ids(self, category):
        """Returns, for each of `keypoints`, its number within the category, or -1: `image/keypoint/id` of a record."""
        own = self.category(category)
        numbers = dict(zip(own.keypoints, own.record_ids or range(len(own.keypoints))))
        return tuple(numbers.get(name, -1) for name in self.keypoints)

    @functools.cached_property
    def points_alone(self):
        """The Schema without its name, outlines and measurements: what is annotated, learned and scored."""
        categories = [dataclasses.replace(category, outline=(), measurements=()) for category in self.categories]
        return dataclasses.replace(self, name="", categories=tuple(categories))

    def same_points(self, other, category):
        """Returns whether two schemas have the same keypoints in a category, in the same order (of all for `all`)."""
        if category != ALL and not {category} <= {*self.category_names} & {*other.category_names}:
            return False
        return self.keypoint_names(category) == other.keypoint_names(category)

    def to_json(self):
        """Returns the schema as `of_json` takes it: objects, lists and strings."""
        return {
            "name": self.name,
            "keypoints": list(self.keypoints),
            "swap": [list(pair) for pair in self.swap],
            "categories": {category.name: _category_to_json(category) for category in self.categories},
        }


def _flipped_name(name, known):
    swap = {"left": "right", "right": "left"}
    flipped = "_".join(swap.get(word, word) for word in name.split("_"))
    return flipped if flipped in known else name


def _category_to_json(category):
    content = {
        "keypoints": list(category.keypoints),
        "normalise": list(category.normalise),
        "outline": [list(chain) for chain in category.outline],
        "measurements": {name: list(chain) for name, chain in category.measurements},
        "sigmas": dict(category.sigmas),
        "record_ids": list(category.record_ids),
    }
    return {key: value for key, value in content.items() if value}


def of_json(value, key=""):
    """The check of a schema, as `checked_json` has checks: returns the Schema that a value describes.

    Raises:
        checked_json.Unexpected: it describes none.
    """
    content = CONTENT(value, key)
    prefix = f"{key}." if key else ""
    order = {keypoint: position for position, keypoint in enumerate(content["keypoints"])}
    categories = [
        _category(name, own, order, f"{prefix}categories.{name}") for name, own in sorted(content["categories"].items())
    ]
    schema = Schema(content["name"], tuple(content["keypoints"]), tuple(categories), _swap(content, prefix))
    _check_partners(schema, prefix)
    return schema


def _category(name, content, order, key):
    """Returns the Category of its content; `order` has the positions of the schema's keypoints by name."""
    for position, keypoint in enumerate(content["keypoints"]):
        if keypoint not in order:
            raise Unexpected(f"{key}.keypoints[{position}]", "one of the schema's keypoints", keypoint)
    own = dict.fromkeys(sorted(content["keypoints"], key=order.get))
    chains = {"normalise": content["normalise"]}
    chains.update({f"outline[{index}]": chain for index, chain in enumerate(content.get("outline", []))})
    chains.update({f"measurements.{title}": chain for title, chain in content.get("measurements", {}).items()})
    chains["sigmas"] = list(content.get("sigmas", {}))
    for place, chain in chains.items():
        for keypoint in chain:
            if keypoint not in own:
                raise Unexpected(f"{key}.{place}", f"keypoints of {name}", keypoint)
    record_ids = content.get("record_ids", [])
    if record_ids and sorted(record_ids) != list(range(len(own))):
        raise Unexpected(f"{key}.record_ids", f"the numbers 0 to {len(own) - 1}, each once", record_ids)
    numbers = dict(zip(content["keypoints"], record_ids))
    return Category(
        name,
        tuple(own),
        tuple(content["normalise"]),
        tuple(map(tuple, content.get("outline", []))),
        # By name: JSON that sorts its keys means the same.
        tuple((title, tuple(chain)) for title, chain in sorted(content.get("measurements", {}).items())),
        tuple(sorted(content.get("sigmas", {}).items())),
        tuple(numbers[keypoint] for keypoint in own) if record_ids else (),
    )


def _swap(content, prefix):
    """Returns the pairs of keypoints that are exchanged, of the schema and of its categories."""
    places = {f"{prefix}swap": content.get("swap", [])}
    for name, own in content["categories"].items():
        places[f"{prefix}categories.{name}.swap"] = own.get("swap", [])
    known, partners, pairs = set(content["keypoints"]), {}, {}
    for place, given in places.items():
        for a, b in given:
            for keypoint, other in ((a, b), (b, a)):
                if keypoint not in known:
                    raise Unexpected(place, "the schema's keypoints", keypoint)
                if partners.setdefault(keypoint, other) != other:
                    raise Unexpected(place, f"{keypoint} with {partners[keypoint]} as elsewhere", other)
            pairs[tuple(sorted((a, b)))] = None
    return tuple(pairs)


def _check_partners(schema, prefix):
    """Raises Unexpected where the exchange of left and right is not its own inverse, or leads out of a category."""
    for keypoint in schema.keypoints:
        back = schema.partner(schema.partner(keypoint))
        if back != keypoint:
            raise Unexpected(f"{prefix}swap", f"{schema.partner(keypoint)} with {keypoint}", back)
    for category in schema.categories:
        own = set(category.keypoints)
        for keypoint in category.keypoints:
            if schema.partner(keypoint) not in own:
                expected = f"{schema.partner(keypoint)}, too, the flipped partner of {keypoint} (`swap` names others)"
                raise Unexpected(f"{prefix}categories.{category.name}.keypoints", expected, list(category.keypoints))


def load(name_or_path=DEFAULT):
    """Returns the Schema of a name, of a file in configs/schemas/, or of the path of a `.toml` file.

    Raises:
        DataError: there is none, or the file is no schema; names the file and the key.
    """
    path = os.fspath(name_or_path)
    if not path.endswith(".toml"):
        path = os.path.join(_FOLDER, f"{path}.toml")
        if not re.fullmatch(CATEGORY_PATTERN, os.fspath(name_or_path)) or not os.path.isfile(path):
            known = ", ".join(sorted(file[:-5] for file in os.listdir(_FOLDER) if file.endswith(".toml")))
            raise DataError(name_or_path, None, f"is no schema: expected one of {known}, or the path of a .toml file")
    try:
        return checked_toml.read(path, of_json)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(path, None, "is missing: expected a schema, a .toml file") from error


@functools.lru_cache(maxsize=1)
def default():
    """Returns FashionAI's Schema, which records and models without a schema mean."""
    return load(DEFAULT)
