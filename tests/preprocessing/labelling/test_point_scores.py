"""The scores of a submission's points are read as eval_all.py writes them, and what is wrong is named."""

import hypothesis
import made_splits
import numpy as np
import pytest
from hypothesis import strategies as st

from base.errors import DataError, DataErrors
from preprocessing.data import annotations
from preprocessing.labelling import point_scores


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(made=made_splits.made_photos(), has_boxes=st.booleans(), data=st.data())
def test_scores_are_read_as_they_are_written(tmp_path_factory, made, has_boxes, data):
    if not has_boxes:
        made = [made_splits.MadePhoto(photo.image_id, photo.size, photo.rows[:1]) for photo in made]
    folder = tmp_path_factory.getbasetemp()
    submission = made_splits.table(made, has_boxes)
    annotations.write(folder / "submission.csv", *submission)
    rows = annotations.read(folder / "submission.csv")
    ids, categories, _, visibility, schema, boxes = submission
    some = st.lists(st.floats(0, 1), min_size=visibility.size, max_size=visibility.size)
    scores = np.where(visibility < 0, np.nan, np.reshape(data.draw(some), visibility.shape))
    order = data.draw(st.permutations(range(len(ids))))
    shuffled = ([column[at] for at in order] if column else None for column in (ids, categories, boxes))
    ids, categories, boxes = shuffled
    calibrated = data.draw(st.booleans())
    roots = np.random.default_rng(len(ids)).normal(size=[*scores.shape, 2, 2])
    covariances = roots @ roots.swapaxes(-1, -2) + 0.01 * np.eye(2)
    covariances[np.isnan(scores) | (not calibrated)] = np.nan
    given = point_scores.PointScores(scores[list(order)], covariances[list(order)])
    point_scores.write(folder / "scores.csv", ids, categories, given, schema, boxes)
    found = point_scores.read(folder / "scores.csv", rows)
    np.testing.assert_allclose(found.scores, scores, atol=5e-7)  # six digits are written
    np.testing.assert_allclose(found.covariances, covariances, rtol=1e-5)


@pytest.fixture
def submission(tmp_path):
    """The Annotations of two rows, and the text of their scores."""
    photos = [
        made_splits.MadePhoto(f"Images/skirt/{n}.jpg", (9, 9), (made_splits.Row("skirt", None, {"crotch": (1, 2, 1)}),))
        for n in range(2)
    ]
    table = made_splits.table(photos, has_boxes=False)
    annotations.write(tmp_path / "submission.csv", *table)
    scores = np.where(table[3] < 0, np.nan, 0.5)
    given = point_scores.PointScores(scores, np.full([*scores.shape, 2, 2], np.nan))
    point_scores.write(tmp_path / "scores.csv", *table[:2], given, table[4])
    return annotations.read(tmp_path / "submission.csv"), (tmp_path / "scores.csv").read_text()


WRONG = {
    "a column": (lambda text: text.replace("crotch", "croch"), "line 1: names other columns than"),
    "no number": (lambda text: text.replace("0.500000", "half"), "line 2, column crotch: expected a finite number"),
    "five numbers": (lambda text: text.replace("0.500000", "0.5_1_2_3_4"), "line 2, column crotch: expected a finite"),
    "an endless covariance": (
        lambda text: text.replace("0.500000", "0.5_inf_0_1"),
        "line 2, column crotch: expected a",
    ),
    "no covariance": (
        lambda text: text.replace("0.500000", "0.5_1_2_3"),
        "line 2, column crotch: expected score_xx_xy",
    ),
    "nan": (lambda text: text.replace("0.500000", "nan"), "line 2, column crotch: expected a finite number"),
    "another photo": (lambda text: text.replace("/1.jpg", "/2.jpg"), "line 3, column image_id: expected each row"),
    "twice": (lambda text: text.replace("/1.jpg", "/0.jpg"), "line 3, column image_id: expected each row"),
    "cut": (lambda text: text[:-9], "line 3: expected 26 fields as in the header, got"),
    "a row less": (lambda text: "\n".join(text.splitlines()[:2]), "has no row for line 3 of"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_named(tmp_path, submission, kind):
    rows, text = submission
    change, message = WRONG[kind]
    (tmp_path / "scores.csv").write_text(change(text))
    with pytest.raises((DataError, DataErrors)) as caught:
        point_scores.read(tmp_path / "scores.csv", rows)
    assert any(line.startswith(f"{tmp_path}/scores.csv: {message}") for line in caught.value.lines())
