"""What the tests share: photos and records, the real ones where the variable FASHION_DATA names their folder."""

import os
import runpy
import shutil
import sys
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# `pytest --hypothesis-profile=thorough` searches a hundred times longer.
hypothesis.settings.register_profile("thorough", max_examples=10_000, deadline=None)

ROOT = Path(__file__).parent.parent

# What touches estimators, checkpoints, distribution, input or export: run on the oldest TensorFlow, too.
ON_EVERY_RELEASE = (
    "base/",
    "net/test_overfit.py",
    "net/test_recomputation.py",
    "net/test_synchronised_norm.py",
    "preprocessing/",
    "tools/test_export_model.py",
    "tools/test_predict.py",
    "utility/",
)


def pytest_collection_modifyitems(items):
    """Marks the tests of ON_EVERY_RELEASE."""
    for item in items:
        path = item.path.relative_to(ROOT / "tests").as_posix() if ROOT in item.path.parents else ""
        if path.startswith(ON_EVERY_RELEASE):
            item.add_marker("every_release")


def run_program(program, *words):
    """Runs a program of the project in this process, as the shell would.

    Args:
        program: its path from the project's root.
        *words: its command line.

    Returns:
        Its exit code.
    """
    former = sys.argv
    sys.argv = [str(ROOT / program), *map(str, words)]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as stop:
        return stop.code
    finally:
        sys.argv = former
    raise AssertionError(f"{program} ended without an exit code")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder in the FashionAI layout with train_0, test_0 and test_0_answer.csv: real photos, or drawn ones."""
    if "FASHION_DATA" in os.environ:
        return Path(os.environ["FASHION_DATA"]) / "fashionai"
    folder = tmp_path_factory.mktemp("photos") / "drawn"
    assert run_program("tools/make_synthetic_data.py", f"--output_dir={folder}", "--num_train=12", "--num_test=4") == 0
    return folder


@pytest.fixture(scope="session")
def records(photos, tmp_path_factory):
    """A folder of training and validation TFRecords made of `photos`."""
    folder = tmp_path_factory.mktemp("records") / "records"
    words = (f"--data_dir={photos}", f"--output_dir={folder}", "--splits=train_0", "--val_fraction=0.2")
    assert run_program("tools/convert_tfrecords.py", *words) == 0
    return folder


@pytest.fixture(scope="session")
def program():
    """Runs a program in the test's process: `program("tools/score.py", "--prediction=…")` returns its exit code."""
    return run_program


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium for all tests of a process: it takes seconds to start."""
    from selenium import webdriver

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("no Chromium and chromedriver here: `apt-get install chromium chromium-driver` would be right")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1300,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    session = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield session
    session.quit()


@pytest.fixture
def browser(chromium):
    """The browser at desktop width; after the test its console must be empty."""
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.get("about:blank")
    chromium.get_log("browser")
    yield chromium
    assert chromium.get_log("browser") == []
