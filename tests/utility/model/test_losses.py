"""Losses against values worked out by hand."""

import numpy as np
import pytest

from utility.model import losses


def test_error_of_each_heatmap_is_its_mean_square():
    heatmaps, targets = np.zeros([1, 2, 3, 2], np.float32), np.zeros([1, 2, 3, 2], np.float32)
    heatmaps[0, 1, 2, 0] = 3.0
    targets[0, 0, 0, 1] = 6.0
    np.testing.assert_allclose(losses.keypoint_errors(heatmaps, targets), [[9 / 6, 36 / 6]])


def test_visible_keypoints_alone_count_image_by_image():
    errors = np.float32([[1, 2, 300], [7, 500, 600], [10, 20, 30]])
    visible = np.float32([[1, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert float(losses.visible_mean(errors, visible)) == pytest.approx((1.5 + 7 + 0) / 3)


def test_halves_of_a_batch_average_to_the_whole():
    random = np.random.RandomState(0)
    errors, visible = random.rand(6, 5).astype(np.float32), random.randint(0, 2, [6, 5]).astype(np.float32)
    halves = [losses.visible_mean(errors[part], visible[part]) for part in (slice(0, 3), slice(3, 6))]
    assert float(losses.visible_mean(errors, visible)) == pytest.approx(np.mean(halves), rel=1e-6)


def test_hardest_keypoints_are_taken_among_the_visible():
    errors = np.float32([[5, 100, 3, 4], [1, 2, 3, 4]])
    visible = np.float32([[1, 0, 1, 1], [0, 1, 0, 0]])
    # Of the first image 5 and 4 (100 is hidden); the second has only one visible keypoint.
    assert float(losses.hardest_mean(errors, visible, np.int32([2, 2]))) == pytest.approx((4.5 + 2) / 2)


def test_each_image_has_its_own_number_of_hardest():
    errors, visible = np.float32([[1, 2, 3], [1, 2, 3]]), np.ones([2, 3], np.float32)
    assert float(losses.hardest_mean(errors, visible, np.int32([1, 3]))) == pytest.approx((3 + 2) / 2)


def test_equal_errors_count_no_more_than_asked():
    errors, visible = np.full([1, 4], 2.0, np.float32), np.ones([1, 4], np.float32)
    assert float(losses.hardest_mean(errors, visible, np.int32([2]))) == pytest.approx(2.0)


def test_divergence_is_zero_for_the_target_itself_and_log_of_the_cells_for_certainty_against_none():
    targets = np.zeros([1, 2, 4, 2], np.float32)
    targets[0, 1, 2, :] = 5.0
    logits = np.zeros([1, 2, 4, 2], np.float32)
    logits[0, 1, 2, 0] = 1000.0
    np.testing.assert_allclose(losses.keypoint_divergences(logits, targets), [[0.0, np.log(8)]], atol=1e-5)
