"""Starting from other weights: what is restored, sliced, refused, and that the training begins with it."""

import made_models
import numpy as np
import pytest
import tensorflow as tf

from base import estimator_api, program_log
from base.errors import DataError
from net import registry
from utility.model import checkpoints, model_directory, warm_start_plan
from utility.model.description import Normalisation
from utility.training.settings import TrainingSettings

v1 = tf.compat.v1


def describe(category):
    return made_models.description(category, num_stacks=2, feats_channels=8)


def values_of(model, seed=5):
    random = np.random.RandomState(seed)
    shapes = warm_start_plan.variable_shapes(model)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def model_of_all(tmp_path):
    """(folder of a model `all`, its variables)."""
    folder = tmp_path / "all"
    folder.mkdir()
    model = describe("all")
    values = values_of(model)
    model_directory.write(str(folder), model)
    checkpoints.write(str(folder / "model.ckpt"), {**values, "global_step": np.int64(7)})
    return folder, values


def started(model_dir, model, **flags):
    """The values of a net's variables after an Estimator's first step from a warm start; the step changes nothing."""

    def model_fn(features, labels, mode, params):
        del labels, params
        registry.build(model.net, features, len(model.keypoints), False, model.net_options)
        step = v1.assign_add(v1.train.get_or_create_global_step(), 1)
        return estimator_api.EstimatorSpec(mode, loss=tf.constant(0.0), train_op=step)

    def input_fn():
        return tf.data.Dataset.from_tensors((tf.zeros([1, 64, 64, 3]), 0))

    with checkpoints.warm_start(str(model_dir), model, TrainingSettings(**flags)) as start:
        estimator = estimator_api.Estimator(model_fn, str(model_dir), warm_start_from=start)
        estimator.train(input_fn, steps=1)
    return {name: estimator.get_variable_value(name) for name in warm_start_plan.variable_shapes(model)}


def test_a_category_starts_from_all_with_its_own_heads(tmp_path, model_of_all, capsys):
    folder, values = model_of_all
    program_log.show()
    skirt = describe("skirt")
    result = started(tmp_path / "skirt", skirt, checkpoint_path=str(folder))
    indices = [15, 16, 17, 18]  # waistband and hemline, left and right, in the order of the CSV
    head, remap = "hourglass/stack1/heatmaps", "hourglass/stack1/remap_heatmaps/kernel"
    expected = {
        **values,
        remap: values[remap][:, :, indices],
        **{
            f"hourglass/stack{n}/heatmaps/kernel": values[f"hourglass/stack{n}/heatmaps/kernel"][..., indices]
            for n in (1, 2)
        },
        **{f"hourglass/stack{n}/heatmaps/bias": values[f"hourglass/stack{n}/heatmaps/bias"][indices] for n in (1, 2)},
    }
    assert f"{head}/kernel" in expected
    assert any(name.endswith("moving_variance") for name in result)
    for name, value in result.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)
    table = capsys.readouterr().err
    assert "sliced" in table
    assert str(folder) in table


def test_a_model_that_has_begun_goes_on_from_itself(tmp_path, model_of_all):
    folder, values = model_of_all
    begun = tmp_path / "skirt"
    skirt = describe("skirt")
    other = values_of(skirt, seed=6)
    checkpoints.write(str(begun / "model.ckpt"), {**other, "global_step": np.int64(3)})
    with checkpoints.warm_start(str(begun), skirt, TrainingSettings(checkpoint_path=str(folder))) as start:
        assert start is None


def plan(model, source_shapes, **flags):
    return warm_start_plan.make_plan(model, None, source_shapes, TrainingSettings(**flags))


def test_the_plan_sorts_every_variable():
    model = describe("skirt")
    shapes = warm_start_plan.variable_shapes(model)
    names = sorted(shapes)
    source = dict(shapes)
    missing, misfit = names[0], "hourglass/stem/conv/kernel"
    del source[missing]
    source[misfit] = (5, 5, 3, 64)
    source["hourglass/stack3/linear/conv/kernel"] = (1, 1, 8, 8)
    source["hourglass/stem/conv/kernel/Momentum"] = (5, 5, 3, 64)
    result = plan(model, source, checkpoint_exclude_scopes=["hourglass/stack2"])
    excluded = [name for name in names if name.startswith("hourglass/stack2/")]
    assert set(result.excluded) == set(excluded)
    assert result.missing == [missing]
    assert list(result.shape_mismatches) == [misfit]
    assert "hourglass/stack3/linear/conv/kernel" in result.unused
    assert not any("Momentum" in name for name in result.unused)
    assert len(result.copies) == len(names) - len(excluded) - 2
    with pytest.raises(DataError, match="does not fit"):
        warm_start_plan.check(result, "model.ckpt", is_backbone=False)
    assert any(misfit in line and "does not fit" in line for line in warm_start_plan.table(result))


def test_scopes_are_exchanged():
    model = describe("skirt")
    shapes = warm_start_plan.variable_shapes(model)
    source = {name.replace("hourglass/stem", "old/begin"): shape for name, shape in shapes.items()}
    result = plan(model, source, model_scope="hourglass/stem", checkpoint_model_scope="old/begin")
    assert set(result.copies) == {name for name in shapes if name.startswith("hourglass/stem/")}
    assert result.copies["hourglass/stem/conv/kernel"].name == "old/begin/conv/kernel"


def test_moving_averages_are_the_better_start():
    model = describe("skirt")
    shapes = warm_start_plan.variable_shapes(model)
    name = "hourglass/stem/conv/kernel"
    averaged = f"{name}/ExponentialMovingAverage"
    result = plan(model, {**shapes, averaged: shapes[name]})
    assert result.copies[name].name == averaged
    assert name not in result.unused


def test_a_backbone_may_leave_the_heads_to_chance():
    result = warm_start_plan.Plan({"a": warm_start_plan.Copy("a")}, ["cpn/heatmaps"], {}, [], [])
    warm_start_plan.check(result, "model.ckpt", is_backbone=True)
    with pytest.raises(DataError, match="is missing"):
        warm_start_plan.check(result, "model.ckpt", is_backbone=False)


def test_what_the_weights_expect_is_inherited(tmp_path):
    description = {
        "backbone": "resnet50",
        "net_options": {"resnet_stride": "3x3", "padding": "same", "bn_epsilon": 0.001},
        "normalisation": {"mean": [1, 2, 3], "scale": [1, 1, 1]},
    }
    checkpoints.write_backbone(str(tmp_path), {"resnet50/a": np.zeros(3, np.float32)}, description)
    options, normalisation = checkpoints.inherited(str(tmp_path), "cpn")
    assert options == description["net_options"]
    assert normalisation == Normalisation((1, 2, 3), (1, 1, 1))
    options, _ = checkpoints.inherited(str(tmp_path / "model.ckpt"), "hourglass")
    assert options == {"padding": "same", "bn_epsilon": 0.001}
    assert checkpoints.inherited(None, "cpn") == ({}, Normalisation(registry.MEAN_RGB, (registry.SCALE,) * 3))


def test_no_checkpoint_is_a_data_error(tmp_path):
    for path in (tmp_path, tmp_path / "absent.ckpt"):
        with pytest.raises(DataError):
            checkpoints.find(str(path))


def test_every_network_of_a_net_starts_from_the_one_imported_backbone():
    model = made_models.description("skirt", net="dfa")
    shapes = warm_start_plan.variable_shapes(model)
    first = "dfa/stage1/"
    backbone = {name[len(first) :]: shape for name, shape in shapes.items() if name.startswith(f"{first}efficientnet")}
    plan = warm_start_plan.make_plan(model, None, backbone, TrainingSettings(), is_backbone=True)
    assert len(plan.copies) == 2 * len(backbone) > 0
    assert {copy.name for copy in plan.copies.values()} == set(backbone)
    assert all(name.endswith(copy.name) for name, copy in plan.copies.items())
    assert plan.unused == []
    assert plan.shape_mismatches == {}
    assert all("efficientnet" not in name for name in plan.missing)
