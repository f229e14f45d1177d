"""Dots are drawn where their points are, in their colours, and sheets have the promised sizes."""

import cv2
import numpy as np
import pytest
from fashionai import KEYPOINTS, SCHEMA
from PIL import Image

from base import ellipses
from base.errors import DataError
from utility import drawing

GREY = np.full((120, 200, 3), 90, np.uint8)


def test_a_dot_is_centred_on_its_point():
    drawn = drawing.draw_keypoints(GREY, SCHEMA, "skirt", {"hemline_left": (57, 80)})
    rows, columns = np.nonzero((drawn != GREY).any(axis=2))
    assert (columns.mean(), rows.mean()) == pytest.approx((57, 80), abs=0.05)
    assert tuple(drawn[80, 57]) == drawing.keypoint_color(SCHEMA, "hemline_left")


@pytest.mark.parametrize("box", [(20, 30, 90, 100), (0, 0, 200, 120), (57, 80, 58, 81)])
def test_a_box_is_framed_by_its_outer_pixels(box):
    x0, y0, x1, y1 = box
    drawn = (drawing.draw_box(GREY, box) != GREY).any(axis=2)
    rows, columns = np.nonzero(drawn)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (x0, y0, x1 - 1, y1 - 1)
    assert drawn[[y0, y1 - 1], x0:x1].all()
    assert drawn[y0:y1, [x0, x1 - 1]].all()
    assert not drawn[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].any()


def test_the_image_given_stays_as_it_was():
    before = GREY.copy()
    drawing.draw_box(GREY, (20, 30, 90, 100))
    drawing.draw_keypoints(GREY, SCHEMA, "skirt", {"hemline_left": (57, 80)}, write_names=True)
    np.testing.assert_array_equal(GREY, before)


def test_the_outline_joins_points_that_are_there():
    points = {"waistband_left": (20, 20), "waistband_right": (180, 20)}
    drawn = drawing.draw_keypoints(GREY, SCHEMA, "skirt", points)
    assert drawn[20, 100].min() > 220
    np.testing.assert_array_equal(drawn[60:], GREY[60:])


def test_a_hidden_point_is_a_ring():
    image = np.full((512, 512, 3), 90, np.uint8)
    drawn = drawing.draw_keypoints(image, SCHEMA, "skirt", {"hemline_left": (57, 80)}, occluded=["hemline_left"])
    assert tuple(drawn[80, 57]) == (0, 0, 0)
    assert tuple(drawn[80, 57 + 4]) == pytest.approx(drawing.keypoint_color(SCHEMA, "hemline_left"), abs=6)


def test_the_arc_grows_with_the_score():
    def white(score):
        drawn = drawing.draw_keypoints(
            GREY, SCHEMA, "skirt", {"hemline_left": (57, 80)}, scores={"hemline_left": score}
        )
        return (drawn.min(axis=2) > 200).sum()

    assert white(0.25) < white(0.5) < white(1.0)


def test_the_error_is_drawn_as_a_line():
    drawn = drawing.draw_keypoints(GREY, SCHEMA, "skirt", {"hemline_left": (20, 60)}, truth={"hemline_left": (120, 60)})
    assert drawn[60, 80, 0] > 200
    assert drawn[60, 80, 1] < 90


@pytest.mark.parametrize("xy", [(-1e12, 5.0), (1e12, 1e12), (3.0, -40.0)])
def test_points_outside_do_no_harm(xy):
    drawn = drawing.draw_keypoints(GREY, SCHEMA, "skirt", {"hemline_left": xy}, write_names=True)
    assert drawn.shape == GREY.shape


def test_colours_differ():
    colors = np.array([drawing.keypoint_color(SCHEMA, name) for name in KEYPOINTS], float)
    distances = np.linalg.norm(colors[:, None] - colors[None], axis=2) + 1000 * np.eye(len(colors))
    assert distances.min() > 20


def test_a_heatmap_colours_its_peak():
    heatmap = np.zeros((12, 20))
    heatmap[3, 4] = 0.2
    drawn = drawing.draw_heatmaps(GREY, SCHEMA, {"crotch": heatmap}, strength=1.0)
    assert np.abs(drawn[35, 45] - np.array(drawing.keypoint_color(SCHEMA, "crotch"), float)).max() < 30
    np.testing.assert_array_equal(drawn[80:], GREY[80:])


def test_fitted_keeps_the_aspect():
    tile = drawing.fitted(np.full((100, 50, 3), 255, np.uint8), 60, 60)
    assert tile.shape == (60, 60, 3)
    assert cv2.boundingRect((tile[..., 0] == 255).astype(np.uint8)) == (15, 0, 30, 60)


def test_a_sheet_has_whole_rows():
    sheet = drawing.contact_sheet([GREY] * 5, columns=3, tile_size=64, captions=list("abcde"))
    assert sheet.shape == (128, 192, 3)


def test_what_is_saved_can_be_read(tmp_path):
    image = np.zeros((32, 48, 3), np.uint8)
    image[..., 0] = 250
    for name in ("a.png", "b.jpg"):
        drawing.save(tmp_path / name, image)
        read = cv2.imread(str(tmp_path / name))
        assert read.shape == image.shape
        assert read[..., 2].mean() > 240  # OpenCV reads blue, green, red
    with pytest.raises(DataError, match="cannot be written"):
        drawing.save("/proc/a.png", image)


def test_read_turns_a_photo_as_its_orientation_says(tmp_path):
    picture = Image.new("RGB", (40, 20), (255, 0, 0))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif)
    image = drawing.read(tmp_path / "turned.jpg")
    assert image.shape == (40, 20, 3)
    assert image[5, 5, 0] > 240
    (tmp_path / "no.jpg").write_text("no image")
    for name in ("no.jpg", "missing.jpg"):
        with pytest.raises(DataError, match=name):
            drawing.read(tmp_path / name)


def test_named_points_leaves_absent_ones_out():
    points, visibility = np.zeros((24, 2)), np.full(24, -1)
    points[3], visibility[3], visibility[5] = (7, 8), 0, 1
    assert drawing.named_points(SCHEMA, points, visibility) == {"shoulder_left": (7, 8), "armpit_left": (0, 0)}


def test_an_ellipse_has_the_size_and_direction_of_its_covariance():
    turn = np.deg2rad(30)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    covariance = rotation @ np.diag([81.0, 16.0]) @ rotation.T
    place = {"hemline_left": (100, 60)}
    drawn = drawing.draw_keypoints(GREY, SCHEMA, "skirt", place, covariances={"hemline_left": covariance})
    dot = drawing.draw_keypoints(GREY, SCHEMA, "skirt", place)
    rows, columns = np.nonzero((drawn != dot).any(axis=2))
    offsets = np.stack([columns, rows], axis=1) - (100, 60)
    offsets = offsets[np.linalg.norm(offsets, axis=1) > 8]
    distances = np.sqrt(ellipses.squared_distances(offsets, covariance)) / ellipses.radius(0.95)
    assert distances.mean() == pytest.approx(1, abs=0.04)
    assert len(offsets) > 100
