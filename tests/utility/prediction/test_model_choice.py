"""Models are found by category, and what is wrong with another category's does not matter."""

from types import SimpleNamespace

import made_models
import pytest

from base.errors import DataError, UsageError
from tools import export_model
from tools.predicting import boxes, models
from utility.model import model_directory
from utility.prediction import model_choice


@pytest.fixture
def parent(tmp_path):
    """A folder of models (their descriptions alone) of skirt, trousers and dress, of which the dress's is damaged."""
    for category in ("skirt", "trousers", "dress"):
        (tmp_path / category).mkdir()
        model_directory.write(tmp_path / category, made_models.description(category))
    (tmp_path / "dress" / "model.json").write_text('{"net": ')
    (tmp_path / "test.csv").write_text("image_id,image_category\nImages/skirt/a.jpg,skirt\n")
    return str(tmp_path)


def test_a_damaged_model_of_another_category_does_not_matter(parent):
    skirt = f"{parent}/skirt"
    assert model_directory.find(parent, ["skirt", "all"]) == {"skirt": skirt}
    assert model_choice.find_models([parent], ["skirt"]) == {"skirt": [skirt]}
    assert model_choice.schema_for([parent], parent, "skirt").name == "fashionai"
    assert models.choose([parent, parent], "skirt") == ([skirt, skirt], "skirt")
    assert export_model._find_model(parent, "skirt") == skirt
    flags = SimpleNamespace(category="skirt", box_margin=0.0)
    assert boxes._rules(flags, [parent]).known == ["skirt"]


@pytest.mark.parametrize("category", ["dress", None])
def test_a_damaged_model_that_is_needed_is_named(parent, category):
    calls = (
        lambda: model_choice.find_models([parent], [category or "dress"]),
        lambda: model_choice.schema_for([parent], parent, category),
        lambda: models.choose([parent], category),
        lambda: export_model._find_model(parent, category),
    )
    for call in calls:
        with pytest.raises(DataError, match=r"dress/model.json: cannot be read"):
            call()


def test_a_category_without_a_model_or_of_no_schema(tmp_path):
    (tmp_path / "skirt").mkdir()
    model_directory.write(tmp_path / "skirt", made_models.description("skirt"))
    parents = [str(tmp_path)]
    with pytest.raises(DataError, match="has no model of dress, nor of all"):
        models.choose(parents, "dress")
    for category in ("hat", "all"):
        with pytest.raises(UsageError, match="--category must name the garment in the photos: one of blouse, dress"):
            models.choose(parents, category)
    with pytest.raises(UsageError, match="--category must name one of the models in .*: skirt"):
        export_model._find_model(parents[0], "dress")
    assert models.choose(parents, None) == ([f"{tmp_path}/skirt"], "skirt")
