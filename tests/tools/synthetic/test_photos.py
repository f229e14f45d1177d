"""The drawn keypoints are where the drawing shows them, and hidden ones are said to be hidden."""

import cv2
import numpy as np
import pytest
from fashionai import CATEGORIES, SCHEMA, keypoint_names

from tools.synthetic import backgrounds, photos
from tools.synthetic.shapes import Layer

# Keypoints at which two straight edges meet, so that a corner detector can find them.
CORNERS = ("shoulder", "cuff", "hemline", "top_hem", "bottom", "waistband", "neckline")


def random_scenes(category, count):
    return [photos.random_scene(np.random.default_rng([5, index]), category, 512, SCHEMA) for index in range(count)]


def inside(place, size, margin=0):
    return (place >= margin).all() and (place < np.array(size) - margin).all()


@pytest.mark.parametrize("category", CATEGORIES)
def test_keypoints_are_the_corners_that_opencv_finds_in_the_drawing(category):
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 0.001)
    distances = []
    for scene in random_scenes(category, 25):
        for layer in scene.layers:
            mask = photos.coverage(layer.outline, scene.size)
            for name, place in layer.points.items():
                if name.startswith(CORNERS) and inside(place, scene.size, 16):
                    start = np.float32([[place - 0.5 + (2.0, -1.5)]])  # OpenCV: pixel centres are whole numbers
                    found = cv2.cornerSubPix(mask, start, (5, 5), (-1, -1), criteria)[0, 0] + 0.5
                    distances.append(np.linalg.norm(found - place))
    assert len(distances) > 60
    assert np.median(distances) < 0.3
    assert np.percentile(distances, 95) < 1.0


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_keypoint_lies_on_the_edge_of_a_piece(category):
    for scene in random_scenes(category, 25):
        on_edge = {}
        for layer in scene.layers:
            mask = photos.coverage(layer.outline, scene.size)
            for name, (x, y) in layer.points.items():
                if inside(np.array([x, y]), scene.size, 2):
                    around = mask[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2]
                    on_edge[name] = on_edge.get(name, False) or (around.max() > 0 and around.min() < 255)
        assert all(on_edge.values()), on_edge


def square_scene(*extra):
    square = np.array([[100.0, 60], [200, 60], [200, 180], [100, 180]])
    layer = Layer(
        square, "telephone", {"hemline_left": np.array([100.0, 180]), "hemline_right": np.array([260.0, 180])}
    )
    return photos.Scene((250, 240), [layer, *extra], 100.0, 0.0)


def test_pixel_i_covers_i_to_i_plus_1(monkeypatch):
    monkeypatch.setattr(
        backgrounds, "random_background", lambda rng, width, height: np.full((height, width, 3), 255, np.uint8)
    )
    monkeypatch.setattr(photos, "_cast_shadow", lambda *arguments: None)
    monkeypatch.setattr(photos, "_developed", lambda rng, image: image)
    monkeypatch.setattr(backgrounds, "advertise", lambda rng, image: np.zeros(image.shape[:2], np.uint8))
    image, _ = photos.render(np.random.default_rng(0), square_scene())
    dark = (image.mean(axis=2) < 128).astype(np.uint8)
    assert cv2.boundingRect(dark) == (100, 60, 100, 120)
    assert dark.sum() == 100 * 120


def test_visibility_is_that_of_the_layers_above():
    def state(*extra):
        scene = square_scene(*extra)
        masks = [photos.coverage(layer.outline, scene.size) for layer in scene.layers]
        return photos._visibility(scene, masks)

    cover = np.array([[80.0, 170], [140, 170], [140, 200], [80, 200]])
    assert state() == {"hemline_left": photos.VISIBLE}  # the right one is outside the photo
    assert state(Layer(cover, "hair")) == {"hemline_left": photos.OCCLUDED}
    assert state(Layer(cover, "trim", covers=False)) == {"hemline_left": photos.VISIBLE}
    assert state(Layer(cover + (60, 0), "hair")) == {"hemline_left": photos.VISIBLE}


def test_a_mirrored_photo_swaps_left_and_right():
    image = np.zeros((4, 10, 3), np.uint8)
    image[2, 3] = 255
    mirrored, keypoints = photos._mirrored(image, {"cuff_left_in": (3, 2, 1), "crotch": (0, 0, 0)}, SCHEMA)
    assert keypoints == {"cuff_right_in": (6, 2, 1), "crotch": (9, 0, 0)}
    assert np.argwhere(mirrored[..., 0]).tolist() == [[2, 6]]


@pytest.fixture(scope="module")
def many_photos():
    return {
        category: [photos.random_photo(np.random.default_rng([7, index]), category, 96) for index in range(60)]
        for category in CATEGORIES
    }


def test_photos_differ_as_real_ones_do(many_photos):
    for category, drawn in many_photos.items():
        names = keypoint_names(category)
        states = np.array([[photo.keypoints.get(name, (0, 0, -1))[2] for name in names] for photo in drawn])
        assert {1, 0, -1} >= set(states.flat) >= {1, 0}
        assert 0.6 < (states == 1).mean() < 0.97
        assert len({photo.image.shape[:2] for photo in drawn}) >= 4
        assert max(max(photo.image.shape[:2]) for photo in drawn) == 96
    everything = [photo for drawn in many_photos.values() for photo in drawn]
    assert 0 < sum(photo.image.ndim == 2 for photo in everything) < 40
    assert len({photo.quality for photo in everything}) > 20


def test_keypoints_are_inside_the_photo_and_of_the_category(many_photos):
    for category, drawn in many_photos.items():
        for photo in drawn:
            height, width = photo.image.shape[:2]
            assert set(photo.keypoints) <= set(keypoint_names(category))
            for x, y, seen in photo.keypoints.values():
                assert 0 <= x < width
                assert 0 <= y < height
                assert seen in (0, 1)


def test_left_is_the_images_left(many_photos):
    for category in ("skirt", "trousers"):
        for photo in many_photos[category]:
            assert photo.keypoints["waistband_left"][0] < photo.keypoints["waistband_right"][0]


def test_the_normalising_pair_is_never_cut_off(many_photos):
    for category, drawn in many_photos.items():
        pair = (
            ("waistband_left", "waistband_right")
            if category in ("skirt", "trousers")
            else ("armpit_left", "armpit_right")
        )
        assert all(name in photo.keypoints for photo in drawn for name in pair)
