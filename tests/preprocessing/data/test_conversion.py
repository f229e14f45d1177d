"""Which photo goes where, same seed same bytes, and a conversion that is stopped, repeated, or met by another."""

import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from fashionai import CATEGORIES, SCHEMA, keypoint_indices
from hypothesis import strategies as st
from PIL import Image

from base import files
from base.errors import DataError, DataErrors
from preprocessing.data import (
    annotations,
    conversion,
    conversion_plan,
    layout,
    manifest,
    photos,
    records,
    shard_writing,
)

ROOT = Path(__file__).resolve().parents[3]
PHOTOS = {"blouse": 3, "dress": 20, "outwear": 0, "skirt": 41, "trousers": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """train_0 and train_1 with PHOTOS of each category in either, test_0 with skirts and dresses by turns."""
    folder = tmp_path_factory.mktemp("conversion")
    for split in ("train_0", "train_1"):
        ids, categories = [], []
        for category, count in PHOTOS.items():
            ids += [f"Images/{category}/{split}{number}.jpg" for number in range(count)]
            categories += [category] * count
        points = np.full([len(ids), 24, 2], -1.0)
        visibility = np.full([len(ids), 24], -1)
        for number, category in enumerate(categories):
            own = list(keypoint_indices(category))
            points[number, own] = [number % 40, number % 50]
            visibility[number, own] = 1
        annotations.write(folder / split / "Annotations/annotations.csv", ids, categories, points, visibility)
        write_photos(folder / split, ids)
    rows = [(f"Images/{category}/{number}.jpg", category) for number in range(5) for category in ("skirt", "dress")]
    write_photos(folder / "test_0", [image_id for image_id, _ in rows])
    lines = ["image_id,image_category", *map(",".join, rows)]
    (folder / "test_0/test.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_photos(split, image_ids):
    for number, image_id in enumerate(image_ids):
        (split / image_id).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(split / image_id), np.full([50, 40, 3], number % 256, np.uint8))


def plan(data, seed=0, val_fraction=0.1, splits=None, shard_records=7):
    rows, faults = conversion_plan.read_rows(layout.list_splits(data, splits), SCHEMA)
    assert not faults
    labelled = rows[0].points is not None
    return conversion_plan.make_plan(rows, labelled, val_fraction, seed, shard_records)


def names(shards, validation):
    return {(row.split, row.image_id) for shard in shards if ("_val" in shard.name) == validation for row in shard.rows}


def contents(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("[!.]*")}


def test_every_photo_goes_into_one_shard_of_its_category(data):
    shards = plan(data)
    for category, count in PHOTOS.items():
        own = [shard for shard in shards if shard.name.startswith(category)]
        assert {row.category for shard in own for row in shard.rows} <= {category}
        assert len(names(own, True) | names(own, False)) == sum(len(shard.rows) for shard in own) == 2 * count
        # A tenth, rounded; at least one where there are two or more.
        assert len(names(own, True)) == {3: 1, 20: 4, 0: 0, 41: 8, 1: 1}[count]
    assert [shard.name for shard in shards if shard.name.startswith("dress")] == [
        *(f"dress_000{number}.tfrecord" for number in range(6)),  # 36 in sevens
        "dress_0000_val.tfrecord",
    ]
    half = [row.split for shard in shards if shard.name.startswith("skirt") for row in shard.rows][:41]
    assert 10 < half.count(str(data / "train_0")) < 31  # the splits are mixed


def test_another_seed_draws_another_validation_set(data):
    assert [shard.name for shard in plan(data, seed=1)] == [shard.name for shard in plan(data, seed=1)]
    assert names(plan(data, seed=1), True) == names(plan(data, seed=1), True)
    assert names(plan(data, seed=1), True) != names(plan(data, seed=2), True)


def test_one_photo_less_moves_no_other(data):
    rows, _ = conversion_plan.read_rows(layout.list_splits(data), SCHEMA)
    fewer = [row for row in rows if not row.image_id.endswith("skirt/train_07.jpg")]
    assert len(fewer) == len(rows) - 1
    before = names(conversion_plan.make_plan(rows, True, 0.5, 0), True)
    after = names(conversion_plan.make_plan(fewer, True, 0.5, 0), True)
    assert len(before - after) <= 1
    assert len(after - before) <= 1


def test_without_validation(data):
    shards = plan(data, val_fraction=0)
    assert not names(shards, True)
    assert len(names(shards, False)) == 2 * sum(PHOTOS.values())


def test_test_photos_stay_in_the_order_of_their_csv(data, tmp_path):
    shards = plan(data, splits=["test_0"], val_fraction=0.5, shard_records=2)
    conversion.convert(shards, tmp_path, labelled=False, skip_bad=False)
    for category in ("skirt", "dress"):
        dataset = tf.data.TFRecordDataset(records.list_shards(tmp_path, category))
        examples = dataset.map(lambda record: records.parse(record, labelled=False)).as_numpy_iterator()
        ids = [example["image_id"].decode() for example in examples]
        assert ids == [f"Images/{category}/{number}.jpg" for number in range(5)]
    assert not records.list_shards(tmp_path, "all", validation=True)
    assert manifest.read(tmp_path)["labelled"] is False


def test_same_seed_same_bytes(data, tmp_path, program):
    for folder, seed in (("a", 3), ("b", 3), ("c", 4)):
        words = (f"--data_dir={data}", f"--output_dir={tmp_path / folder}", f"--seed={seed}")
        assert program("tools/convert_tfrecords.py", *words) == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")
    assert {name.split("_")[0] for name in contents(tmp_path / "a")} == {*CATEGORIES, "manifest.json"} - {"outwear"}


def test_named_splits_only(data, tmp_path, program):
    words = (f"--data_dir={data}", f"--output_dir={tmp_path}", "--splits=train_1", "--val_fraction=0")
    assert program("tools/convert_tfrecords.py", *words) == 0
    assert manifest.verify(tmp_path, CATEGORIES) == {name: (count, 0) for name, count in PHOTOS.items()}


def test_photos_of_two_kinds_of_splits_do_not_meet_in_a_folder(data, tmp_path):
    conversion.convert(plan(data), tmp_path, labelled=True, skip_bad=False)
    before = contents(tmp_path)
    with pytest.raises(DataError, match="holds training records: expected another folder for test records"):
        conversion.convert(plan(data, splits=["test_0"]), tmp_path, labelled=False, skip_bad=False)
    assert contents(tmp_path) == before


def test_records_of_another_program_are_not_replaced(data, tmp_path):
    (tmp_path / "skirt_0000.tfrecord").write_bytes(b"precious")
    with pytest.raises(DataError, match="another program"):
        conversion.convert(plan(data), tmp_path, labelled=True, skip_bad=False)
    assert (tmp_path / "skirt_0000.tfrecord").read_bytes() == b"precious"


def test_other_settings_replace_an_earlier_conversion(data, tmp_path):
    conversion.convert(plan(data, seed=1), tmp_path / "a", labelled=True, skip_bad=False)
    conversion.convert(plan(data, seed=2, val_fraction=0), tmp_path / "a", labelled=True, skip_bad=False)
    conversion.convert(plan(data, seed=2, val_fraction=0), tmp_path / "b", labelled=True, skip_bad=False)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


class Stopped(Exception):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("after", [0, 1, 30, 60])
def test_a_stopped_conversion_goes_on_to_the_same_bytes(data, tmp_path, after, monkeypatch):
    monkeypatch.setattr(conversion, "_SECONDS_BETWEEN_NOTES", 0)
    conversion.convert(plan(data), tmp_path / "undisturbed", labelled=True, skip_bad=False)
    count = iter(range(1000))

    def stop():
        if next(count) == after:
            raise Stopped

    with pytest.raises(Stopped):
        conversion.convert(plan(data), tmp_path / "stopped", labelled=True, skip_bad=False, on_photo=stop)
    with pytest.raises(DataError, match="the conversion was stopped"):
        manifest.verify(tmp_path / "stopped", ["skirt"])
    (tmp_path / "stopped/.skirt_0000.tfrecord.abc.tmp").touch()  # as SIGKILL leaves it
    pending = manifest.read(tmp_path / "stopped" / conversion.PENDING)
    done = set(pending["shards"]) if pending else set()
    assert bool(done) == (after >= 30)
    written = []
    really_write = shard_writing.write_shard
    monkeypatch.setattr(
        shard_writing, "write_shard", lambda shard, *rest: written.append(shard.name) or really_write(shard, *rest)
    )
    conversion.convert(plan(data), tmp_path / "stopped", labelled=True, skip_bad=False)
    assert contents(tmp_path / "stopped") == contents(tmp_path / "undisturbed")
    assert not done & set(written)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_killed_process_leaves_whole_shards_only(data, tmp_path, signal_number):
    conversion.convert(plan(data, shard_records=conversion_plan.SHARD_RECORDS), tmp_path / "a", True, False)
    words = [
        sys.executable,
        ROOT / "tools/convert_tfrecords.py",
        f"--data_dir={data}",
        f"--output_dir={tmp_path / 'b'}",
    ]
    words += ["--val_fraction=0.1"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "b/manifest.json").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal_number)
    _, errors = process.communicate()
    assert "Traceback" not in errors
    assert process.returncode in (0, {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}[signal_number])
    undisturbed = contents(tmp_path / "a")
    for path in (tmp_path / "b").glob("*.tfrecord"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == undisturbed[path.name]
    assert subprocess.run(words).returncode == 0
    assert contents(tmp_path / "b") == undisturbed


@pytest.mark.parametrize("change", ["flip", "cut", "remove", "manifest"])
def test_the_same_command_repairs(data, tmp_path, change):
    out = tmp_path / "out"
    conversion.convert(plan(data), out, labelled=True, skip_bad=False)
    before = contents(out)
    shard = out / "skirt_0001.tfrecord"
    if change == "flip":
        shard.write_bytes(shard.read_bytes()[:-9] + b"x" + shard.read_bytes()[-8:])
    elif change == "cut":
        shard.write_bytes(shard.read_bytes()[:100])
    elif change == "remove":
        shard.unlink()
    else:
        (out / "manifest.json").write_bytes((out / "manifest.json").read_bytes()[:99])
    conversion.convert(plan(data), out, labelled=True, skip_bad=False)
    assert contents(out) == before


def test_a_second_process_on_one_folder_is_refused(data, tmp_path, program, capfd):
    with files.exclusive_folder(tmp_path):
        assert program("tools/convert_tfrecords.py", f"--data_dir={data}", f"--output_dir={tmp_path}") == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f"{tmp_path}: is in use by another process" in lines[0]


@pytest.mark.parametrize("name", ["file", "file/folder", "/proc/records"])
def test_a_place_that_cannot_be_written(data, tmp_path, name, program, capfd):
    (tmp_path / "file").write_text("mine")
    assert program("tools/convert_tfrecords.py", f"--data_dir={data}", f"--output_dir={tmp_path / name}") == 1
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "cannot be written" in lines[0]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("kilobytes", [1, 16, 64])
def test_a_full_disk(data, tmp_path, kilobytes):
    """`ulimit -f` refuses files beyond a size, as a full disk does."""
    out = tmp_path / "out"
    command = f"ulimit -f {kilobytes}; exec {sys.executable} {ROOT}/tools/convert_tfrecords.py --data_dir={data}"
    done = subprocess.run(["bash", "-c", f"{command} --output_dir={out}"], capture_output=True, text=True)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written (File too large)" in done.stderr
    assert not list(out.glob(".*.tmp"))
    assert not (manifest.read(out) or {"complete": False})["complete"]
    assert manifest.find_fault(sorted(map(str, out.glob("*.tfrecord")))) is None
    conversion.convert(plan(data, shard_records=conversion_plan.SHARD_RECORDS), out, True, False)
    assert manifest.verify(out, CATEGORIES, checksums=True)["skirt"] == (74, 8)


@pytest.fixture
def copy(data, tmp_path):
    """A copy of the data set that a test may change."""
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


def convert(data, out, **options):
    rows, faults = conversion_plan.read_rows(layout.list_splits(data), SCHEMA)
    shards = conversion_plan.make_plan(rows, True, options.pop("val_fraction", 0.1), options.pop("seed", 0), 7)
    return conversion.convert(shards, out, labelled=True, skip_bad=False, faults=faults, **options)


def test_two_exchanged_photos_and_an_edit_of_equal_size_are_noticed(copy, tmp_path):
    """Photos of one size whose files keep their times, as `cp -p` and archives leave them."""
    skirts = [copy / f"train_0/Images/skirt/train_0{number}.jpg" for number in (7, 8, 9)]
    for path in skirts:
        path.write_bytes(path.read_bytes().ljust(900, b"\0"))
        os.utime(path, (1e9, 1e9))
    convert(copy, tmp_path / "out")
    before = contents(tmp_path / "out")
    one, other, third = (path.read_bytes() for path in skirts)
    for path, content in zip(skirts, (other, one, third[:-1] + b"x")):
        path.write_bytes(content)
        os.utime(path, (1e9, 1e9))
    convert(copy, tmp_path / "out")
    convert(copy, tmp_path / "anew")
    assert contents(tmp_path / "out") == contents(tmp_path / "anew") != before


def faulty_photo(data):
    path = data / "train_1/Images/dress/train_13.jpg"
    path.write_bytes(path.read_bytes()[:200])


def missing_photo(data):
    (data / "train_1/Images/dress/train_13.jpg").unlink()


def faulty_cell(data):
    path = data / "train_1/Annotations/annotations.csv"
    path.write_text(path.read_text().replace("_1,", "_7,", 1))


def one_row_less(data):
    path = data / "train_0/Annotations/annotations.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


@pytest.mark.parametrize("faults", [(faulty_photo,), (missing_photo,), (faulty_cell,), (faulty_cell, faulty_photo)])
def test_faults_leave_an_earlier_conversion_as_it_was(copy, tmp_path, faults):
    convert(copy, tmp_path / "out")
    before = contents(tmp_path / "out")
    for fault in (one_row_less, *faults):
        fault(copy)
    with pytest.raises(DataErrors) as caught:
        convert(copy, tmp_path / "out", seed=3)
    assert len(caught.value.errors) == len(faults)
    assert contents(tmp_path / "out") == before
    assert manifest.verify(tmp_path / "out", CATEGORIES, checksums=True)["dress"] == (36, 4)


@pytest.mark.parametrize("fault", [faulty_photo, missing_photo, faulty_cell])
def test_good_shards_survive_faults_and_the_repaired_data_give_the_undisturbed_bytes(
    data, copy, tmp_path, fault, monkeypatch
):
    convert(data, tmp_path / "undisturbed")
    broken = copy / "train_0/Images/skirt/train_07.jpg"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:100])
    with pytest.raises(DataErrors):
        convert(copy, tmp_path / "out")
    good = set(manifest.read(tmp_path / "out" / conversion.PENDING)["shards"])
    assert len(good) == len(plan(copy)) - 1
    assert not list((tmp_path / "out").glob("*.tfrecord"))
    broken.write_bytes(whole)
    shutil.copytree(copy, tmp_path / "repaired")
    fault(copy)
    with pytest.raises(DataErrors):
        convert(copy, tmp_path / "out")
    shutil.rmtree(copy)
    shutil.copytree(tmp_path / "repaired", copy)
    written = []
    write = shard_writing.write_shard
    monkeypatch.setattr(
        shard_writing, "write_shard", lambda shard, *rest: written.append(shard.name) or write(shard, *rest)
    )
    convert(copy, tmp_path / "out")
    assert len(written) == 1
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


DAMAGES = {
    "a photo cut": ("photo", lambda content: content[:150]),
    "a photo empty": ("photo", lambda content: b""),
    "a photo no image": ("photo", lambda content: b"text" * 50),
    "a cell that is none": ("csv", lambda content: content.replace(b"_1,", b"_7,", 1)),
    "a cell outside": ("csv", lambda content: content.replace(b",7_7_1", b",7777_7_1", 1)),
    "a row twice": ("csv", lambda content: content + content.splitlines()[-1] + b"\n"),
    "a short row": ("csv", lambda content: content[: content.rindex(b",")] + b"\n"),
    "no CSV at all": ("csv", lambda content: b"\xff\xfe\x00"),
    "nothing": ("photo", lambda content: content),
}
RUNS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(sorted(DAMAGES)), st.integers(0, 60)), max_size=2),
        st.sampled_from([0, 0, 1]),  # the seed
    ),
    min_size=1,
    max_size=3,
)


@hypothesis.settings(
    max_examples=8, derandomize=True, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
@hypothesis.given(runs=RUNS)
def test_whatever_was_wrong_nothing_good_is_lost_and_the_repaired_data_give_the_undisturbed_bytes(
    data, tmp_path_factory, runs
):
    folder = tmp_path_factory.mktemp("runs")
    copy = folder / "data"
    shutil.copytree(data, copy)
    files = {"photo": sorted((copy / "train_0").rglob("*.jpg")), "csv": [copy / "train_0/Annotations/annotations.csv"]}
    for damages, seed in runs:
        former = {}
        for name, number in damages:
            kind, damage = DAMAGES[name]
            path = files[kind][number % len(files[kind])]
            former.setdefault(path, path.read_bytes())
            path.write_bytes(damage(path.read_bytes()))
        before = contents(folder / "out") if (folder / "out").exists() else {}
        changed = [path for path, content in former.items() if path.read_bytes() != content]
        try:
            convert(copy, folder / "out", seed=seed)
            assert not changed
            assert manifest.verify(folder / "out", CATEGORIES, checksums=True)["skirt"] == (74, 8)
        except (DataError, DataErrors):
            assert changed
            after = contents(folder / "out") if (folder / "out").exists() else {}
            assert {**after, **before} == after  # what was there is there; a new folder has a manifest
            assert set(after) - set(before) <= {"manifest.json"}
        for path, content in former.items():
            path.write_bytes(content)
    convert(copy, folder / "out")
    convert(data, folder / "undisturbed")
    assert contents(folder / "out") == contents(folder / "undisturbed")


def test_a_stop_while_the_shards_take_their_places(data, tmp_path, monkeypatch):
    convert(data, tmp_path / "undisturbed")
    convert(data, tmp_path / "out", seed=5, val_fraction=0.5)
    replaced = []
    replace = os.replace

    def stop(source, target):
        if conversion.PENDING in str(source) and str(target).endswith(".tfrecord") and ".tmp" not in str(source):
            replaced.append(target)
            if len(replaced) == 5:
                raise Stopped
        return replace(source, target)

    monkeypatch.setattr(conversion.os, "replace", stop)
    with pytest.raises(Stopped):
        convert(data, tmp_path / "out")
    monkeypatch.undo()
    with pytest.raises(DataError, match="the conversion was stopped"):
        manifest.verify(tmp_path / "out", ["skirt"])
    monkeypatch.setattr(shard_writing, "write_shard", None)  # nothing is left to write
    convert(data, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it, and no file changes after it."""


def killed_at(number, monkeypatch):
    """Lets the `number`-th change of a file from now on, and all after it, fail."""
    count = itertools.count()

    def wrap(function):
        def change(*words, **options):
            if next(count) >= number:
                raise Killed
            return function(*words, **options)

        return change

    for name in ("replace", "remove", "unlink", "rmdir", "makedirs", "fsync"):
        monkeypatch.setattr(os, name, wrap(getattr(os, name)))
    return count


@pytest.mark.parametrize("earlier", [None, {"seed": 5, "val_fraction": 0.5}])
def test_a_kill_at_any_change_of_a_file_costs_nothing(data, tmp_path, earlier, monkeypatch):
    monkeypatch.setattr(conversion, "_SECONDS_BETWEEN_NOTES", 0)
    rows, _ = conversion_plan.read_rows(layout.list_splits(data), SCHEMA)
    rows = [row for row in rows if row.category in ("blouse", "trousers")]

    def convert_few(out, seed=0, val_fraction=0.2):
        shards = conversion_plan.make_plan(rows, True, val_fraction, seed, 3)
        conversion.convert(shards, out, labelled=True, skip_bad=False)

    convert_few(tmp_path / "undisturbed")
    if earlier:
        convert_few(tmp_path / "earlier", **earlier)
    kills = 0
    for number in itertools.count():
        out = tmp_path / f"{number}"
        if earlier:
            shutil.copytree(tmp_path / "earlier", out)
        with monkeypatch.context() as patch, contextlib.suppress(Killed):
            count = killed_at(number, patch)
            convert_few(out)
            if next(count) <= number:
                break
        kills += 1
        complete = out.exists() and (manifest.read(out) or {"complete": False})["complete"]
        if complete:  # then the earlier records are whole, or the new ones
            wholes = [tmp_path / "undisturbed"] + [tmp_path / "earlier"] * bool(earlier)
            assert contents(out) in map(contents, wholes)
        convert_few(out)
        assert contents(out) == contents(tmp_path / "undisturbed"), number
        shutil.rmtree(out)
    assert kills > 30


def test_more_cores_are_given_more_photos(data, tmp_path, monkeypatch):
    """As many photos are in work at a time as there are cores: each waits until all the others do, too."""
    monkeypatch.setattr(conversion.machine, "cores", lambda: 12)
    barrier, read = threading.Barrier(12), photos.read_bytes
    met = []

    def wait(path):
        if not met:
            barrier.wait(timeout=30)
            met.append(path)
        return read(path)

    monkeypatch.setattr(photos, "read_bytes", wait)
    convert(data, tmp_path / "out")
    assert met


def test_a_category_left_without_training_photos_is_said(copy, tmp_path, program, capfd):
    where = (f"--data_dir={copy}", f"--output_dir={tmp_path / 'out'}")
    assert program("tools/convert_tfrecords.py", *where, "--val_fraction=0.9") == 0
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "warning" in line]
    assert "trousers: 2 photos, all for validation: expected a smaller --val_fraction" in line


@pytest.mark.parametrize("faults", [0, 1])
def test_no_line_gets_lost_where_the_decoder_is_kept_quiet(tmp_path, faults):
    """The decoder's complaints are kept off stderr by its descriptor, which lines about other photos need, too."""
    ids = [f"Images/skirt/{number}.jpg" for number in range(60)]
    write_photos(tmp_path / "train_0", ids)
    exif = Image.Exif()
    exif[0x0112] = 6
    for number, image_id in enumerate(ids):
        path = tmp_path / "train_0" / image_id
        if number % 2:
            path.write_bytes(path.read_bytes() + b"\xff\xe1stray\xff\xd9")  # the decoder is asked, and complains
        else:
            Image.new("RGB", (600, 500)).save(path, exif=exif)
    categories = ["skirt"] * (len(ids) - faults) + ["hat"] * faults
    points, visibility = np.full([len(ids), 24, 2], 9), np.full([len(ids), 24], -1)
    visibility[:, keypoint_indices("skirt")] = 1
    annotations.write(tmp_path / "train_0/Annotations/a.csv", ids, categories, points, visibility)
    words = [f"--data_dir={tmp_path}", f"--output_dir={tmp_path / 'out'}"]
    command = [sys.executable, ROOT / "tools" / "convert_tfrecords.py", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ROOT})
    assert done.returncode == bool(faults), done.stderr
    assert done.stderr.count("EXIF") == len(ids) // 2
    assert done.stderr.count("'hat' is no category") == faults


def test_files_of_others_in_the_folder_stay(data, tmp_path):
    (tmp_path / ".mine.tmp").mkdir()
    (tmp_path / ".notes.tmp").write_text("notes")
    for _ in range(2):
        conversion.convert(plan(data, splits=["test_0"]), tmp_path, labelled=False, skip_bad=False)
        assert (tmp_path / ".notes.tmp").read_text() == "notes"
