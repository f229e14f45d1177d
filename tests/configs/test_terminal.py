"""No program lets TensorFlow, absl, XLA, oneDNN or a warning of Python onto the terminal."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import made_models
import made_trainings
import numpy as np
import pytest

from preprocessing.data import annotations

ROOT = Path(__file__).parents[2]
TRAIN = [*made_trainings.SMALL_HOURGLASS, "--batch_size=4", "--max_steps=1", "--val_fraction=0"]

# {program: command lines}; {…} is a path of the fixture `machine`.
WITH_TENSORFLOW = {
    "demos/draw_gallery.py": [],  # takes real models
    "demos/compare_decoding.py": [],  # runs for minutes
    "demos/score_visibility.py": [],  # tests/tools/test_visibility.py
    "demos/serve.py": [],  # runs until it is stopped; tests/demos/test_serve.py
    "eval_all.py": ["--model_dir={models} --data_dir={test} --output={out}/submission.csv"],
    "tools/benchmark.py": [
        "eval --model_dir={models} --data_dir={test} --category=skirt --batch_size=1 "
        "--benchmark_images=20 --benchmark_turns=1"
    ],
    "tools/browse.py": ["--records={records} --augmented --output={out}/records.html"],
    "tools/convert_tfrecords.py": ["--data_dir={data} --output_dir={out}/records --splits=test_0"],
    "tools/export_model.py": [
        "--model_dir={models}/skirt --output_dir={out}/saved_model --format=saved_model",
        "--model_dir={models}/skirt --output_dir={out}/tflite --format=tflite",
    ],
    "tools/find_label_errors.py": [  # a run with trainings: tests/tools/test_find_label_errors.py
        "--model_dir={models} --data_dir={labelled} --output={out}/errors.html"
    ],
    "tools/import_weights.py": ["--backbone=efficientnet_lite0 --output_dir={out}/weights"],
    "tools/inspect_model.py": ["--model_dir={models}/skirt"],
    "tools/predict.py": ["--model_dir={models}/skirt --image={test}/Images/skirt/1.jpg --output_dir={out}/predicted"],
    "tools/suggest_photos.py": ["--model_dir={models}/skirt --image={test}/Images/skirt --output={out}/list.txt"],
    # It stands for the training program of any net, which is the same lines.
    "train_hg.py": [" ".join(["--data_dir={records} --model_dir={out}/models", *TRAIN])],
}
WITHOUT_TENSORFLOW = {
    "demos/draw_outlines.py",
    "demos/draw_predictions.py",
    "tools/check_submission.py",
    "tools/ensemble.py",
    "tools/export_labels.py",
    "tools/import_labels.py",
    "tools/make_synthetic_data.py",
    "tools/score.py",
    "tools/slurm_tf_config.py",
}
CHATTER = re.compile(r"\.(cc|h|py):\d+|absl|oneDNN|XLA|TensorRT|rebuild TensorFlow|[Ww]arning|WARNING")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """{name: path} of records, a model, a test list of one photo, and a folder for what is written."""
    folder = tmp_path_factory.mktemp("machine")
    photo = folder / "data" / "test_0" / "Images" / "skirt" / "1.jpg"
    photo.parent.mkdir(parents=True)
    cv2.imwrite(str(photo), np.random.default_rng(0).integers(0, 256, (90, 70, 3)).astype(np.uint8))
    (folder / "data" / "test_0" / "test.csv").write_text("image_id,image_category\nImages/skirt/1.jpg,skirt\n")
    labelled = folder / "labelled" / "train_0"
    shutil.copytree(folder / "data" / "test_0" / "Images", labelled / "Images")
    points, visibility = np.full([1, 24, 2], -1), np.full([1, 24], -1)
    points[0, 15:19], visibility[0, 15:19] = [(20, 10), (50, 10), (10, 80), (60, 80)], 1
    image_ids = ["Images/skirt/1.jpg"]
    annotations.write(labelled / "Annotations" / "annotations.csv", image_ids, ["skirt"], points, visibility)
    made_models.make(folder / "models" / "skirt")
    return {
        "data": folder / "data",
        "test": folder / "data" / "test_0",
        "labelled": folder / "labelled",
        "models": folder / "models",
        "records": made_trainings.write_records(folder / "records"),
        "out": tmp_path_factory.mktemp("out"),
    }


def test_every_program_is_in_the_table():
    programs = {
        path.relative_to(ROOT).as_posix()
        for folder in (ROOT, ROOT / "tools", ROOT / "demos")
        for path in folder.glob("*.py")
        if "command_line.run(" in path.read_text()
    }
    assert programs | {"train_hg.py"} == set(WITH_TENSORFLOW) | WITHOUT_TENSORFLOW


@pytest.mark.parametrize(
    ("program", "words"), [(program, words) for program, lines in WITH_TENSORFLOW.items() for words in lines]
)
def test_nothing_but_its_own_lines(program, words, machine):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, program, *words.format(**machine).split()],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in (done.stderr + done.stdout).splitlines() if CHATTER.search(line)] == []


@pytest.mark.parametrize("closed", ["1", "2", "0,1,2"])
def test_a_program_works_without_the_streams_that_it_was_not_given(tmp_path, closed):
    """As under a daemon; the files that it writes must not get the numbers of the streams, nor what is printed."""
    words = ["--num_train=1", "--num_test=0", "--image_size=64", f"--output_dir={tmp_path}/data"]
    command = [sys.executable, ROOT / "tools/make_synthetic_data.py", *words]
    close = "; ".join(f"os.close({number})" for number in closed.split(","))
    code = f"import os, sys; {close}; os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, *command])
    assert done.returncode == 0
    drawn = sorted((tmp_path / "data" / "train_0").rglob("*.jpg"))
    assert len(drawn) == 5
    assert all(cv2.imread(str(path)) is not None for path in drawn)


@pytest.mark.parametrize("closed", ["1", "2", "0,1,2"])
def test_what_a_program_starts_has_the_streams_that_it_was_not_given(closed):
    code = (
        "import subprocess, sys; from configs import streams; streams.open_closed(); "
        "child = 'import os; [os.fstat(number) for number in range(3)]'; "
        "sys.exit(subprocess.run([sys.executable, '-c', child]).returncode)"
    )
    close = "; ".join(f"os.close({number})" for number in closed.split(","))
    start = f"import os, sys; {close}; os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", start, sys.executable, "-c", code], cwd=ROOT)
    assert done.returncode == 0
