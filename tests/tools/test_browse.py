"""The page of a data set, as people see it: in a headless browser, at desktop and telephone width."""

import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from fashionai import CATEGORIES, KEYPOINTS, SCHEMA
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from base import ellipses
from base.errors import DataError, UsageError
from configs import command_line
from preprocessing.data import annotations
from preprocessing.labelling import point_scores
from tools import browse, make_synthetic_data
from tools.browsing import augmented, entries, page, statistics

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    make_synthetic_data.write_data_set(str(folder), 12, 2, 200, 1, SCHEMA, 1)
    return str(folder)


def flags(*arguments):
    return command_line.parse(["browse.py", *arguments], browse.FLAGS, ["output"])


def write_page(tmp_path, *arguments):
    output = str(tmp_path / "report.html")
    browse.main(flags(*arguments, f"--output={output}"))
    return output


def page_data(output):
    with open(output, encoding="utf-8") as file:
        text = file.read()
    return json.loads(text.split('id="data">')[1].split("</script>")[0])


def cards(browser):
    return browser.find_elements(By.CSS_SELECTOR, "#grid .card")


def choose(browser, name, text):
    Select(browser.find_element(By.NAME, name)).select_by_visible_text(text)


def wait_for_position(browser, text):
    WebDriverWait(browser, 10).until(lambda browser: browser.find_element(By.ID, "position").text == text)


def copy_of_test_split(data_dir, tmp_path):
    """Returns a copy of the data set's test split, with its answer beside it."""
    shutil.copytree(os.path.join(data_dir, "test_0"), tmp_path / "test_0")
    shutil.copy(os.path.join(data_dir, "test_0_answer.csv"), tmp_path)
    return tmp_path


def test_every_photo_with_its_points(data_dir, tmp_path):
    photos = {photo["id"]: photo for photo in page_data(write_page(tmp_path, f"--data_dir={data_dir}"))["photos"]}
    rows = annotations.read(os.path.join(data_dir, "train_0", "Annotations", "annotations.csv"))
    assert len(photos) == 5 * 14
    for image_id, points, visibility in zip(rows.image_ids, rows.points, rows.visibility):
        there = np.flatnonzero(visibility >= 0)
        expected = [[index, *points[index], visibility[index]] for index in there]
        assert photos[image_id]["points"] == expected
        height, width = cv2.imread(os.path.join(data_dir, "train_0", image_id)).shape[:2]
        assert photos[image_id]["size"] == [width, height]
        assert photos[image_id]["faults"] == []


def test_filters_and_pages_in_a_browser(data_dir, tmp_path, browser):
    browser.get(f"file://{write_page(tmp_path, f'--data_dir={data_dir}')}")
    assert len(cards(browser)) == 48
    wait_for_position(browser, "1 – 48 of 70")
    browser.find_element(By.CSS_SELECTOR, "[data-step='1']").click()
    wait_for_position(browser, "49 – 70 of 70")
    assert len(cards(browser)) == 22
    choose(browser, "category", "skirt")
    wait_for_position(browser, "1 – 14 of 14")
    choose(browser, "source", "test_0")
    wait_for_position(browser, "1 – 2 of 2")
    assert len(cards(browser)) == 2
    choose(browser, "keypoint", "hemline_left")
    WebDriverWait(browser, 10).until(lambda browser: len(browser.find_elements(By.CSS_SELECTOR, "#grid circle")) <= 2)
    shapes = browser.find_elements(By.CSS_SELECTOR, "#grid circle")
    assert {shape.find_element(By.TAG_NAME, "title").get_attribute("textContent").split()[0] for shape in shapes} == {
        "hemline_left"
    }
    choose(browser, "state", "absent")
    choose(browser, "category", "all")
    choose(browser, "source", "all")
    rows = [annotations.read(os.path.join(data_dir, "train_0", "Annotations", "annotations.csv"))]
    rows.append(annotations.read(os.path.join(data_dir, "test_0_answer.csv")))
    absent = sum(
        row.visibility[index, KEYPOINTS.index("hemline_left")] == -1
        for row in rows
        for index, category in enumerate(row.categories)
        if category in ("skirt", "dress")
    )
    wait_for_position(browser, f"1 – {absent} of {absent}")
    assert len(cards(browser)) == absent


def test_a_dot_stands_on_its_pixel(tmp_path, browser):
    image = np.full((100, 200, 3), 255, np.uint8)
    image[40, 150] = 0
    folder = tmp_path / "train_0"
    os.makedirs(folder / "Images" / "skirt")
    cv2.imwrite(str(folder / "Images" / "skirt" / "a.jpg"), image)
    points, visibility = np.full((1, 24, 2), -1), np.full((1, 24), -1)
    points[0, 17], visibility[0, 17] = (150, 40), 1
    annotations.write(folder / "Annotations" / "a.csv", ["Images/skirt/a.jpg"], ["skirt"], points, visibility)
    browser.get(f"file://{write_page(tmp_path, f'--data_dir={tmp_path}')}")
    box = browser.find_element(By.CSS_SELECTOR, "#grid circle").rect
    picture = browser.find_element(By.CSS_SELECTOR, "#grid .picture").rect
    scale = picture["width"] / 200
    top = picture["y"] + (picture["height"] - 100 * scale) / 2
    assert box["x"] + box["width"] / 2 == pytest.approx(picture["x"] + 150.5 * scale, abs=0.6)
    assert box["y"] + box["height"] / 2 == pytest.approx(top + 40.5 * scale, abs=0.6)


def test_the_box_of_each_garment_is_drawn_on_its_photo(tmp_path, browser):
    boxes = [(10, 20, 60, 90), (55, 5, 120, 80), None]
    (tmp_path / "train_0" / "Annotations").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "train_0" / "two.jpg"), np.zeros([100, 120, 3], np.uint8))
    points, visibility = np.full([3, 24, 2], 30), np.full([3, 24], -1)
    visibility[:, KEYPOINTS.index("hemline_left")] = 1
    table = str(tmp_path / "train_0" / "Annotations" / "a.csv")
    annotations.write(table, ["two.jpg"] * 3, ["skirt"] * 3, points, visibility, boxes=boxes)
    browser.get(f"file://{write_page(tmp_path, f'--data_dir={tmp_path}', '--augmented')}")
    found = []
    for card in cards(browser):
        drawn = card.find_elements(By.CSS_SELECTOR, "rect.box")
        sides = [[float(rect.get_attribute(name)) for name in ("x", "y", "width", "height")] for rect in drawn]
        found += [(x, y, x + width, y + height) for x, y, width, height in sides] or [None]
    assert found == boxes
    cards(browser)[1].click()
    assert "box 55_5_120_80" in browser.find_element(By.ID, "large").text


def test_the_worst_prediction_comes_first(data_dir, tmp_path, browser):
    truth = annotations.read(os.path.join(data_dir, "test_0_answer.csv"))
    points = truth.points.copy()
    points[:, :, 0] += np.arange(len(points))[:, None]  # each row is worse than the one before it
    annotations.write(tmp_path / "submission.csv", truth.image_ids, truth.categories, points, truth.visibility)
    output = write_page(
        tmp_path, f"--data_dir={os.path.join(data_dir, 'test_0')}", f"--predictions={tmp_path / 'submission.csv'}"
    )
    photos = page_data(output)["photos"]
    assert len(photos) == 10
    from utility.scoring import scoring

    worst = dict(scoring.worst_photos(truth, points, 10))
    for row, photo in enumerate(photos):
        assert photo["error"] == pytest.approx(worst[row], abs=1e-4)
    browser.get(f"file://{output}")
    shown = [float(card.text.split("NE ")[1]) for card in cards(browser)]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == pytest.approx(max(worst.values()), abs=1e-4)
    assert browser.find_elements(By.CSS_SELECTOR, "#grid line[stroke='#f22']")


def test_broken_photos_and_rows_are_listed(data_dir, tmp_path, browser):
    folder = copy_of_test_split(data_dir, tmp_path)
    answer = folder / "test_0_answer.csv"
    lines = answer.read_text().splitlines()
    ids = [line.split(",")[0] for line in lines]
    os.remove(folder / "test_0" / ids[1])
    (folder / "test_0" / ids[2]).write_bytes(b"no photo")
    names = lines[0].split(",")
    row = next(index for index in range(3, 11) if lines[index].split(",")[1] == "skirt")
    cells = lines[row].split(",")
    cells[names.index("hemline_left")] = "9999_5_1"
    cells[names.index("crotch")] = "5_5_1"
    lines[row] = ",".join(cells)
    other = next(index for index in range(3, 11) if index != row)
    lines[other] = lines[other].replace("_1", "_7")
    answer.write_text("\n".join(lines) + "\n")
    browser.get(f"file://{write_page(tmp_path, f'--data_dir={folder}')}")
    browser.find_element(By.CSS_SELECTOR, "[data-view=faults]").click()
    text = browser.find_element(By.ID, "faults").text
    for what in (
        "is missing",
        "is no image",
        "hemline_left is at 9999, 5, outside",
        "crotch is no keypoint of skirt",
    ):
        assert what in text
    assert f"line {other + 1}" in text
    browser.find_element(By.CSS_SELECTOR, "[data-view=photos]").click()
    browser.find_element(By.NAME, "broken").click()
    wait_for_position(browser, "1 – 3 of 3")
    assert len(cards(browser)) == 3


def test_names_from_files_are_text_and_never_markup(tmp_path, browser):
    name = "Images/skirt/<img src=x onerror=document.title='owned'>{{7*7}}</script>.jpg"
    entry = entries.Entry(
        "<b>train</b>", name, "skirt", "line 2", np.zeros((24, 2)), np.full(24, -1), faults=["<i>x</i>"]
    )
    output = tmp_path / "report.html"
    output.write_text(page.render("<script>document.title='owned'</script>", [entry], [], SCHEMA), encoding="utf-8")
    browser.get(f"file://{output}")
    cards(browser)[0].click()
    assert browser.title != "owned"
    assert name in browser.find_element(By.ID, "large").text
    assert browser.find_elements(By.CSS_SELECTOR, "b b, i:not([class]), img[src=x]") == []


def test_nothing_is_fetched_from_elsewhere(data_dir, tmp_path, browser):
    browser.get(f"file://{write_page(tmp_path, f'--data_dir={data_dir}')}")
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in fetched if not name.startswith("data:")] == []


def test_it_fits_a_telephone(data_dir, tmp_path, browser):
    predictions = os.path.join(data_dir, "test_0_answer.csv")
    output = write_page(tmp_path, f"--data_dir={data_dir}", f"--predictions={predictions}")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    browser.get(f"file://{output}")
    for view in ("photos", "statistics", "faults"):
        browser.find_element(By.CSS_SELECTOR, f"[data-view={view}]").click()
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    browser.find_element(By.CSS_SELECTOR, "[data-view=statistics]").click()
    for tables in browser.find_elements(By.CLASS_NAME, "tables"):
        assert int(tables.get_property("scrollWidth")) <= int(tables.get_property("clientWidth"))
    browser.find_element(By.CSS_SELECTOR, "[data-view=photos]").click()
    cards(browser)[0].click()
    assert browser.find_element(By.CSS_SELECTOR, "dialog img").rect["width"] > 300


def seconds_computed(browser):
    """Returns the time that the page's process has computed; unlike the clock's, no other program adds to it."""
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    (seconds,) = (metric["value"] for metric in metrics if metric["name"] == "ProcessTime")
    return seconds


def test_a_page_of_1200_photos_opens(data_dir, tmp_path, browser):
    real = os.environ.get("FASHION_DATA")
    if real:
        found, faults = entries.from_data_dir(os.path.join(real, "fashionai", "train_0"), 256, SCHEMA)
    else:
        found, faults = entries.from_data_dir(data_dir, 256, SCHEMA)
        found = (found * 18)[:1200]
    assert len(found) == 1200
    output = tmp_path / "report.html"
    output.write_text(page.render("many", found, faults, SCHEMA), encoding="utf-8")
    browser.execute_cdp_cmd("Performance.enable", {})
    before = seconds_computed(browser)
    browser.get(f"file://{output}")  # returns when the page is loaded
    after = seconds_computed(browser)
    assert 0 < after - (before if before < after else 0) < 20  # seconds; 2 on an idle machine: more than linear shows
    assert browser.execute_script("return document.querySelector('#grid img').naturalWidth") > 50
    assert len(browser.find_elements(By.TAG_NAME, "img")) < 200  # the others wait until they are looked at
    assert len(browser.find_elements(By.CSS_SELECTOR, "#grid *")) < 2000


def test_augmented_inputs(data_dir, tmp_path, browser):
    sizes = ("--train_image_size=64", "--heatmap_size=16")
    browser.get(f"file://{write_page(tmp_path, f'--data_dir={data_dir}', '--augmented', *sizes)}")
    browser.find_element(By.CSS_SELECTOR, "[data-view=augmented]").click()
    pictures = browser.find_elements(By.CSS_SELECTOR, "#augmented figure")
    assert {picture.text for picture in pictures} == set(CATEGORIES)
    size = "const i = document.querySelector('#augmented img'); return [i.naturalWidth, i.naturalHeight]"
    assert browser.execute_script(size) == [128, 64]


def test_augmented_inputs_follow_the_flags_of_a_training(data_dir, tmp_path):
    recipe = tmp_path / "recipe.cfg"
    nothing = [f"--{name}_probability=0" for name in ("flip", "rotate", "crop", "color")]
    recipe.write_text("\n".join([*nothing, "--batch_size=2", "--train_image_size=64", "--heatmap_size=16"]))
    photos, _ = entries.from_data_dir(os.path.join(data_dir, "train_0"), 64, SCHEMA)
    skirts = [entry for entry in photos if entry.category == "skirt"]
    words = (f"--data_dir={data_dir}", "--output=report.html", f"--flagfile={recipe}")
    still, turned = (
        browse._augmented(flags(*words, *more), skirts, SCHEMA) for more in ((), ("--rotate_probability=1",))
    )
    assert [one == other for one, other in zip(still, turned)] == [False] * 6
    with pytest.raises(UsageError, match="--crop_area=1,0.5"):
        browse.main(flags(*words, "--crop_area=1,0.5"))


def test_records_are_shown_like_the_photos_they_were_made_of(data_dir, tmp_path):
    found, _ = entries.from_data_dir(os.path.join(data_dir, "train_0"), 64, SCHEMA)
    skirts = [entry for entry in found if entry.category == "skirt"]
    os.makedirs(tmp_path / "records")
    augmented.write_records(str(tmp_path / "records"), "skirt", skirts, SCHEMA)
    again = page_data(write_page(tmp_path, f"--records={tmp_path / 'records'}"))["photos"]
    before = {photo["id"]: photo for photo in page_data(write_page(tmp_path, f"--data_dir={data_dir}"))["photos"]}
    assert len(again) == 12
    for photo in again:
        for key in ("points", "size", "category", "faults"):
            assert photo[key] == before[photo["id"]][key]


def test_statistics_count():
    points = np.zeros((24, 2))
    index = KEYPOINTS.index("hemline_left")
    found = []
    for state, x in ((1, 10), (1, 30), (0, 20), (-1, -1)):
        visibility = np.full(24, -1)
        visibility[KEYPOINTS.index("waistband_left")] = 1
        visibility[index] = state
        points = points.copy()
        points[index] = (x, 0)
        found.append(entries.Entry("train_0", "a", "skirt", "line 2", points, visibility, size=(40, 80)))
    (row,) = [row for row in statistics.keypoints(found, SCHEMA)["skirt"] if row["name"] == "hemline_left"]
    assert (row["visible"], row["occluded"], row["absent"], row["ne"]) == (0.5, 0.25, 0.25, None)
    assert statistics.counts(found) == (["train_0"], [("skirt", [4])])
    assert statistics.sizes(found) == ([(40, 80, 4)], 0)


def test_a_heat_picture_is_bright_where_the_points_are():
    picture = statistics.heat_picture(np.array([[0.25, 0.75]] * 9 + [[0.9, 0.1]]))
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image.shape == (32, 32)
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert (abs(row - 24), abs(column - 8)) <= (1, 1)


def test_usage_errors(tmp_path, data_dir):
    with pytest.raises(UsageError, match="--data_dir or --records"):
        browse.main(flags(f"--output={tmp_path}/a.html"))
    with pytest.raises(UsageError, match="one file"):
        browse.main(flags(f"--output={tmp_path}/a.html", f"--data_dir={data_dir}", "--predictions=a,b"))
    with pytest.raises(DataError, match="has no train_"):
        browse.main(flags(f"--output={tmp_path}/a.html", f"--data_dir={tmp_path}"))
    with pytest.raises(DataError, match="other photos"):
        entries.add_predictions([], annotations.read(os.path.join(data_dir, "test_0_answer.csv")))


def test_the_program_runs_from_a_shell(data_dir, tmp_path):
    program = os.path.join(ROOT, "tools", "browse.py")
    done = subprocess.run(
        [sys.executable, program, f"--data_dir={data_dir}", f"--output={tmp_path}/a.html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path}/a.html: 70 photos, 0 broken\n"


def test_ellipses_of_calibrated_predictions_are_drawn(data_dir, tmp_path, browser, program, capsys):
    truth = annotations.read(os.path.join(data_dir, "test_0_answer.csv"))
    annotations.write(tmp_path / "s.csv", truth.image_ids, truth.categories, truth.points, truth.visibility)
    scores = np.where(truth.visibility < 0, np.nan, 0.5)
    covariances = np.broadcast_to(np.diag([100.0, 25.0]), [*scores.shape, 2, 2]).copy()
    covariances[np.isnan(scores)] = np.nan
    found = point_scores.PointScores(scores, covariances)
    point_scores.write(tmp_path / "scores.csv", truth.image_ids, truth.categories, found, truth.schema)
    words = [f"--predictions={tmp_path / 's.csv'}", f"--scores={tmp_path / 'scores.csv'}"]
    browser.get(f"file://{write_page(tmp_path, f'--data_dir={data_dir}/test_0', *words)}")
    drawn = cards(browser)[0].find_elements(By.CSS_SELECTOR, "ellipse")
    assert len(drawn) == len(cards(browser)[0].find_elements(By.CSS_SELECTOR, "circle:not([fill=none])"))
    for one in drawn:
        sides = [float(one.get_attribute(name)) for name in ("rx", "ry")]
        assert sides == pytest.approx([10 * ellipses.radius(0.95), 5 * ellipses.radius(0.95)], abs=0.06)
    browser.find_element(By.NAME, "ellipses").click()
    assert not cards(browser)[0].find_elements(By.CSS_SELECTOR, "ellipse")
    assert program("tools/browse.py", f"--data_dir={data_dir}", words[1], f"--output={tmp_path}/o.html") == 2
    assert "--scores are of a submission: expected --predictions, too" in capsys.readouterr().err
