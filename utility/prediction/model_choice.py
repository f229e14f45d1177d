"""Which models of some folders predict which photos, and by which schema."""

import os

from base.errors import DataError
from base.schema import ALL
from preprocessing.data import annotations, layout, manifest, records
from utility.model import model_directory


def schema_for(parents, data_dir, category=None):
    """Returns the Schema of the photos of a test, by which they are predicted.

    Records bring theirs. A split's photos have that of the models; where the folders hold models of several schemas,
    the one whose columns and categories those of the split's CSV are, and whose models know all of them.

    Args:
        parents: folders of models.
        data_dir: a split with its CSV, or records.
        category: the only one that counts; None or `all` for every one.

    Raises:
        DataError: there is no model, no CSV, or several schemas fit it, or none.
    """
    if records.list_shards(data_dir, ALL):
        return manifest.schema_of(data_dir)
    found = [_models_of(parent, category) for parent in parents]
    schemas = {}  # what differs in drawing alone is one
    for folder in (folder for folders in found for folder in folders.values()):
        schema = model_directory.read(folder).schema
        schemas.setdefault(schema.points_alone, schema)
    if len(schemas) == 1:
        return next(iter(schemas.values()))
    file = layout.find_csv(data_dir)
    columns, categories = annotations.read_names(file)
    wanted = categories if category in (None, ALL) else {category}
    fitting = [schema for schema in schemas.values() if _fits(schema, columns, wanted, found)]
    if fitting and all(_same_rows(fitting[0], schema, wanted) for schema in fitting):
        return fitting[0]
    names = sorted({schema.name for schema in fitting or schemas.values()})
    what = f"holds models of several schemas, {', '.join(names)}, of which {'all' if fitting else 'none'} fit {file}"
    right = f"expected one whose models know {', '.join(sorted(wanted)) or 'a category'}"
    raise DataError(",".join(parents), None, f"{what}: {right}; a folder of one schema's models, or --category, helps")


def _fits(schema, columns, categories, found):
    if not (set(columns) <= {*annotations.KNOWN_COLUMNS, *schema.keypoints} and categories <= {*schema.category_names}):
        return False
    return all(_folder(folders, category, schema) for folders in found for category in categories)


def _models_of(parent, category):
    """Returns {category: folder} of the models that a category may be predicted with, its own and that of `all`.

    All models for None and `all`, and where there is neither, which `find_models` says.
    """
    own = {} if category in (None, ALL) else model_directory.find(parent, (category, ALL))
    return own or model_directory.find(parent)


def _same_rows(one, other, categories):
    """Returns whether submissions of some categories are the same by two schemas."""
    return one.keypoints == other.keypoints and all(one.same_points(other, category) for category in categories)


def _folder(folders, category, schema=None):
    """Returns the folder of the model, by {category: folder}, that finds a category's keypoints; None without one."""
    for name in (category, ALL):
        if name in folders:
            own = model_directory.read(folders[name]).schema
            if category in (*own.category_names, ALL) and (schema is None or own.same_points(schema, category)):
                return folders[name]
    return None


def find_models(parents, categories, schema=None):
    """Returns {category: [folder of its model in each of `parents`]}; where a parent has none, its model of `all`.

    Args:
        parents: folders of models.
        categories: names of the schema's, or `all`.
        schema: the Schema of the photos; a model that calls other keypoints by the category's name is passed over.
            None: whatever the models' own schemas call so.

    Raises:
        DataError: a parent has neither.
    """
    found = [model_directory.find(parent, {*categories, ALL}) for parent in parents]
    models = {}
    for category in categories:
        for parent, folders in zip(parents, found):
            if not _folder(folders, category, schema):
                raise _without_model(parent, folders, category, schema)
        models[category] = [_folder(folders, category, schema) for folders in found]
    return models


def _without_model(parent, folders, category, schema):
    """Returns the DataError of a parent that has no model of a category."""
    folder = folders.get(category) or folders.get(ALL)
    if not folder:
        what = f"has no model of {category}, nor of {ALL}: train it, or name what there is by --category"
        return DataError(parent, None, what)
    own = model_directory.read(folder).schema
    path = os.path.join(folder, model_directory.DESCRIPTION)
    if category not in own.category_names:
        expected = f"expected one with the category {category}, got {own.name} ({', '.join(own.category_names)})"
        return DataError(path, "schema", expected)
    wanted, there = (", ".join(names) for names in (schema.keypoint_names(category), own.keypoint_names(category)))
    return DataError(path, "schema", f"expected the keypoints of {category} in the data, {wanted}; got {there}")


def garments(parents):
    """Returns the names of the categories that the schemas of some folders' models have, sorted.

    Raises:
        DataError: a folder holds no model.
    """
    folders = [folder for parent in parents for folder in model_directory.find(parent).values()]
    return sorted({name for folder in folders for name in model_directory.read(folder).schema.category_names})
