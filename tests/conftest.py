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
    "preprocessing/data/test_records.py",
    "preprocessing/input/",
    "test_between_releases.py",
    "tools/test_export_model.py",
    "tools/test_predict.py",
    "utility/model/",
    "utility/prediction/",
    "utility/training/",
)

# What takes a minute together, without a browser; the others train, start programs, or search long.
FAST = (
    "base/test_checked_json.py",
    "base/test_files.py",
    "base/test_geometry.py",
    "base/test_listing.py",
    "base/test_options.py",
    "base/test_parts.py",
    "base/test_program_log.py",
    "base/test_progress.py",
    "base/test_schema.py",
    "configs/test_augmentation_flags.py",
    "configs/test_command_line.py",
    "configs/test_cross_checks.py",
    "net/test_declared.py",
    "net/test_registry.py",
    "preprocessing/data/test_annotations.py",
    "preprocessing/data/test_boxes.py",
    "preprocessing/input/test_color.py",
    "preprocessing/input/test_packed_pixels.py",
    "preprocessing/input/test_streams.py",
    "tools/test_import_labels.py",
    "utility/model/test_averaging.py",
    "utility/model/test_checkpoint_index.py",
    "utility/model/test_decoders.py",
    "utility/model/test_losses.py",
    "utility/model/test_metrics.py",
    "utility/model/test_model_directory.py",
    "utility/model/test_probabilities.py",
    "utility/model/test_state_files.py",
    "utility/scoring/test_bootstrap.py",
    "utility/scoring/test_scoring.py",
    "utility/scoring/test_submission.py",
    "utility/training/test_best_checkpoint.py",
    "utility/training/test_optimization.py",
    "utility/training/test_training_plan.py",
)


def pytest_collection_modifyitems(items):
    """Marks the tests of ON_EVERY_RELEASE, and as slow what is not FAST."""
    for item in items:
        path = item.path.relative_to(ROOT / "tests").as_posix() if ROOT in item.path.parents else ""
        if path.startswith(ON_EVERY_RELEASE):
            item.add_marker("every_release")
        if not path.startswith(FAST):
            item.add_marker("slow")


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
        pytest.skip("no Chromium and chromedriver here: run `apt-get install chromium chromium-driver`")
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
