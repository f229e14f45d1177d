"""Photos with two garments, from the CSV to the score: each row, known by photo, category and box, on its own."""

import contextlib
import csv
import dataclasses
import io
import json
import os
import shutil

import cv2
import hypothesis
import made_trainings
import numpy as np
import pytest
from fashionai import KEYPOINTS, SCHEMA, keypoint_indices
from hypothesis import strategies as st
from made_models import make
from PIL import Image

from base.errors import DataError, DataErrors, ProgramError
from preprocessing.data import annotations, conversion_plan, layout, manifest, records
from tools import make_synthetic_data
from tools.browsing import entries, page
from utility.prediction import inference, model_choice, photo_source, predict_all
from utility.prediction.predictor import Predictor
from utility.scoring import bootstrap, scoring, submission
from utility.training import best_checkpoint

PAIRS = (("skirt", "trousers"), ("skirt", "skirt"), ("dress", "skirt"))
HEADER = ",".join(("image_id", "image_category", *KEYPOINTS))


def compose(drawn, folder, split):
    """Puts two drawn photos side by side, twice PAIRS of them: writes the split and its table with boxes."""
    table = annotations.read(drawn)
    source = os.path.join(os.path.dirname(drawn), "..") if split == "train_0" else drawn[: -len("_answer.csv")]
    rows = {name: [row for row, own in enumerate(table.categories) if own == name] for name in SCHEMA.category_names}
    ids, categories, points, visibility, boxes = [], [], [], [], []
    (folder / split / "Images").mkdir(parents=True)
    for number, pair in enumerate(PAIRS * 2):
        two = [rows[name].pop() for name in pair]
        left, right = (cv2.imread(os.path.join(source, table.image_ids[row])) for row in two)
        height = max(left.shape[0], right.shape[0])
        canvas = np.full([height, left.shape[1] + right.shape[1], 3], 128, np.uint8)
        canvas[: left.shape[0], : left.shape[1]] = left
        canvas[: right.shape[0], left.shape[1] :] = right
        cv2.imwrite(str(folder / split / "Images" / f"{number}.png.jpg"), canvas, [cv2.IMWRITE_JPEG_QUALITY, 98])
        for row, image, offset in zip(two, (left, right), (0, left.shape[1])):
            ids.append(f"Images/{number}.png.jpg")
            categories.append(table.categories[row])
            moved = table.points[row] + [offset, 0]
            points.append(np.where(table.visibility[row][:, None] >= 0, moved, -1))
            visibility.append(table.visibility[row])
            boxes.append((offset, 0, offset + image.shape[1], image.shape[0]))
    order = np.random.default_rng(0).permutation(len(ids))  # a photo's rows stand apart
    columns = [[column[row] for row in order] for column in (ids, categories, points, visibility, boxes)]
    return columns


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """DATA with train_0, test_0 and test_0_answer.csv: two garments in each photo."""
    drawn, folder = tmp_path_factory.mktemp("drawn"), tmp_path_factory.mktemp("two") / "DATA"
    make_synthetic_data.write_data_set(str(drawn), 8, 8, 96, 1, SCHEMA, 1)
    *train, boxes = compose(str(drawn / "train_0/Annotations/annotations.csv"), folder, "train_0")
    annotations.write(folder / "train_0" / "Annotations" / "train.csv", *train, boxes=boxes)
    *test, boxes = compose(str(drawn / "test_0_answer.csv"), folder, "test_0")
    annotations.write(folder / "test_0_answer.csv", *test, boxes=boxes)
    answer = csv.DictReader(io.StringIO((folder / "test_0_answer.csv").read_text()))
    lines = [",".join(row[name] for name in ("image_id", "image_category", "box")) for row in answer]
    (folder / "test_0" / "test.csv").write_text("\n".join(["image_id,image_category,box", *lines]) + "\n")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of all with random weights: what it finds is wrong, but depends on every pixel."""
    parent = tmp_path_factory.mktemp("models")
    make(parent / "all", category="all", seed=2, net=made_trainings.NET)
    return parent


@pytest.fixture(scope="module")
def predicted(program, data, models, tmp_path_factory):
    """The submission of DATA/test_0, and the CSV of its scores."""
    folder = tmp_path_factory.mktemp("predicted")
    words = (f"--data_dir={data / 'test_0'}", f"--model_dir={models}", f"--output={folder / 'submission.csv'}")
    assert program("eval_all.py", *words, f"--scores_output={folder / 'scores.csv'}", "--two_pass") == 0
    return folder / "submission.csv", folder / "scores.csv"


def test_a_submission_has_the_rows_of_its_test(program, data, predicted, capsys):
    submitted, scores = predicted
    assert submitted.read_text().splitlines()[0] == f"{HEADER},box"
    assert scores.read_text().splitlines()[0] == f"{HEADER},box"
    wanted = annotations.read_images(data / "test_0" / "test.csv")
    assert annotations.read(submitted).keys == wanted.keys
    words = (f"--prediction={submitted}", f"--test_csv={data / 'test_0' / 'test.csv'}")
    assert program("tools/check_submission.py", *words) == 0
    assert "12 rows, right for" in capsys.readouterr().out


def test_each_row_is_predicted_as_predict_does_with_its_box(data, models, predicted):
    table, predictor = (
        annotations.read(predicted[0]),
        Predictor(models / "all", options=inference.Options(two_pass=True)),
    )
    for row, (image_id, category, box) in enumerate(table.keys):
        found = predictor.predict(data / "test_0" / image_id, category, box)["keypoints"]
        expected = [(point["x"], point["y"]) for point in found.values()]
        own = list(keypoint_indices(category))
        assert np.abs(table.points[row, own] - expected).max() <= 0.51  # whole pixels
        assert (table.points[row, own] >= np.array(box[:2]) - 1).all()
        assert (table.points[row, own] <= box[2:]).all()


def changed_copy(path, tmp_path, change):
    """A copy of a CSV whose rows (lists of lines, without the header) were changed."""
    header, *rows = path.read_text().splitlines()
    copy = tmp_path / path.name
    copy.write_text("\n".join([header, *change(rows)]) + "\n")
    return copy


def score(program, prediction, answer, capsys, *more):
    capsys.readouterr()
    code = program("tools/score.py", f"--prediction={prediction}", f"--ground_truth={answer}", *more)
    return code, capsys.readouterr()


def test_the_order_of_rows_does_not_matter(program, data, predicted, tmp_path, capsys):
    answer = data / "test_0_answer.csv"
    code, printed = score(program, predicted[0], answer, capsys)
    assert code == 0
    turned = changed_copy(predicted[0], tmp_path, lambda rows: rows[::-1])
    assert score(program, turned, answer, capsys) == (0, printed)
    code, right = score(program, answer, answer, capsys, "--worst=1")
    assert right.out.splitlines()[-1].startswith("NE 0.000000")
    assert "_" in right.out.splitlines()[0].split(": ")[2].split(" ")[1]  # the box beside the photo's name


def test_a_row_s_error_does_not_depend_on_the_other_garment(data, predicted):
    """Moving one garment's points changes its own row's error, and no other."""
    truth, prediction = annotations.read(data / "test_0_answer.csv"), annotations.read(predicted[0])
    points = prediction.points[submission.aligned_rows(prediction, truth)]
    before = dict(scoring.worst_photos(truth, points, len(truth)))
    for row in range(len(truth)):
        moved = points.copy()
        moved[row] += 50
        after = dict(scoring.worst_photos(truth, moved, len(truth)))
        assert {other for other in before if before[other] != after[other]} == {row} & before.keys()


def test_the_garments_of_a_photo_are_resampled_together(data, predicted):
    truth, prediction = annotations.read(data / "test_0_answer.csv"), annotations.read(predicted[0])
    points = prediction.points[submission.aligned_rows(prediction, truth)]
    assert bootstrap.error(truth, points).photos == len(PAIRS) * 2
    apart = dataclasses.replace(truth, image_ids=[str(row) for row in range(len(truth))])
    assert bootstrap.error(apart, points).photos == len(truth)
    assert bootstrap.error(apart, points).value == pytest.approx(bootstrap.error(truth, points).value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows[1:], "has no row for Images/"),
        (lambda rows: [*rows, rows[0]], "line 14, column image_id"),
        (lambda rows: [rows[0].rsplit(",", 1)[0] + ",0_0_1_1", *rows[1:]], "line 2, column box: Images/"),
        (lambda rows: [rows[0].rsplit(",", 1)[0] + ",5_5_1_9", *rows[1:]], "line 2, column box: '5_5_1_9' holds no"),
    ],
)
def test_wrong_rows_are_named(program, data, predicted, tmp_path, capsys, change, expected):
    wrong = changed_copy(predicted[0], tmp_path, change)
    test_csv = data / "test_0" / "test.csv"
    capsys.readouterr()
    assert program("tools/check_submission.py", f"--prediction={wrong}", f"--test_csv={test_csv}") == 1
    shown = capsys.readouterr().err
    assert f"{wrong}: " in shown
    assert expected in shown
    code, printed = score(program, wrong, data / "test_0_answer.csv", capsys)
    assert code == 1
    assert expected in printed.err


def test_a_submission_without_boxes_is_one_line(program, data, predicted, tmp_path, capsys):
    plain = tmp_path / "plain.csv"
    plain.write_text("".join(line.rsplit(",", 1)[0] + "\n" for line in predicted[0].read_text().splitlines()[:1]))
    code, printed = score(program, plain, data / "test_0_answer.csv", capsys)
    assert code == 1
    assert printed.err.splitlines() == [
        f"score.py: {plain}: line 1, column box: is missing: "
        f"expected it as in {data / 'test_0_answer.csv'}, where photos have several rows"
    ]


def test_the_mean_of_submissions_keeps_the_boxes(program, data, predicted, tmp_path):
    turned = changed_copy(predicted[0], tmp_path, lambda rows: rows[::-1])
    output = tmp_path / "mean.csv"
    assert program("tools/ensemble.py", f"--predictions={predicted[0]},{turned}", f"--output={output}") == 0
    assert output.read_bytes() == predicted[0].read_bytes()


def test_a_stopped_prediction_goes_on_row_by_row(data, models, predicted, tmp_path):
    """Stopped after every batch: each call adds one, and the bytes are those of a call that was not stopped."""
    source = photo_source.find(str(data / "test_0"))
    folders = model_choice.find_models([str(models)], source.counts)
    output = tmp_path / "submission.csv"

    class StoppedError(Exception):
        pass

    def stop_after(count):
        def on_photo():
            nonlocal count
            count -= 1
            if count < 0:
                raise StoppedError

        return on_photo

    for done in range(1, len(annotations.read_images(data / "test_0" / "test.csv")) + 2):
        with contextlib.suppress(StoppedError):
            options = inference.Options(two_pass=True)
            work = predict_all.Work(source, folders, options, 1)
            predict_all.predict_all(work, str(output), on_photo=stop_after(done))
    assert output.read_bytes() == predicted[0].read_bytes()


def test_records_carry_the_boxes_through_prediction(program, data, models, predicted, tmp_path):
    words = (f"--data_dir={data}", "--splits=test_0", f"--output_dir={tmp_path / 'RECORDS'}")
    assert program("tools/convert_tfrecords.py", *words) == 0
    words = (f"--data_dir={tmp_path / 'RECORDS'}", f"--model_dir={models}", f"--output={tmp_path / 'a.csv'}")
    assert program("eval_all.py", *words, "--two_pass") == 0
    found, expected = annotations.read(tmp_path / "a.csv"), annotations.read(predicted[0])
    np.testing.assert_array_equal(found.points[submission.aligned_rows(found, expected)], expected.points)


def test_photos_with_boxes_are_trained_on_and_evaluated(program, data, tmp_path):
    words = (f"--data_dir={data}", f"--output_dir={tmp_path / 'RECORDS'}", "--val_fraction=0.3")
    assert program("tools/convert_tfrecords.py", *words) == 0
    shards = records.list_shards(tmp_path / "RECORDS", "all") + records.list_shards(tmp_path / "RECORDS", "all", True)
    converted = [records.box_of(example) for shard in shards for example in records.read_examples(shard)]
    assert sorted(converted) == sorted(annotations.read(data / "train_0" / "Annotations" / "train.csv").boxes)
    assert manifest.verify(tmp_path / "RECORDS", ["skirt"])["skirt"][1]
    words = (f"--data_dir={data}", f"--output_dir={tmp_path / 'RECORDS'}", "--val_fraction=0.3")
    assert program("tools/convert_tfrecords.py", *words) == 0  # nothing is left to do
    made_trainings.train_all(tmp_path / "RECORDS", tmp_path / "MODELS", "--max_steps=2", "--epochs_per_eval=1")
    errors = best_checkpoint.read_metrics(str(tmp_path / "MODELS" / "skirt"))["ne"]
    assert len(errors) == 2
    assert all(0 < ne < 5 for ne in errors)


def test_the_page_shows_every_row_with_its_box(data, predicted):
    found, faults = entries.from_data_dir(str(data / "test_0"), 60, SCHEMA)
    assert faults == []
    gathered = entries.add_predictions(found, annotations.read(predicted[0]))
    text = page.render("two", gathered, faults, SCHEMA)
    shown = json.loads(text.split('id="data">')[1].split("</script>")[0])["photos"]
    table = annotations.read(data / "test_0_answer.csv")
    assert [(photo["id"], photo["category"], tuple(photo["box"])) for photo in shown] == table.keys
    assert all(photo["predicted"] for photo in shown)
    first, second = (photo for photo in shown if photo["id"] == shown[0]["id"])
    assert first["predicted"] != second["predicted"]


WRONG_BOXES = {
    "0_0_9999_10": "lies outside of the photo, which has",
    "1_2_3": "is no box",
    "9_9_3_12": "holds no pixel",
    "nan_0_1_1": "is no box",
}


@pytest.mark.parametrize("cell", WRONG_BOXES)
def test_a_wrong_box_is_one_line_in_every_program(program, data, models, tmp_path, capsys, cell):
    shutil.copytree(data, tmp_path / "DATA")
    for name in ("train_0/Annotations/train.csv", "test_0/test.csv"):
        path = tmp_path / "DATA" / name
        lines = path.read_text().splitlines()
        lines[3] = lines[3].rsplit(",", 1)[0] + f",{cell}"
        path.write_text("\n".join(lines) + "\n")
    capsys.readouterr()
    output = tmp_path / "RECORDS"
    assert program("tools/convert_tfrecords.py", f"--data_dir={tmp_path / 'DATA'}", f"--output_dir={output}") == 1
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert f"{tmp_path / 'DATA/train_0/Annotations/train.csv'}: line 4, column box: " in line
    assert WRONG_BOXES[cell] in line
    words = (f"--data_dir={tmp_path / 'DATA/test_0'}", f"--model_dir={models}", f"--output={tmp_path / 'a.csv'}")
    assert program("eval_all.py", *words) == 1
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert f"{tmp_path / 'DATA/test_0/test.csv'}: line 4, column box: " in line
    assert WRONG_BOXES[cell] in line
    assert not (tmp_path / "a.csv").exists()
    assert program("tools/browse.py", f"--data_dir={tmp_path / 'DATA'}", f"--output={tmp_path / 'a.html'}") == 0
    assert WRONG_BOXES[cell] in (tmp_path / "a.html").read_text()


def test_all_wrong_boxes_of_a_test_are_told_before_the_first_prediction(data, tmp_path):
    """A box is one of the upright photo, as viewers show it; a photo that cannot be read is told of when it is read."""
    split = tmp_path / "test_0"
    shutil.copytree(data / "test_0", split)
    turned = Image.new("RGB", (40, 90))
    exif = turned.getexif()
    exif[0x0112] = 6  # shown as 90x40
    turned.save(split / "turned.jpg", exif=exif)
    (split / "damaged.jpg").write_bytes(b"no photo")
    rows = [
        "turned.jpg,skirt,50_0_90_40",
        "turned.jpg,skirt,0_0_40_90",
        "turned.jpg,skirt,",
        "damaged.jpg,skirt,0_0_9_9",
    ]
    rows.append("Images/0.png.jpg,skirt,0_0_999_9")
    (split / "test.csv").write_text("\n".join(["image_id,image_category,box", *rows]) + "\n")
    with pytest.raises(DataErrors) as caught:
        photo_source.find(str(split))
    first, second = caught.value.lines()
    assert f"{split / 'test.csv'}: line 3, column box: 0_0_40_90 lies outside of the photo, which has 90x40" in first
    assert "line 6, column box: 0_0_999_9" in second
    good = "\n".join(["image_id,image_category,box", rows[0], rows[3]])
    (split / "test.csv").write_text(good + "\n")
    read, fails = (photo.read for photo in photo_source.find(str(split)).iterate("skirt", 0))
    assert read().shape == (40, 90, 3)
    with pytest.raises(DataError, match=r"damaged.jpg: is no image"):
        fails()


@pytest.fixture(scope="module")
def predictor(models):
    return Predictor(models / "all", category="skirt", options=inference.Options(two_pass=True))


def smooth(seed, height, width):
    coarse = np.random.default_rng(seed).integers(0, 255, [5, 6, 3]).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@hypothesis.settings(max_examples=12, deadline=None)
@hypothesis.given(x=st.integers(0, 90), y=st.integers(0, 70), seed=st.integers(0, 99), other=st.integers(0, 99))
def test_points_move_with_the_box_and_see_nothing_else(predictor, x, y, seed, other):
    """A garment at any place of any photo: the same points, moved; so the second garment cannot matter, either."""
    garment = smooth(seed, 80, 60)
    photo = smooth(other, 150, 150)
    photo[y : y + 80, x : x + 60] = garment
    points, scores = predictor.find([garment, photo], ["skirt"] * 2, [None, (x, y, x + 60, y + 80)])
    np.testing.assert_allclose(points[1], points[0] + [x, y], atol=1e-3)
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-5)


@hypothesis.settings(max_examples=8, deadline=None)
@hypothesis.given(height=st.integers(20, 200), width=st.integers(20, 200), seed=st.integers(0, 99))
def test_the_whole_photo_as_a_box_is_no_box(predictor, height, width, seed):
    photo = smooth(seed, height, width)
    for box in ((0, 0, width, height), None):
        points, scores = predictor.find([photo], ["skirt"], [box])
        expected, expected_scores = predictor.find([photo], ["skirt"])
        np.testing.assert_array_equal(points, expected)
        np.testing.assert_array_equal(scores, expected_scores)


def test_no_box_of_a_list_is_left_out(predictor):
    with pytest.raises(ProgramError, match="photo 1: box 500,500,600,600 leaves nothing"):
        predictor.find([smooth(0, 50, 50)] * 2, ["skirt"] * 2, [None, (500, 500, 600, 600)])


@pytest.mark.parametrize("seed", range(5))
def test_all_garments_of_a_photo_are_on_one_side_however_its_name_is_spelled(tmp_path, seed):
    photos = [f"Images/{number}.jpg" for number in range(9)]
    lines = ["image_id,image_category," + ",".join(SCHEMA.keypoints) + ",box"]
    for number, photo in enumerate(photos):
        for garment, category in enumerate(("skirt", "dress", "skirt")):
            spelling = ("{}", "./{}", ".//{}")[(number + garment) % 3].format(photo)
            own = SCHEMA.keypoint_indices(category)
            cells = ["5_5_1" if index in own else "-1_-1_-1" for index in range(len(SCHEMA.keypoints))]
            lines.append(",".join([spelling, category, *cells, f"{garment}_0_9_9"]))
    table = tmp_path / "train_0" / "Annotations" / "a.csv"
    table.parent.mkdir(parents=True)
    table.write_text("\n".join(lines) + "\n")
    rows, faults = conversion_plan.read_rows(layout.list_splits(tmp_path), SCHEMA)
    assert (len(rows), faults) == (27, [])
    sides = {True: set(), False: set()}
    for shard in conversion_plan.make_plan(rows, True, 0.3, seed):
        sides[shard.validation] |= {os.path.normpath(row.image_id) for row in shard.rows}
    assert sides[True]
    assert not sides[True] & sides[False]
