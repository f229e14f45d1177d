"""The page on which one drops a photo: its answers, what it refuses, and how it looks in a browser."""

import concurrent.futures
import contextlib
import importlib.util
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path

import cv2
import made_trainings
import numpy as np
import pytest
from fashionai import SCHEMA, keypoint_names
from made_models import description, make
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from base import ellipses
from base import schema as schemas
from base.errors import DataError
from configs import command_line
from utility.model import model_directory
from utility.prediction.inference import Options
from utility.prediction.predictor import Predictor

ROOT = Path(__file__).parent.parent.parent
_spec = importlib.util.spec_from_file_location("serve", ROOT / "demos" / "serve.py")
serve = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(serve)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    make(folder / "all", category="all", net=made_trainings.NET)
    return folder


@pytest.fixture(scope="module")
def predictor(models):
    return Predictor(models / "all", options=Options(flip=True, rotations=(-10.0, 0.0, 10.0)))


@pytest.fixture(scope="module")
def client(predictor):
    return serve.create_app({"all": predictor}, max_upload_mb=0.2, hosts={"localhost"}).test_client()


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
        (b"no image", "hat", 400, "expected a photo and one of blouse, dress, outwear, skirt, trousers"),
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


@contextlib.contextmanager
def serving(model_dir, *options):
    """The program as the shell starts it; yields its process and its address."""
    program = [str(ROOT / "tests" / "with_tiny_net.py"), str(ROOT / "demos" / "serve.py")]
    command = [sys.executable, *program, f"--model_dir={model_dir}", "--port=0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert line.startswith("http://127.0.0.1:"), process.communicate()
    yield process, line.split()[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert "Traceback" not in process.stderr.read()


@pytest.fixture(scope="module")
def server(models):
    with serving(models, "--flip_on_test", "--test_rotations=-10,0,10") as started:
        yield started


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


def test_the_ellipse_of_a_calibrated_point_is_drawn(server, browser):
    browser.get(server[1])
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    covariance = (turn @ np.diag([64.0, 9.0]) @ turn.T).tolist()
    points = {name: {"x": 50, "y": 60, "score": 0.5} for name in keypoint_names("skirt")}
    points["hemline_left"]["covariance"] = covariance
    reply = {"category": "skirt", "width": 180, "height": 240, "keypoints": points}
    browser.execute_script(f"answer = {json.dumps(reply)}; show();")
    (drawn,) = browser.find_elements(By.CSS_SELECTOR, "#picture ellipse")
    (long, short), angle = ellipses.axes(covariance, 0.95)
    assert [float(drawn.get_attribute(name)) for name in ("rx", "ry")] == pytest.approx([long, short])
    degrees = float(drawn.get_attribute("transform")[len("rotate(") :].split()[0])
    assert np.sin(np.deg2rad(degrees) - angle) == pytest.approx(0, abs=1e-6)


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


@pytest.mark.parametrize("host", ["", "a:b", "no such host"])
def test_what_is_no_address_is_one_error(models, host):
    done = run(f"--model_dir={models}", f"--host={host}")
    assert done.returncode == 1
    assert done.stderr == f"serve.py: {host}:8000: cannot be served (no such address)\n"


@pytest.mark.parametrize(
    ("host", "address", "called", "status"),
    [
        ("::1", "::1", "[::1]:8000", 200),
        ("::1", "::1", "[::1]", 200),
        ("::1", "::1", "foreign.example:8000", 403),
        ("127.0.0.2", "127.0.0.2", "127.0.0.2:8000", 200),
        ("127.0.0.2", "127.0.0.2", "foreign.example", 403),
        ("localhost", "127.0.0.1", "localhost", 200),
        ("localhost", "127.0.0.1", "LOCALHOST:8000", 200),
        ("LOCALHOST", "127.0.0.1", "foreign.example:8000", 403),
        ("127.1", "127.0.0.1", "foreign.example:8000", 403),
        ("127.1", "127.0.0.1", "127.1:8000", 200),
        ("my.machine", "10.0.0.7", "other.name:8000", 200),
        ("0.0.0.0", "0.0.0.0", "my.machine:8000", 200),
    ],
)
def test_every_local_page_is_answered_by_its_own_names_only(predictor, host, address, called, status):
    client = serve.create_app({"all": predictor}, hosts=serve.local_names(host, address)).test_client()
    assert client.get("/", headers={"Host": called}).status_code == status


def test_a_folder_without_models_is_one_error(tmp_path):
    done = run(f"--model_dir={tmp_path}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert os.path.basename(tmp_path) in done.stderr


# --- requests that are no browser's


def multipart(data, category="skirt"):
    """Returns the body of a form with a photo, and its headers."""
    boundary = "-" * 20 + "boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="category"\r\n\r\n{category}\r\n'
    photo = f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    body = (head + photo).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def send(address, data):
    body, headers = multipart(data)
    with urllib.request.urlopen(urllib.request.Request(f"{address}predict", body, headers), timeout=250) as response:
        return json.load(response)


def large_png(width, height):
    data = io.BytesIO()
    pixels = np.full((height, width), 90, np.uint8)
    pixels[:50] = np.random.default_rng(0).integers(0, 255, pixels[:50].shape)  # else too few bytes for a photo
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize("length", ["Content-Length: 300000000", "Transfer-Encoding: chunked"])
def test_a_body_over_the_limit_is_refused_before_it_is_read(server, length):
    place = urllib.parse.urlsplit(server[1])
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(f"POST /predict HTTP/1.1\r\nHost: {place.netloc}\r\n{length}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):  # it may close before it has everything
            for _ in range(0 if "Length" in length else 22):  # MB
                connection.sendall(chunk)
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_the_page_comes_at_once_while_photos_wait(server):
    data = large_png(6000, 4000)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(send, server[1], data) for _ in range(12)]
        concurrent.futures.wait(sent, return_when=concurrent.futures.FIRST_COMPLETED)
        with urllib.request.urlopen(server[1], timeout=250) as response:
            assert response.status == 200
        assert sum(not answer.done() for answer in sent) >= 6
        answers = [answer.result() for answer in sent]
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0]["width"], answers[0]["height"]) == (6000, 4000)


def peak_memory(process):
    (line,) = (line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmHWM" in line)
    return 1024 * int(line.split()[1])


def test_many_large_photos_take_the_memory_of_one(models):
    data = large_png(7000, 7000)
    with serving(models) as (process, address):
        for _ in range(2):  # the second does not get all of the memory again that the first gave back
            send(address, data)
        one = peak_memory(process)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda _: send(address, data), range(6)))
        assert peak_memory(process) < one + 200e6


def test_more_photos_than_may_wait_are_told_to_come_again(monkeypatch):
    class Slow:
        schema = SCHEMA

        def predict(self, *_):
            go.wait()
            return {}

    go = threading.Event()
    monkeypatch.setattr(serve, "_MOST_WAITING", 2)
    app = serve.create_app({"all": Slow()})
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        sent = [pool.submit(lambda: post(app.test_client(), large_png(9, 9)).status_code) for _ in range(3)]
        done, _ = concurrent.futures.wait(sent, return_when=concurrent.futures.FIRST_COMPLETED)
        assert [answer.result() for answer in done] == [503]
        go.set()
        assert sorted(answer.result() for answer in sent) == [200, 200, 503]
    assert post(app.test_client(), large_png(9, 9)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost:8001"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[evil"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_a_form_of_another_site_is_refused(client, photo, headers, status):
    assert post(client, photo.read_bytes(), headers=headers).status_code == status


@pytest.mark.parametrize("fields", [{"category": "a" * 600_000}, {f"field{number}": "" for number in range(1100)}])
def test_fields_that_are_no_photo_are_not_called_a_large_photo(predictor, fields):
    client = serve.create_app({"all": predictor}).test_client()
    response = client.post("/predict", data={**fields, "photo": (io.BytesIO(b"no image"), "a.jpg")})
    assert response.status_code == 413
    assert response.json == {"error": "came with more or larger fields than expected, a photo and a garment"}


def test_what_the_decoder_complains_of_stays_off_the_servers_log(client, capfd):
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)).save(data, "JPEG")
    capfd.readouterr()
    response = post(client, data.getvalue()[:-2] + b"<html>stray bytes" + bytes(30) + b"\xff\xd9")
    assert response.status_code == 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("flag", ["--test_scales=", "--test_rotations=", "--crop_margin=100", "--model_dir=a,,b"])
def test_wrong_flags_of_prediction_are_one_error(models, flag):
    done = run(f"--model_dir={models}", flag)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert flag.split("=")[0] in done.stderr


def test_folders_with_commas_between_are_an_ensemble(models, photo, tmp_path):
    make(tmp_path / "skirt", seed=1, category="skirt", net=made_trainings.NET)
    found = serve.find_models([str(models), str(tmp_path)])
    assert found == {"skirt": [str(models / "all"), str(tmp_path / "skirt")]}
    expected = Predictor(found["skirt"], "skirt").predict(photo, "skirt")
    client = serve.create_app({name: Predictor(folders, name) for name, folders in found.items()}).test_client()
    answer = post(client, photo.read_bytes()).json
    for name, point in expected["keypoints"].items():
        assert answer["keypoints"][name] == pytest.approx(point)
    assert post(client, photo.read_bytes(), "dress").status_code == 400


def test_models_of_no_garment_in_common_are_refused(tmp_path):
    for name in ("skirt", "dress"):
        (tmp_path / name).mkdir()
        model_directory.write(str(tmp_path / name), description(category=name))
    with pytest.raises(DataError, match="expected models of the same garment, got none in common"):
        serve.find_models([str(tmp_path / "skirt"), str(tmp_path / "dress")])


def test_the_limits_former_name_is_understood():
    assert command_line.parse(["serve.py", "--model_dir=a", "--most_megabytes=3"], serve.FLAGS).max_upload_mb == 3


HATS = """
name = "hats"
keypoints = ["brim_left", "brim_right"]
[categories.top_hat]
keypoints = ["brim_left", "brim_right"]
normalise = ["brim_left", "brim_right"]
"""


def test_models_of_two_schemas_find_their_own_garments_each(predictor, tmp_path):
    (tmp_path / "hats.toml").write_text(HATS)
    hat = Predictor(make(tmp_path / "top_hat", category="top_hat", schema=schemas.load(tmp_path / "hats.toml")))
    garments = serve.garments({"top_hat": hat, "all": predictor})
    assert garments == {"top_hat": hat, **dict.fromkeys(SCHEMA.category_names, predictor)}
    client = serve.create_app({"top_hat": hat, "all": predictor}).test_client()
    page = client.get("/").text
    assert all(f"<option>{name}</option>" in page for name in garments)
    data = io.BytesIO()
    Image.new("RGB", (60, 30), (200, 10, 10)).save(data, "JPEG")
    assert list(post(client, data.getvalue(), "top_hat").json["keypoints"]) == ["brim_left", "brim_right"]
    assert list(post(client, data.getvalue(), "skirt").json["keypoints"]) == list(keypoint_names("skirt"))
