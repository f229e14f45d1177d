"""The page on which one drops a photo: its answers, what it refuses, and how it looks in a browser."""

import importlib.util
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_models import make
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from configs.keypoints import keypoint_names
from utility.inference import Options
from utility.predict import Predictor

ROOT = Path(__file__).parent.parent.parent
_spec = importlib.util.spec_from_file_location("serve", ROOT / "demos" / "serve.py")
serve = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(serve)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    make(folder / "all", category="all")
    return folder


@pytest.fixture(scope="module")
def predictor(models):
    return Predictor(models / "all", options=Options(flip=True, rotations=(-10.0, 0.0, 10.0)))


@pytest.fixture(scope="module")
def client(predictor):
    return serve.create_app({"all": predictor}, most_megabytes=0.2, hosts={"localhost"}).test_client()


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "a.png"
    image = np.random.default_rng(0).integers(0, 255, (12, 9, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(image, (180, 240), interpolation=cv2.INTER_CUBIC))
    return path


def post(client, data, category="skirt", **more):
    return client.post("/predict", data={"photo": (io.BytesIO(data), "a.jpg"), "category": category}, **more)


def test_it_answers_what_the_predictor_finds(client, predictor, photo):
    response = post(client, photo.read_bytes())
    assert response.status_code == 200
    expected = predictor.predict(photo, "skirt")
    assert response.json["category"] == "skirt"
    assert (response.json["width"], response.json["height"]) == (180, 240)
    assert set(response.json["keypoints"]) == set(keypoint_names("skirt"))
    for name, point in expected["keypoints"].items():
        assert response.json["keypoints"][name] == pytest.approx(point)


def test_a_turned_photo_is_answered_as_it_is_shown(client):
    picture = Image.new("RGB", (60, 30), (200, 10, 10))
    exif = picture.getexif()
    exif[0x0112] = 6
    data = io.BytesIO()
    picture.save(data, "JPEG", exif=exif)
    response = post(client, data.getvalue())
    assert (response.json["width"], response.json["height"]) == (30, 60)


@pytest.mark.parametrize(
    ("data", "category", "status", "message"),
    [
        (b"no image", "skirt", 400, "is no image"),
        (b"", "skirt", 400, "is no image"),
        (b"\xff\xd8\xff\xe0" + bytes(500), "skirt", 400, ""),
        (b"<svg onload='alert(1)'/>", "skirt", 400, "is no image"),
        (b"no image", "hat", 400, "one of blouse, dress, outwear, skirt, trousers would be right"),
        (bytes(300_000), "skirt", 413, "more than 0.2 MB"),
    ],
)
def test_what_is_no_photo_is_refused_with_a_reason(client, data, category, status, message):
    response = post(client, data, category)
    assert response.status_code == status
    assert message in response.json["error"]


def test_a_photo_that_would_fill_the_memory_is_refused(client):
    data = io.BytesIO()
    Image.new("L", (20000, 9000)).save(data, "PNG")
    assert len(data.getvalue()) < 200_000
    response = post(client, data.getvalue())
    assert response.status_code == 400
    assert "pixels" in response.json["error"]


def test_a_page_of_another_name_is_not_answered(client, photo):
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
    assert post(client, photo.read_bytes(), headers={"Host": "evil.example:8000"}).status_code == 403


def test_every_answer_forbids_foreign_content(client):
    for path in ("/", "/nothing", "/serve.py"):
        response = client.get(path)
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/serve.py").status_code == 404


@pytest.fixture(scope="module")
def server(models):
    """The program as the shell starts it; yields its process and its address."""
    options = ("--flip_on_test", "--test_rotations=-10,0,10")
    command = [sys.executable, str(ROOT / "demos" / "serve.py"), f"--model_dir={models}", "--port=0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert line.startswith("http://127.0.0.1:"), process.communicate()
    yield process, line.split()[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert "Traceback" not in process.stderr.read()


def wait_for(browser, text):
    WebDriverWait(browser, 60).until(lambda browser: text in browser.find_element(By.ID, "status").text)


def test_a_photo_chosen_in_the_browser(server, browser, photo, predictor):
    browser.get(server[1])
    browser.find_element(By.ID, "file").send_keys(str(photo))
    Select(browser.find_element(By.NAME, "category")).select_by_visible_text("skirt")
    wait_for(browser, "skirt, 180 × 240 pixels")
    rows = [row.text.split() for row in browser.find_elements(By.CSS_SELECTOR, "#rows tr")]
    found = predictor.predict(photo, "skirt")["keypoints"]
    assert [row[0] for row in rows] == list(found)
    assert [float(row[1]) for row in rows] == pytest.approx([point["x"] for point in found.values()], abs=0.06)
    image = browser.find_element(By.ID, "photo").rect
    dot = browser.find_element(By.CSS_SELECTOR, "#picture circle").rect
    first = found["waistband_left"]
    assert dot["x"] + dot["width"] / 2 - image["x"] == pytest.approx((first["x"] + 0.5) * image["width"] / 180, abs=1)
    Select(browser.find_element(By.NAME, "category")).select_by_visible_text("trousers")
    wait_for(browser, "trousers, 180 × 240 pixels")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#picture circle")) == 7


def test_the_browser_says_why_a_file_is_refused(server, browser, tmp_path):
    (tmp_path / "a.txt").write_text("no image")
    browser.get(server[1])
    browser.find_element(By.ID, "file").send_keys(str(tmp_path / "a.txt"))
    wait_for(browser, "is no image")
    assert not browser.find_element(By.ID, "result").is_displayed()
    (entry,) = browser.get_log("browser")  # Chromium notes every refused request
    assert "400 (BAD REQUEST)" in entry["message"]


def test_it_fits_a_telephone(server, browser, photo):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(server[1])
    browser.find_element(By.ID, "file").send_keys(str(photo))
    wait_for(browser, "blouse, 180 × 240 pixels")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def run(*arguments):
    command = [sys.executable, str(ROOT / "demos" / "serve.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_taken_port_is_one_error(server, models):
    port = server[1].rstrip("/").rsplit(":", 1)[1]
    done = run(f"--model_dir={models}", f"--port={port}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"serve.py: 127.0.0.1:{port}: cannot be served")


def test_a_folder_without_models_is_one_error(tmp_path):
    done = run(f"--model_dir={tmp_path}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert os.path.basename(tmp_path) in done.stderr
