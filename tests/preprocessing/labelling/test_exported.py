"""The photos that are exported: frames around garments, points outside, and every fault of a split in one run."""

import os
import tempfile

import hypothesis
import made_splits
import numpy as np
import pytest

from base.errors import DataErrors
from preprocessing.data import annotations
from preprocessing.labelling import exported


def photos_of(folder, made, **options):
    rows = annotations.read(made_splits.write(folder, made))
    return exported.Photos(os.path.join(folder, "train_0"), rows, **options)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(made=made_splits.made_photos())
def test_photos_and_their_garments_are_those_of_the_csv(made):
    with tempfile.TemporaryDirectory() as folder:
        photos = list(photos_of(folder, made))
    assert [(photo.image_id, photo.size) for photo in photos] == [(photo.image_id, photo.size) for photo in made]
    for photo, source in zip(photos, made):
        assert [(garment.category, garment.box) for garment in photo.garments] == [
            (row.category, row.box) for row in source.rows
        ]
        for garment, row in zip(photo.garments, source.rows):
            cells = {p.keypoint: (p.x - 0.5, p.y - 0.5, 0 if p.occluded else 1) for p in garment.points}
            assert cells == row.cells
            order = [made_splits.KEYPOINTS.index(point.keypoint) for point in garment.points]
            assert order == sorted(order)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(made=made_splits.made_photos())
def test_a_frame_is_the_box_or_the_pixels_around_the_points_and_a_tenth_more(made):
    with tempfile.TemporaryDirectory() as folder:
        photos = list(photos_of(folder, made))
    for photo in photos:
        for garment in photo.garments:
            if garment.box:
                assert garment.frame == garment.box
                continue
            places = np.array([(point.x, point.y) for point in garment.points])
            least, most = places.min(axis=0), places.max(axis=0)
            low, high = np.array(garment.frame[:2]), np.array(garment.frame[2:])
            margin = 0.1 * (most - least)
            assert (low >= 0).all()
            assert (high <= photo.size).all()
            assert (low <= np.maximum(least - margin, 0)).all()
            assert (high >= np.minimum(most + margin, photo.size)).all()
            assert (low > least - margin - 1 - 1e-9).all(), "wider than it must be"
            assert (high < most + margin + 1 + 1e-9).all(), "wider than it must be"


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(made=made_splits.made_photos())
def test_frames_may_be_whole_photos(made):
    with tempfile.TemporaryDirectory() as folder:
        for photo in photos_of(folder, made, whole_photos=True):
            for garment in photo.garments:
                assert garment.frame == (garment.box or (0, 0, *photo.size))


def made_photo(cells, box=None, name="a.jpg", size=(40, 30)):
    return made_splits.MadePhoto(f"Images/skirt/{name}", size, (made_splits.Row("skirt", box, cells),))


def test_points_outside_of_the_photo_are_left_out_and_counted(tmp_path):
    cells = {"waistband_left": (39, 29, 1), "waistband_right": (40, 5, 1), "hemline_left": (5, 30, 0)}
    photos = photos_of(tmp_path, [made_photo({**cells, "hemline_right": (-1, 5, 1)})])
    ((garment,),) = [photo.garments for photo in photos]
    assert [point.keypoint for point in garment.points] == ["waistband_left"]
    assert photos.num_outside == 3


def test_a_garment_without_points_has_the_photo_for_a_frame(tmp_path):
    ((garment,),) = [photo.garments for photo in photos_of(tmp_path, [made_photo({"hemline_left": (99, 5, 1)})])]
    assert (garment.points, garment.frame, garment.score) == ((), (0, 0, 40, 30), None)


def test_a_score_is_the_mean_of_those_of_the_points(tmp_path):
    scores = np.full([1, 24], np.nan)
    for name, score in {"waistband_left": 0.25, "hemline_left": 0.75}.items():
        scores[0, made_splits.KEYPOINTS.index(name)] = score
    cells = dict.fromkeys(("waistband_left", "waistband_right", "hemline_left"), (1, 2, 1))
    ((garment,),) = [photo.garments for photo in photos_of(tmp_path, [made_photo(cells)], scores=scores)]
    assert garment.score == 0.5
    assert [point.score for point in garment.points] == [0.25, None, 0.75]


def test_a_turned_photo_has_the_size_that_viewers_show(tmp_path):
    made = [made_photo({"hemline_left": (29, 39, 1)})]
    photos = photos_of(tmp_path, made)
    (tmp_path / "train_0" / made[0].image_id).write_bytes(made_splits.jpeg((40, 30), "", orientation=6))
    ((photo,),) = [list(photos)]
    assert photo.size == (30, 40)
    assert [(point.x, point.y) for point in photo.garments[0].points] == [(29.5, 39.5)]


def test_all_faults_of_a_split_are_found_in_one_run(tmp_path):
    cells = {"hemline_left": (5, 5, 1)}
    names = ("good.jpg", "missing.jpg", "damaged.jpg", "away.jpg")
    made = [made_photo(cells, name=name) for name in names] + [made_photo(cells, (0, 0, 41, 30), "box.jpg")]
    photos = photos_of(tmp_path, made)
    folder = tmp_path / "train_0" / "Images" / "skirt"
    (folder / "missing.jpg").unlink()
    (folder / "damaged.jpg").write_bytes(b"no photo")
    (folder / "away.jpg").rename(tmp_path / "away.jpg")
    (folder / "away.jpg").symlink_to(tmp_path / "away.jpg")
    yielded = []
    with pytest.raises(DataErrors) as caught:
        yielded.extend(photo.image_id for photo in photos)
    assert yielded == ["Images/skirt/good.jpg"]
    lines = [line.split("annotations.csv: ")[1] for line in caught.value.lines()]
    assert [line.split(",")[0] for line in lines] == ["line 3", "line 4", "line 5", "line 6"]
    for line, what in zip(lines, ("is missing", "is no image", "leads out of its split", "column box: 0_0_41_30 lies")):
        assert what in line
        assert "expected" in line
