"""A calibration finds the rule that errors were drawn by, and its ellipses hold what they should."""

import json

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from base import checked_json, ellipses
from utility.model import calibration, calibration_fit
from utility.model.calibration import Calibration

NAMES = ("a", "b", "c")
RULE = Calibration({"a": 0.9, "b": 0.5, "c": 1.6}, 1.4, "best/model.ckpt-7", 900, 5000)


def drawn(count, seed, rule=RULE):
    """Returns Errors that were drawn by a rule: normal ones, divided by the root of a chi-square over its degrees."""
    random = np.random.default_rng(seed)
    keypoints = random.integers(len(NAMES), size=count)
    root = random.normal(size=[count, 2, 2]) * np.exp(random.normal(-4, 0.7, [count, 1, 1]))
    spreads = root @ root.transpose(0, 2, 1) + np.eye(2) * 1e-5
    covariances = rule.covariances(tf.constant(spreads[:, None], tf.float32), ["a"])[:, 0].numpy()
    gains = np.array([rule.gains[name] - rule.gains["a"] for name in NAMES])[keypoints]
    covariances = covariances * np.exp(2 * gains)[:, None, None] / ellipses.scale_ratio()
    normal = (np.linalg.cholesky(covariances) @ random.normal(size=[count, 2, 1]))[..., 0]
    offsets = normal / np.sqrt(random.chisquare(ellipses.TAIL, [count, 1]) / ellipses.TAIL)
    return calibration_fit.Errors(offsets, spreads, keypoints, 900)


def test_the_fit_finds_the_rule_and_its_ellipses_hold_their_share_of_other_errors():
    found = calibration_fit.fit(drawn(6000, 0), NAMES, "best/model.ckpt-7")
    assert found.power == pytest.approx(RULE.power, abs=0.05)
    differences = {name: found.gains[name] - RULE.gains[name] for name in NAMES}
    assert max(differences.values()) - min(differences.values()) < 0.1
    assert (found.num_photos, found.num_points, found.checkpoint) == (900, 6000, "best/model.ckpt-7")
    inside = calibration_fit.shares_inside(found, drawn(20_000, 1), NAMES, (0.5, 0.68, 0.9, 0.95))
    assert inside == pytest.approx((0.5, 0.68, 0.9, 0.95), abs=0.015)


def test_few_errors_leave_a_keypoint_near_all_others():
    many = drawn(3000, 2)
    few = np.flatnonzero((many.keypoints != 2) | (np.arange(3000) < 60))
    errors = calibration_fit.Errors(many.offsets[few], many.spreads[few], many.keypoints[few], 900)
    gains = calibration_fit.fit(errors, NAMES, "x").gains
    alone = calibration_fit.fit(many, NAMES, "x").gains
    assert gains["a"] < gains["c"] < alone["c"]


def test_spreads_that_are_all_alike_leave_a_scale_for_each_keypoint():
    errors = drawn(3000, 3)
    alike = np.tile(np.eye(2) * 4e-4, [3000, 1, 1])
    found = calibration_fit.fit(calibration_fit.Errors(errors.offsets, alike, errors.keypoints, 900), NAMES, "x")
    assert found.power == pytest.approx(1)
    assert found.gains["b"] < found.gains["a"] < found.gains["c"]
    inside = calibration_fit.shares_inside(
        found, calibration_fit.Errors(errors.offsets, alike, errors.keypoints, 900), NAMES, (0.68,)
    )
    assert inside == pytest.approx((0.68,), abs=0.1)  # these errors differ more than a t distribution's


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(seed=st.integers(0, 1000), power=st.floats(0, 3), gain=st.floats(-3, 3))
def test_covariances_keep_their_shape_and_stay_positive_definite(seed, power, gain):
    rule = Calibration({"a": gain, "b": gain + 1}, power, "x", 1, 1)
    root = np.random.default_rng(seed).normal(size=[3, 2, 2, 2])
    spread = np.float32(root @ root.transpose(0, 1, 3, 2) + 0.01 * np.eye(2))
    found = rule.covariances(tf.constant(spread), ["b", "a"]).numpy()
    assert (np.linalg.eigvalsh(found) > 0).all()
    ratio = found / spread
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[..., :1, :1], ratio.shape), rtol=1e-3)
    sizes = calibration.log_sizes(spread.astype(np.float64), np.log)
    expected = np.array([gain + 1, gain]) + power * sizes
    np.testing.assert_allclose(calibration.log_sizes(found.astype(np.float64), np.log), expected, atol=1e-3)


def test_it_comes_back_from_json():
    text = json.dumps(RULE.to_json())
    assert calibration.of_json(json.loads(text), "calibration") == RULE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"power": -1}, "calibration.power: expected a number from 0 to 10"),
        ({"power": float("nan")}, "calibration.power: expected a number"),
        ({"gains": {"a": "x"}}, "calibration.gains.a: expected a number"),
        ({"gains": [1]}, "calibration.gains: expected an object"),
        ({"num_points": 0}, "calibration.num_points: expected a whole number"),
        ({"more": 1}, "calibration: expected keys among"),
    ],
)
def test_what_is_wrong_in_json_is_named(change, message):
    with pytest.raises(checked_json.Unexpected) as caught:
        calibration.of_json({**RULE.to_json(), **change}, "calibration")
    assert f"{caught.value.key}: {caught.value.what}".startswith(message)


def test_a_calibration_of_other_keypoints_is_refused():
    calibration.check_keypoints(RULE, NAMES[::-1], "calibration")
    with pytest.raises(checked_json.Unexpected) as caught:
        calibration.check_keypoints(RULE, ("a", "b"), "calibration")
    assert caught.value.key == "calibration.gains"
